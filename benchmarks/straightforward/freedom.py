"""FREEDOM as its equations read: whole tables, the features of every item, two sparse matrices."""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.straightforward.adjacency import mean_over_layers, normalised_adjacency
from recbole_slmrec.model.freedom import FREEDOM


class StraightforwardFREEDOM(nn.Module):
    """Propagates all nodes and projects all features in every step.

    Only for dense features and one negative a row. Source: Zhou and Shen, ACM MM 2023.

    Args:
        model: this package's, in an epoch; the parameters are copies of its own. Its graph among items
            and the interactions that its epoch keeps, which are no part of a step, are taken over.
        config: its configuration.
        dataset: the training split that it was built on.
    """

    def __init__(self, model: FREEDOM, config, dataset):
        super().__init__()
        self.config = config
        self.fields = model.USER_ID, model.ITEM_ID, model.NEG_ITEM_ID
        block = model.pruned.block
        users, items = ids(model.n_users, block.user_degrees), block.on_users.columns
        self.adjacency = normalised_adjacency(users, items, model.n_users, model.n_items)
        self.features = [
            torch.from_numpy(modality.features).to(model.device)
            for modality in dataset.item_modalities
        ]
        sums = model.item_graph.sums
        ends = torch.stack([ids(model.n_items, sums.degrees), sums.columns.long()])
        weights = sums.weights.to(torch.get_default_dtype())
        self.item_graph = torch.sparse_coo_tensor(
            ends, weights, (model.n_items, model.n_items), check_invariants=True
        ).coalesce()
        parts = model.user_embedding, model.item_embedding, model.W
        self.user_embedding, self.item_embedding, W = copy.deepcopy(parts)
        self.projections = nn.ModuleList(W.values())

    def calculate_loss(self, interaction) -> Tensor:
        """L of a batch on the interactions of the epoch."""
        triples = [interaction[field] for field in self.fields]
        E_users, E_items = self.user_embedding.weight, self.item_embedding.weight
        z_users, z_items = mean_over_layers(
            self.adjacency, E_users, E_items, self.config["n_layers"]
        )
        h = E_items
        for _ in range(self.config["item_graph_layers"]):
            h = torch.sparse.mm(self.item_graph, h)
        loss = bpr(z_users, z_items + h, *triples)
        for X, projection in zip(self.features, self.projections):
            loss = loss + self.config["feature_weight"] * bpr(z_users, projection(X), *triples)
        return loss


def ids(n: int, degrees: Tensor) -> Tensor:
    """Each of ``n`` nodes as often as it has edges, in order."""
    return torch.arange(n, device=degrees.device).repeat_interleave(degrees)


def bpr(
    on_users: Tensor, on_items: Tensor, users: Tensor, positives: Tensor, negatives: Tensor
) -> Tensor:
    """The mean of -log sigmoid of what a positive's score is above a negative's."""
    vectors = on_users[users]
    above = (vectors * on_items[positives]).sum(1) - (vectors * on_items[negatives]).sum(1)
    return -F.logsigmoid(above).mean()
