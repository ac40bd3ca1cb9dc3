"""The bare kernels that a step of SLMRec-FAC cannot do without, on tensors of its sizes."""

from __future__ import annotations

from typing import Callable

import torch
from torch import Tensor

from benchmarks.device import device
from recbole_slmrec.graph.bipartite import interaction_graph
from recbole_slmrec.graph.product import InteractionBlock
from recbole_slmrec.model.slmrec import SLMRec

N_LAYERS = 3


def kernels(model: SLMRec, dataset, batch) -> dict[str, Callable[[], None]]:
    """The kernels by name; the floor of a step is the sum of their times.

    Args:
        model: SLMRec with the task FAC and three layers.
        dataset: the training split that it was built on.
        batch: one of its training batches.
    """
    batch = batch.to(device())
    users, items = batch[model.USER_ID], batch[model.ITEM_ID]
    return {
        "graph": _graph(model, dataset, users, items),
        "similarities": _similarities(model, len(users), len(users)),
        "optimiser": _optimiser(model),
    }


def distinct_similarities(model: SLMRec, batch) -> Callable[[], None]:
    """The similarities of the batch's distinct users and items alone, in place of all its rows."""
    n_users, n_items = (len(batch[field].unique()) for field in (model.USER_ID, model.ITEM_ID))
    return _similarities(model, n_users, n_items)


def _graph(model: SLMRec, dataset, users: Tensor, items: Tensor) -> Callable[[], None]:
    """Three hops from either side, forward and backward, the last on the batch's rows alone."""
    graph = interaction_graph(
        dataset.inter_feat[model.USER_ID],
        dataset.inter_feat[model.ITEM_ID],
        model.n_users,
        model.n_items,
    )
    block = InteractionBlock(graph, device())
    to_users, to_items = block.on_users, block.on_items
    users, items = users.unique(), items.unique()
    last_to_users, last_to_items = to_users.at(users), to_items.at(items)
    width = model.encoder.user_embedding.embedding_dim
    on_users, on_items = _rand(model.n_users, width), _rand(model.n_items, width)
    of_users, of_items = _rand(len(users), width), _rand(len(items), width)

    def run() -> None:
        # There and back from the users and from the items; then the same for their gradients.
        for _ in range(4):
            to_items(on_users)
            to_users(on_items)
        last_to_users(on_items)
        last_to_items(on_users)
        last_to_users.transposed(of_users)
        last_to_items.transposed(of_items)

    return run


def _similarities(model: SLMRec, n_users: int, n_items: int) -> Callable[[], None]:
    """For each InfoNCE the logits and the gradients of both sides: three products.

    The main one is of users and items, those of FAC are of items with themselves.
    """
    sizes = [(n_users, n_items, model.fusion.user_map.out_features)]
    sizes += [(n_items, n_items, linear.out_features) for linear in model.ssl_task.enter]
    sides = [(_rand(n, width), _rand(m, width)) for n, m, width in sizes]
    gradients = [(torch.empty_like(a), torch.empty_like(b)) for a, b in sides]
    logits = [_rand(n_users, n_items), *[_rand(n_items, n_items)] * (len(sizes) - 1)]

    def run() -> None:
        for scores, (anchors, positives), (of_anchors, of_positives) in zip(
            logits, sides, gradients
        ):
            torch.mm(anchors, positives.T, out=scores)
            torch.mm(scores, positives, out=of_anchors)
            torch.mm(scores.T, anchors, out=of_positives)

    return run


def _optimiser(model: SLMRec) -> Callable[[], None]:
    """One pass of fused Adam over every parameter."""
    parameters = [torch.rand_like(parameter) for parameter in model.parameters()]
    for parameter in parameters:
        parameter.grad = torch.rand_like(parameter)
    return torch.optim.Adam(parameters, weight_decay=1e-4, fused=True).step


def _rand(*shape: int) -> Tensor:
    return torch.rand(*shape, device=device())
