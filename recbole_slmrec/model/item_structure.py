"""LATTICE's graph of items: a frozen part by features, and one that is learnt with their projections."""

from __future__ import annotations

from typing import Any, Iterable, Sequence

import numpy as np
import torch
from scipy.sparse import diags
from torch import Tensor, nn

from recbole_slmrec.graph.item_graph import (
    LearntItemGraph,
    NewItems,
    cosines_of_new,
    weighted,
    weighted_of_new,
)
from recbole_slmrec.graph.nearest import content_neighbours, nearest_to
from recbole_slmrec.model.modality import FixedFeatures, WordFeatures
from recbole_slmrec.model.unit import unit_rows


class ItemStructure(nn.Module):
    r"""A = s sum_m a_m S_m + (1 - s) norm(sum_m a_m W_m) (Zhang et al., MM 2021).

    S_m is the weighted graph of the k nearest items by the features of modality m, W_m the cosines with
    the k nearest by their projection, ``norm`` is D^-1/2 . D^-1/2 with row sums D, and a the softmax of
    a trainable vector. A cosine that is 0 or negative is no edge. An item without features in a
    modality has no neighbours by it, and is nobody's, whatever the projection makes of a zero row.

    Args:
        projections: a linear map for each modality.
        neighbours: the nearest items by features, for each modality.
        k: neighbours of an item, itself among them.
        frozen_share: s.
        n_items: |I|.
    """

    def __init__(
        self,
        projections: nn.ModuleDict,
        neighbours: Iterable[np.ndarray],
        k: int,
        frozen_share: float,
        n_items: int,
    ):
        super().__init__()
        self.projections, self.k = projections, k
        self.frozen_share, self.n_items = frozen_share, n_items
        self.a = nn.Parameter(torch.zeros(len(projections)))
        for number, each in enumerate(neighbours):
            S = weighted(each).tocoo()
            places = torch.from_numpy(np.stack([S.row, S.col]).astype(np.int64))
            self.register_buffer(f"places_{number}", places, persistent=False)
            weights = torch.from_numpy(S.data).to(torch.get_default_dtype())
            self.register_buffer(f"weights_{number}", weights, persistent=False)

    def forward(self, features: Iterable[FixedFeatures | WordFeatures]) -> LearntItemGraph:
        """A as the parameters are, through which gradients flow.

        Args:
            features: of each modality.
        """
        shares = self.a.softmax(0)
        found = map(self._cosines, features, self.projections.values())
        learnt = [(places, a * cosines) for a, (places, cosines) in zip(shares, found)]
        places, cosines = (torch.cat(each, dim=-1) for each in zip(*learnt))
        edges = [(places, (1 - self.frozen_share) * self._normalised(places, cosines))]
        for number, a in enumerate(shares):
            weights = self.frozen_share * a * self.get_buffer(f"weights_{number}")
            edges.append((self.get_buffer(f"places_{number}"), weights))
        (items, neighbours), weights = (torch.cat(each, dim=-1) for each in zip(*edges))
        return LearntItemGraph(items, neighbours, weights, self.n_items)

    @torch.no_grad()
    def joined(
        self,
        features: Iterable[FixedFeatures | WordFeatures],
        rows: Sequence[Tensor],
        nearest: Sequence[tuple[np.ndarray, np.ndarray]],
    ) -> NewItems:
        """New items in A: in the frozen part by their features, in the learnt one by their projections.

        Args:
            features: of each modality.
            rows: the features of the new items in each, shape (n, D).
            nearest: for each, the items nearest to the new ones, and which of these have features.
        """
        shares, totals = self.a.softmax(0).tolist(), np.zeros(self.n_items)
        learnt: Any = 0
        own_learnt, weights, own = 0, 0, 0
        for number, (share, each, x, new) in enumerate(zip(shares, features, rows, nearest)):
            frozen = weighted_of_new(*new, self._diagonal(number))
            weights, own = weights + share * frozen.weights, own + share * frozen.own
            projection = list(self.projections.values())[number]
            places, cosines = self._cosines(each, projection)
            np.add.at(totals, places[0].cpu().numpy(), share * cosines.double().cpu().numpy())
            f, own_f = (self._projected(table, projection) for table in (each.all_rows(), x))
            own_f = own_f * torch.from_numpy(new[1]).to(own_f).unsqueeze(1)
            W = cosines_of_new(nearest_to(own_f, f, self.k - 1), self.n_items)
            learnt, own_learnt = learnt + share * W, own_learnt + share * new[1]
        inverse, own_inverse = map(_inverse, (totals, learnt.sum(axis=1).A1 + own_learnt))
        learnt = diags(np.sqrt(own_inverse)) @ learnt @ diags(np.sqrt(inverse))
        return NewItems(
            (self.frozen_share * weights + (1 - self.frozen_share) * learnt).tocsr(),
            self.frozen_share * own + (1 - self.frozen_share) * own_learnt * own_inverse,
        )

    def _normalised(self, places: Tensor, weights: Tensor) -> Tensor:
        """D^-1/2 W D^-1/2 of the weights of edges; each end of an edge has one with itself."""
        sums = weights.new_zeros(self.n_items).index_add(0, places[0], weights)
        return weights * (sums[places[0]] * sums[places[1]]).rsqrt()

    def _diagonal(self, number: int) -> np.ndarray:
        """The weight of each item with itself in the frozen graph of a modality."""
        places, weights = self.get_buffer(f"places_{number}"), self.get_buffer(f"weights_{number}")
        loops = places[0] == places[1]
        diagonal = weights.new_zeros(self.n_items).index_copy(0, places[0, loops], weights[loops])
        return diagonal.cpu().numpy()

    def _projected(self, x: Tensor, projection: nn.Linear) -> Tensor:
        """The projection of features, zero where there are none."""
        return projection(x) * (x != 0).any(dim=1, keepdim=True)

    def _cosines(
        self, features: FixedFeatures | WordFeatures, projection: nn.Linear
    ) -> tuple[Tensor, Tensor]:
        """W_m: the two ends of its edges, shape (2, E), and their cosines, shape (E,)."""
        f = self._projected(features.all_rows(), projection)
        neighbours = content_neighbours(f.detach(), self.k)
        kept = neighbours["cosine"] > 0
        items = np.broadcast_to(np.arange(len(f))[:, None], kept.shape)[kept]
        places = torch.from_numpy(np.stack([items, neighbours["item"][kept]])).to(f.device)
        unit = unit_rows(f)
        return places, (unit[places[0]] * unit[places[1]]).sum(dim=1)


def _inverse(totals: np.ndarray) -> np.ndarray:
    return np.divide(1, totals, out=np.zeros_like(totals), where=totals > 0)
