"""MGCN (Yu et al., ACM MM 2023): features that behaviour purifies, in views of items and users."""

from __future__ import annotations

from typing import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recbole_slmrec.graph.item_graph import ItemGraph, weighted
from recbole_slmrec.model.kept import kept_folder
from recbole_slmrec.model.neighbours import modality_neighbours
from recbole_slmrec.model.view_recommender import ViewRecommender


class MGCN(ViewRecommender):
    r"""A view by behaviour beside one by features, which the embeddings purify before they spread.

    Source: Yu et al., Multi-View Graph Convolutional Network for Multimedia Recommendation, ACM MM 2023.

    With x_i^m the features of item i, S_m the weighted graph of the k nearest items by them, and R^ the
    normalised interactions,

    .. math::
        e_m = E_i \odot \sigma((X_m W_m + b_m) G_m + g_m), \quad i_m = S_m e_m, \quad u_m = \hat R i_m,
        \quad c = LGCN_L(E_u, E_i)

    and on users and items alike, with :math:`y_m = [u_m; i_m]`,

    .. math::
        common &= \sum_m a_m y_m, \quad a = softmax_m(q \cdot \tanh(y_m Q + q_0)) \\
        side &= \frac{common + \sum_m \sigma(c P_m + p_m) \odot (y_m - common)}{|M| + 1} \\
        z &= c + side

    The loss is that of :class:`~recbole_slmrec.model.view_recommender.ViewRecommender`. Items that
    share words are alike in a modality of word lists. Every setting is described in
    ``properties/model/MGCN.yaml``.

    Args:
        config: the run's configuration.
        dataset: the training split, a
            :class:`~recbole_slmrec.data.dataset.MultimodalDataset`.

    Raises:
        ValueError: for a setting out of range (the message names the key), or without a modality.
    """

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        d, k, folder = config["embedding_size"], self.n_neighbours, kept_folder(config)
        self.item_graphs = [
            ItemGraph(weighted(modality_neighbours(each, self.n_items, k, folder)), self.device)
            for each in self.modalities
        ]
        self.W = self.projections(d)
        self.G = nn.ModuleList(nn.Linear(d, d) for _ in self.modalities)
        self.fuser = Fuser(d, len(self.modalities))
        self.initialise()

    def purified(self) -> Sequence[Tensor]:
        e = []
        for features, W, G in zip(self.features.values(), self.W.values(), self.G):
            # Both maps at once: the narrow product is of their weights, not of every item.
            weight, bias = G.weight @ W.weight, G.weight @ W.bias + G.bias
            gates = torch.sigmoid(F.linear(features.all_rows(), weight, bias))
            e.append(self.item_embedding.weight * gates)
        return e

    def side(self, y: Sequence[Tensor], c: Tensor) -> Tensor:
        return self.fuser(y, c)


class Fuser(nn.Module):
    """The side view from those of modalities, by what they have in common and what behaviour prefers.

    Args:
        width: d.
        n_modalities: |M|.
    """

    def __init__(self, width: int, n_modalities: int):
        super().__init__()
        self.Q = nn.Linear(width, width)
        self.q = nn.Linear(width, 1, bias=False)
        self.P = nn.ModuleList(nn.Linear(width, width) for _ in range(n_modalities))

    def forward(self, y: Sequence[Tensor], c: Tensor) -> Tensor:
        """side, shape (n, d), from |M| tables y_m and c, of this shape each."""
        shares = torch.stack([self.q(torch.tanh(self.Q(y_m))) for y_m in y]).softmax(0)
        common = sum(share * y_m for share, y_m in zip(shares, y))
        side = common
        for P_m, y_m in zip(self.P, y):
            side = side + torch.sigmoid(P_m(c)) * (y_m - common)
        return side / (len(y) + 1)
