"""Users that came after training, known by their items: the encoder's vectors, by folding in."""

from __future__ import annotations

from typing import Sequence

import torch
from recbole.model.abstract_recommender import GeneralRecommender
from torch import Tensor

from recbole_slmrec.graph.sides import Weights, node_weights
from recbole_slmrec.model.backbone import MultimodalLightGCN

# A column each, which the sums over neighbours take together at little more than the price of one.
_USERS_PER_BLOCK = 64


@torch.no_grad()
def new_user_vectors(model: GeneralRecommender, items: Sequence[Tensor]) -> Tensor:
    r"""The vectors of users that join the graph, each by itself, with a zero embedding.

    With A' the adjacency matrix (Eq. 2) of the training graph and the edges of the new user u, the
    tables :math:`E_m` as trained and a zero row for u in the users' table (Eq. 1-5),

    .. math::
        z_{u,m} = \frac{1}{L+1} \sum_{l=0}^{L} (\hat A'^l E_m)_u, \quad z_u = F_u(\ldots)

    This is exact: the degrees of the user's items, and what every node propagates, are those of
    the extended graph. Only row u of the sum of powers is made, by products from the left, for many
    users at a time. Users do not see one another. The vectors of items are not made anew: a new
    user is scored against those of the checkpoint.

    Args:
        model: SLMRec or MMLightGCN, in evaluation mode.
        items: the rows of each user's items, distinct, at least one.

    Returns:
        Shape (n, d).

    Raises:
        ValueError: for another model.
    """
    if not isinstance(model, MultimodalLightGCN):
        raise ValueError(
            f"new users: {type(model).__name__} makes no vector of a user from items alone; SLMRec "
            "and MMLightGCN do"
        )
    tables = {name: model.encoder.table(name) for name in model.encoder.names}
    blocks = []
    for start in range(0, len(items), _USERS_PER_BLOCK):
        own = items[start : start + _USERS_PER_BLOCK]
        of_users, of_items = _rows_of_powers(model, own)
        user_part = of_users.T @ model.encoder.user_embedding.weight
        z = {name: user_part + of_items.T @ table for name, table in tables.items()}
        blocks.append(model.of_new_users(model.fusion.users(z), own))
    return torch.cat(blocks)


def _rows_of_powers(model: MultimodalLightGCN, items: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Row u of 1/(L+1) sum_l A'^l, a column for each new user: on old users and on items."""
    propagation = model.encoder.propagation
    block = propagation.block
    like = model.encoder.user_embedding.weight
    edges = like.new_zeros(block.n_items, len(items))
    for column, own in enumerate(items):
        edges[own.to(like.device), column] = 1
    degrees = block.item_degrees.unsqueeze(1) + edges
    item = _reshaped(node_weights(degrees.flatten(), propagation.adjacency), edges)
    own = _reshaped(node_weights(edges.sum(0), propagation.adjacency), edges[0])
    users = _reshaped(propagation.users, like.new_zeros(block.n_users, 1))
    on_new = like.new_ones(len(items))
    on_users, on_items = like.new_zeros(block.n_users, len(items)), torch.zeros_like(edges)
    sum_users, sum_items = on_users, on_items
    for _ in range(propagation.n_layers):
        from_users = block.on_items(on_users * users.left) + edges * (on_new * own.left)
        from_items = on_items * item.left
        on_users = block.on_users(from_items) * users.right + on_users * users.loop
        on_new = (from_items * edges).sum(0) * own.right + on_new * own.loop
        on_items = from_users * item.right + on_items * item.loop
        sum_users, sum_items = sum_users + on_users, sum_items + on_items
    return sum_users / (propagation.n_layers + 1), sum_items / (propagation.n_layers + 1)


def _reshaped(weights: Weights, like: Tensor) -> Weights:
    """The weights in the shape and type of ``like``, with what None stands for written out."""

    def written(weight: Tensor | None, default: float) -> Tensor:
        if weight is None:
            return torch.full_like(like, default)
        return weight.view(like.shape).to(like.dtype)

    return Weights(written(weights.left, 1), written(weights.right, 1), written(weights.loop, 0))
