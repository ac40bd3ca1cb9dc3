"""BM3 as its equations read: whole tables, whole predictions, the features of every item."""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.straightforward.adjacency import mean_over_layers, normalised_adjacency
from recbole_slmrec.model.bm3 import BM3


class StraightforwardBM3(nn.Module):
    """Propagates all nodes, and projects, drops out and predicts all rows in every step.

    Only for dense features and ``regularisation: all``. Source: Zhou et al., WWW 2023.

    Args:
        model: this package's; the parameters are copies of its own.
        config: its configuration.
        dataset: the training split that it was built on.
    """

    def __init__(self, model: BM3, config, dataset):
        super().__init__()
        self.config, self.dropout_rate = config, config["dropout_rate"]
        self.users_field, self.items_field = model.USER_ID, model.ITEM_ID
        users, items = dataset.inter_feat[model.USER_ID], dataset.inter_feat[model.ITEM_ID]
        adjacency = normalised_adjacency(users, items, model.n_users, model.n_items)
        self.adjacency = adjacency.to(model.device)
        self.features = [
            torch.from_numpy(modality.features).to(model.device)
            for modality in dataset.item_modalities
        ]
        parts = model.user_embedding, model.item_embedding, model.W, model.P
        self.user_embedding, self.item_embedding, W, self.predictor = copy.deepcopy(parts)
        self.projections = nn.ModuleList(W.values())

    def target(self, x: Tensor) -> Tensor:
        """A dropout of a table, without gradient."""
        return F.dropout(x.detach(), self.dropout_rate)

    def calculate_loss(self, interaction) -> Tensor:
        """L of a batch of users and items."""
        users, items = interaction[self.users_field], interaction[self.items_field]
        E_users, E_items = self.user_embedding.weight, self.item_embedding.weight
        h_users, h_items = mean_over_layers(
            self.adjacency, E_users, E_items, self.config["n_layers"]
        )
        h_items = h_items + E_items
        t_users, t_items = self.target(h_users), self.target(h_items)
        loss = distance(self.predictor(h_users)[users], t_items[items])
        loss = loss + distance(self.predictor(h_items)[items], t_users[users])
        for X, projection in zip(self.features, self.projections):
            f = projection(X)
            predicted, t_f = self.predictor(f)[items], self.target(f)[items]
            distances = distance(predicted, t_items[items]) + distance(predicted, t_f)
            loss = loss + self.config["modality_weight"] * distances
        norms = (torch.norm(h_users[1:]) + torch.norm(h_items[1:])) / (len(h_items) - 1)
        return loss + self.config["reg_weight"] * norms


def distance(predicted: Tensor, targets: Tensor) -> Tensor:
    """The mean of 1 - cosine, row by row."""
    return 1 - F.cosine_similarity(predicted, targets).mean()
