"""LGMRec (Guo et al., AAAI 2024): interests that are local in a graph, and global over hyperedges."""

from __future__ import annotations

from itertools import combinations
from typing import Callable, NamedTuple, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from recbole_slmrec.graph.propagation import Propagation
from recbole_slmrec.model.graph_recommender import GraphRecommender
from recbole_slmrec.model.losses import (
    Pairs,
    bpr,
    check_temperature,
    half_squares,
    weighted_info_nce,
)
from recbole_slmrec.model.modality import FixedFeatures, WordFeatures
from recbole_slmrec.model.recommender import (
    check_negatives,
    check_share,
    check_size,
    check_weight,
)
from recbole_slmrec.model.rows import ALL, Part, Rows
from recbole_slmrec.model.unit import unit_rows


class Hyper(NamedTuple):
    """hyper_m of all users and items, as products of rank n_hyperedges.

    Attributes:
        shares: H' of users and items, shapes (|U|, n_hyperedges) and (|I|, n_hyperedges).
        hyperedges: what these hold, shape (n_hyperedges, d).
    """

    shares: Part
    hyperedges: Tensor

    def vectors(self) -> Part:
        """hyper_m, shapes (|U|, d) and (|I|, d)."""
        return Part(*(H @ self.hyperedges for H in self.shares))

    def of_length_one(self) -> Part:
        """H' by which the rows of hyper_m have length one; a zero row stays zero."""
        lengths = (torch.linalg.vector_norm(side, dim=1, keepdim=True) for side in self.vectors())
        scaled = (H / torch.where(own == 0, 1, own) for H, own in zip(self.shares, lengths))
        return Part(*scaled)


