"""LATTICE's graph of items: a frozen part by features, and one that is learnt with their projections."""

from __future__ import annotations

from typing import Iterable

import numpy as np
import torch
from torch import Tensor, nn

from recbole_slmrec.graph.item_graph import LearntItemGraph, weighted
from recbole_slmrec.graph.nearest import content_neighbours
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
        learnt = map(self._cosines, features, self.projections.values())
        learnt = [(places, a * cosines) for a, (places, cosines) in zip(shares, learnt)]
        places, cosines = (torch.cat(each, dim=-1) for each in zip(*learnt))
        edges = [(places, (1 - self.frozen_share) * _normalised(places, cosines))]
        for number, a in enumerate(shares):
            weights = self.frozen_share * a * self.get_buffer(f"weights_{number}")
            edges.append((self.get_buffer(f"places_{number}"), weights))
        places, weights = (torch.cat(each, dim=-1) for each in zip(*edges))
        return LearntItemGraph(*places, weights, self.n_items)

    def _cosines(
        self, features: FixedFeatures | WordFeatures, projection: nn.Linear
    ) -> tuple[Tensor, Tensor]:
        """W_m: the two ends of its edges, shape (2, E), and their cosines, shape (E,)."""
        x = features.all_rows()
        f = projection(x) * (x != 0).any(dim=1, keepdim=True)
        neighbours = content_neighbours(f.detach(), self.k)
        kept = neighbours["cosine"] > 0
        items = np.broadcast_to(np.arange(len(x))[:, None], kept.shape)[kept]
        places = torch.from_numpy(np.stack([items, neighbours["item"][kept]])).to(f.device)
        unit = unit_rows(f)
        return places, (unit[places[0]] * unit[places[1]]).sum(dim=1)


def _normalised(places: Tensor, weights: Tensor) -> Tensor:
    """D^-1/2 W D^-1/2 of the weights of edges; each end of an edge has one with itself."""
    sums = weights.new_zeros(int(places.max()) + 1).index_add(0, places[0], weights)
    return weights * (sums[places[0]] * sums[places[1]]).rsqrt()
