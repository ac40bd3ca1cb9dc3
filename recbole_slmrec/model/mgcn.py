"""MGCN (Yu et al., ACM MM 2023): features that behaviour purifies, in views of items and users."""

from __future__ import annotations

from typing import NamedTuple, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recbole_slmrec.graph.item_graph import ItemGraph, weighted
from recbole_slmrec.graph.propagation import Propagation
from recbole_slmrec.model.graph_recommender import GraphRecommender
from recbole_slmrec.model.kept import kept_folder
from recbole_slmrec.model.losses import Pairs, bpr, check_temperature, half_squares, info_nce
from recbole_slmrec.model.neighbours import modality_neighbours
from recbole_slmrec.model.recommender import check_negatives, check_weight
from recbole_slmrec.model.rows import ALL, Part, Rows
from recbole_slmrec.model.unit import unit_rows


class Views(NamedTuple):
    """What a vector is made of, on the distinct rows that were asked for.

    Attributes:
        behaviour: c, by the interactions.
        side: by the features of items that are alike.
    """

    behaviour: Part
    side: Part

    def vectors(self) -> Part:
        """z = c + side."""
        return Part(*(c + side for c, side in zip(*self)))


class MGCN(GraphRecommender):
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

    .. math::
        L = BPR + \frac{\lambda}{2 B} \sum \lVert z \rVert^2 + \beta [InfoNCE(side_i, c_i) +
        InfoNCE(side_u, c_u)]

    The last compare a batch's positives, and its users, by cosine. Items that share words are alike in
    a modality of word lists. Every setting is described in ``properties/model/MGCN.yaml``.

    Args:
        config: the run's configuration.
        dataset: the training split, a
            :class:`~recbole_slmrec.data.dataset.MultimodalDataset`.

    Raises:
        ValueError: for a setting out of range (the message names the key), or without a modality.
    """

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        check_negatives(config, "MGCN")
        check_weight(config, "reg_weight")
        check_weight(config, "contrast_weight")
        check_temperature("tau", config["tau"])
        self.reg_weight, self.contrast_weight = config["reg_weight"], config["contrast_weight"]
        self.tau, self.gather = config["tau"], config["gather_negatives"]
        d, k, folder = config["embedding_size"], config["item_graph_k"], kept_folder(config)
        self.propagation = Propagation(self.block, config["n_layers"])
        self.item_graphs = [
            ItemGraph(weighted(modality_neighbours(each, self.n_items, k, folder)), self.device)
            for each in self.modalities
        ]
        self.W = self.projections(d)
        self.G = nn.ModuleList(nn.Linear(d, d) for _ in self.modalities)
        self.fuser = Fuser(d, len(self.modalities))
        self.initialise()

    def forward(self) -> Part:
        """z of all users and items: shapes (|U|, d) and (|I|, d)."""
        return self.views(ALL).vectors()

    def views(self, rows: Rows) -> Views:
        """Both views of the distinct ``rows``."""
        at = self.propagation.at(rows.users, rows.items)
        c = Part(*at.of_both(self.user_embedding.weight, self.item_embedding.weight))
        of_users, of_items = [], []
        for graph, e in zip(self.item_graphs, self._purified()):
            on_items = graph(e)
            of_users.append(at.hop_to_users(on_items))
            of_items.append(on_items if rows.items is None else on_items[rows.items])
        return Views(c, Part(self.fuser(of_users, c.on_users), self.fuser(of_items, c.on_items)))

    def calculate_loss(self, interaction) -> Tensor:
        """L of a batch."""
        self.forget_tables()
        users, items, negatives = self.batch(interaction)
        rows = Rows.with_negatives(users, items, negatives)
        views = self.views(rows)
        triples = rows.triples(views.vectors())
        loss = bpr(*triples) + self.reg_weight * half_squares(*triples)
        if self.contrast_weight == 0:
            return loss
        positives, kept = rows.of_first_items(len(items))
        contrast = self._contrast(views.side.on_users, views.behaviour.on_users, rows.user_places)
        contrast = contrast + self._contrast(
            views.side.on_items[kept], views.behaviour.on_items[kept], positives.item_places
        )
        return loss + self.contrast_weight * contrast

    def _purified(self) -> Sequence[Tensor]:
        """e_m of all items, whose neighbours a batch's users' items need: shape (|I|, d) each."""
        e = []
        for features, W, G in zip(self.features.values(), self.W.values(), self.G):
            # Both maps at once: the narrow product is of their weights, not of every item.
            weight, bias = G.weight @ W.weight, G.weight @ W.bias + G.bias
            gates = torch.sigmoid(F.linear(features.all_rows(), weight, bias))
            e.append(self.item_embedding.weight * gates)
        return e

    def _contrast(self, side: Tensor, c: Tensor, places: Tensor) -> Tensor:
        """InfoNCE by cosine of the rows of a batch, by their ``places`` in both tables."""
        pairs = Pairs(places, places)
        return info_nce(unit_rows(side), unit_rows(c), self.tau, "dot", self.gather, pairs)


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