class LGMRec(GraphRecommender):
    r"""LightGCN, features that are spread over its graph, and hyperedges that features put items into.

    Source: Guo et al., LGMRec: Local and Global Graph Learning for Multimodal Recommendation, AAAI 2024.

    c = LGCN_L(E_u, E_i). In modality m items start with X_m W_m and users with the mean of their items;
    g_m is what n hops by D^-1/2 A D^-1/2 make of that. With the interactions R,

    .. math::
        H_i = X_m V_m, \quad H_u = R H_i, \quad H' = dropout(softmax((H + Gumbel) / \tau)),

    and, as often as there are layers of hyperedges, from :math:`x = c_i`,

    .. math:: hyper_m = [H'_u H_i'^T x; H'_i H_i'^T x], \quad x \leftarrow H'_i H_i'^T x

    .. math::
        z = c + \sum_m \frac{g_m}{\lVert g_m \rVert} + \alpha \frac{\sum_m hyper_m}{\lVert \sum_m hyper_m
        \rVert}

    .. math::
        L = BPR + \beta \sum_{m < m'} [InfoNCE_u(hyper_m, hyper_{m'}) + InfoNCE_i(hyper_m, hyper_{m'})] +
        \frac{\lambda}{2 B} \sum \lVert z \rVert^2

    InfoNCE compares a batch's users, and its positives, by cosine over :math:`\tau` with all users or
    items. The authors' code sums over a batch what is a mean here: its weight of 1e-4 in batches of
    2,048 would be 0.2. Evaluation has neither Gumbel noise nor dropout, so that a score is one number. With a
    single modality there is no pair to compare.

    Every setting is described in ``properties/model/LGMRec.yaml``.

    Args:
        config: the run's configuration.
        dataset: the training split, a
            :class:`~recbole_slmrec.data.dataset.MultimodalDataset`.

    Raises:
        ValueError: for a setting out of range (the message names the key), or without a modality.
    """

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        _check(config)
        self.tau, self.dropout_rate = config["tau"], config["dropout_rate"]
        self.hyper_weight, self.n_hyper_layers = config["hyper_weight"], config["hyper_layers"]
        self.contrast_weight, self.reg_weight = config["contrast_weight"], config["reg_weight"]
        self.propagation = Propagation(self.block, config["n_layers"])
        self.n_feature_layers = config["feature_layers"]
        self.W = self.projections(config["embedding_size"], bias=False)
        self.V = self.projections(config["n_hyperedges"], bias=False)
        for key, features in self.features.items():
            if isinstance(features, FixedFeatures):
                # What spreads is linear in the features, so that they are spread once.
                for side, table in self._spread(features.all_rows())._asdict().items():
                    self.register_buffer(f"{key}_{side}", table, persistent=False)
        self.initialise()

    def forward(self) -> Part:
        """z of all users and items, without noise: shapes (|U|, d) and (|I|, d)."""
        c = self.propagated(self.propagation, ALL)
        return self._vectors(ALL, c, self.hyper(c.on_items, self._expected))

    def drawn(self, H: Tensor) -> Tensor:
        """The shares of hyperedges in each row of H, by a draw."""
        noise = -torch.empty_like(H).exponential_().log()
        return F.dropout(((H + noise) / self.tau).softmax(1), self.dropout_rate)

    def hyper(self, c_items: Tensor, shares: Callable[[Tensor], Tensor]) -> list[Hyper]:
        """hyper_m in each modality.

        Args:
            c_items: c of all items, shape (|I|, d).
            shares: from H_i, and then H_u, to H'; shape (n, n_hyperedges).
        """
        parts = []
        for features, V in zip(self.features.values(), self.V.values()):
            H = V(features.all_rows())
            H_items, H_users = shares(H), shares(self.block.to_users(H))
            parts.append(Hyper(Part(H_users, H_items), self._hyperedges(H_items, c_items)))
        return parts

    def vectors_of_new_items(self, features: Sequence[Tensor]) -> Tensor:
        """z of items without interactions and with a zero embedding, which no hyperedge knows yet.

        Of the local part nothing is left after a hop.

        Args:
            features: in each modality, shape (n, D).

        Returns:
            Shape (n, d).
        """
        c = self.propagated(self.propagation, ALL).on_items
        z, together = 0, 0
        for own, rows, W, V in zip(
            self.features.values(), features, self.W.values(), self.V.values()
        ):
            hyperedges = self._hyperedges(self._expected(V(own.all_rows())), c)
            together = together + self._expected(V(rows)) @ hyperedges
            z = z + (unit_rows(W(rows)) if self.n_feature_layers == 0 else 0)
        return z + self.hyper_weight * unit_rows(together)

    def calculate_loss(self, interaction) -> Tensor:
        """L of a batch."""
        self.forget_tables()
        users, items, negatives = self.batch(interaction)
        rows = Rows.with_negatives(users, items, negatives)
        # Hyperedges hold all items.
        c = self.propagated(self.propagation, Rows.with_every_item(users, rows.item_places))
        hyper = self.hyper(c.on_items, self.drawn)
        c = Part(c.on_users, c.on_items[rows.items])
        triples = rows.triples(self._vectors(rows, c, hyper))
        loss = bpr(*triples) + self.reg_weight * half_squares(*triples)
        if self.contrast_weight == 0 or len(hyper) < 2:
            return loss
        return loss + self.contrast_weight * self._contrast(hyper, users, items)

    def _expected(self, H: Tensor) -> Tensor:
        """The shares of hyperedges without a draw."""
        return (H / self.tau).softmax(1)

    def _hyperedges(self, H_items: Tensor, x: Tensor) -> Tensor:
        """What hyperedges hold in their last layer, of a table x of all items: shape (n_hyperedges, d)."""
        # The padding in row 0 is no item.
        hyperedges = H_items[1:].T @ x[1:]
        for _ in range(self.n_hyper_layers - 1):
            hyperedges = H_items[1:].T @ (H_items @ hyperedges)[1:]
        return hyperedges

    def _vectors(self, rows: Rows, c: Part, hyper: Sequence[Hyper]) -> Part:
        """z of the distinct ``rows``, for which c is given."""
        sides = [c, *(Part(*map(unit_rows, self._local(key, rows))) for key in self.features)]
        of_rows = (Hyper(rows.of(*each.shares), each.hyperedges).vectors() for each in hyper)
        together = map(sum, zip(*of_rows))
        sides.append(Part(*(self.hyper_weight * unit_rows(side) for side in together)))
        return Part(*map(sum, zip(*sides)))

    def _local(self, key: str, rows: Rows) -> Part:
        """g_m of the distinct ``rows``."""
        features, W = self.features[key], self.W[key]
        if isinstance(features, WordFeatures):
            return rows.of(*self._spread(W(features.all_rows())))
        spread = (self.get_buffer(f"{key}_{side}") for side in Part._fields)
        return Part(*map(W, rows.of(*spread)))

    def _spread(self, x: Tensor) -> Part:
        """What the hops make of an item table, shape (|I|, w), and its means on users."""
        degrees = self.block.user_degrees.clamp(min=1).unsqueeze(1)
        sides = self.block.to_users(x) / degrees, x
        for _ in range(self.n_feature_layers):
            sides = self.propagation.hop(*sides)
        return Part(*sides)

    def _contrast(self, hyper: Sequence[Hyper], users: Tensor, items: Tensor) -> Tensor:
        """The sum of InfoNCE over pairs of modalities, of a batch's users and positives.

        Cosines are products as narrow as there are hyperedges: (H K) H' with K = hyperedges hyperedges'.
        """
        loss, unit = 0, [each.of_length_one() for each in hyper]
        for one, other in combinations(range(len(hyper)), 2):
            K = hyper[one].hyperedges @ hyper[other].hyperedges.T
            for H, candidates, ids in zip(unit[one], unit[other], (users, items)):
                distinct, places = torch.unique(ids, return_inverse=True)
                weights = torch.ones(len(candidates), device=ids.device)
                weights[0] = 0
                loss = loss + weighted_info_nce(
                    H[distinct] @ K,
                    candidates,
                    self.tau,
                    Pairs(places, ids),
                    weights,
                    similarity="dot",
                )
        return loss


def _check(config) -> None:
    check_negatives(config, "LGMRec")
    for key in ("n_hyperedges", "hyper_layers"):
        check_size(config, key)
    for key in ("hyper_weight", "contrast_weight", "reg_weight"):
        check_weight(config, key)
    check_temperature("tau", config["tau"])
    check_share(config, "dropout_rate")
    if type(config["feature_layers"]) is not int or config["feature_layers"] < 0:
        raise ValueError(
            f"feature_layers [{config['feature_layers']}] must be a whole number, 0 or more"
        )
