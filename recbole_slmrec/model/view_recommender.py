"""What MGCN and SMORE share: a view by behaviour, one by features, and the loss that compares them."""

from __future__ import annotations

from typing import NamedTuple, Sequence

import torch
from torch import Tensor

from recbole_slmrec.graph.item_graph import ItemGraph, NewItems, weighted_of_new
from recbole_slmrec.graph.propagation import Propagation
from recbole_slmrec.model.graph_recommender import GraphRecommender
from recbole_slmrec.model.losses import Pairs, bpr, check_temperature, half_squares, info_nce
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


class ViewRecommender(GraphRecommender):
    r"""z = c + side, where c = LGCN_L(E_u, E_i), and side follows from c and views y_n.

    A view has embeddings e_n that features have purified, and a graph S_n of items that are alike. With
    the normalised interactions R^,

    .. math:: i_n = S_n e_n, \quad u_n = \hat R i_n, \quad y_n = [u_n; i_n]

    .. math::
        L = BPR + \frac{\lambda}{2 B} \sum \lVert z \rVert^2 + \beta [InfoNCE(side_i, c_i) +
        InfoNCE(side_u, c_u)]

    The last compare a batch's positives, and its users, by cosine. A new item has the side that its
    neighbours give it.

    Args:
        config: the run's configuration.
        dataset: the training split, a
            :class:`~recbole_slmrec.data.dataset.MultimodalDataset`.

    Raises:
        ValueError: for a setting out of range (the message names the key), or without a modality.

    Attributes:
        item_graphs: S_n; set by the subclass.
    """

    item_graphs: Sequence[ItemGraph]

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        check_negatives(config, type(self).__name__)
        check_weight(config, "reg_weight")
        check_weight(config, "contrast_weight")
        check_temperature("tau", config["tau"])
        self.reg_weight, self.contrast_weight = config["reg_weight"], config["contrast_weight"]
        self.tau, self.gather = config["tau"], config["gather_negatives"]
        self.propagation = Propagation(self.block, config["n_layers"])
        self.n_neighbours = config["item_graph_k"]

    def purified(self) -> Sequence[Tensor]:
        """e_n of all items, which the neighbours of a batch's users' items need: shape (|I|, d) each."""
        raise NotImplementedError("a model says what its views are made of")

    def side(self, y: Sequence[Tensor], c: Tensor) -> Tensor:
        """side, shape (n, d), from views y_n and c, of this shape each."""
        raise NotImplementedError("a model says how its views are put together")

    def forward(self) -> Part:
        """z of all users and items: shapes (|U|, d) and (|I|, d)."""
        return self.views(ALL).vectors()

    def views(self, rows: Rows) -> Views:
        """Both views of the distinct ``rows``."""
        at = self.propagation.at(rows.users, rows.items)
        c = Part(*at.of_both(self.user_embedding.weight, self.item_embedding.weight))
        of_users, of_items = [], []
        for graph, e in zip(self.item_graphs, self.purified()):
            on_items = graph(e)
            of_users.append(at.hop_to_users(on_items))
            of_items.append(on_items if rows.items is None else on_items[rows.items])
        return Views(c, Part(self.side(of_users, c.on_users), self.side(of_items, c.on_items)))

    def vectors_of_new_items(self, features: Sequence[Tensor]) -> Tensor:
        """side of items without interactions and with a zero embedding, whose c is zero: shape (n, d).

        Args:
            features: in each modality, shape (n, D).
        """
        joined = self.joined(features)
        y = [
            each.power(1, graph, e)
            for each, graph, e in zip(joined, self.item_graphs, self.purified())
        ]
        return self.side(y, torch.zeros_like(y[0]))

    def joined(self, features: Sequence[Tensor]) -> list[NewItems]:
        """New items in the graph of each view."""
        nearest = self.nearest_of_new(features, self.n_neighbours - 1)
        return [
            weighted_of_new(*each, graph.diagonal())
            for each, graph in zip(nearest, self.item_graphs)
        ]

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

    def _contrast(self, side: Tensor, c: Tensor, places: Tensor) -> Tensor:
        """InfoNCE by cosine of the rows of a batch, by their ``places`` in both tables."""
        pairs = Pairs(places, places)
        return info_nce(unit_rows(side), unit_rows(c), self.tau, "dot", self.gather, pairs)
