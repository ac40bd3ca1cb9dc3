"""What the dense float64 versions of FREEDOM, LATTICE, BM3, MGCN and others are made of.

Slow and obvious on purpose: nearest neighbours by sorting, graphs as full matrices, one item after
another. User and item ids are rows of the tables, from 0; row 0 is padding. A weight ``W`` has
torch.nn.Linear's orientation (out, in).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tests.model.dense import adjacency, bpr_loss, encode, word_mean

N_USERS, N_ITEMS, N_WORDS = 10, 14, 7

# The last user and the last two items have no interaction.
_ACTIVE_USERS, _ACTIVE_ITEMS = N_USERS - 1, N_ITEMS - 2


def nearest(X: Tensor, k: int) -> list[list[int]]:
    """The k rows of the largest cosine with each row, itself first; of equal ones those first in X.

    A zero row has none and is nobody's.
    """
    lengths = X.square().sum(1).sqrt().tolist()
    present = [j for j in range(len(X)) if lengths[j] > 0]
    found = []
    for i in range(len(X)):
        cosine = {
            j: float(X[i] @ X[j]) / lengths[i] / lengths[j] for j in present if lengths[i] > 0
        }
        order = sorted(cosine, key=lambda j: (j != i, -round(cosine[j], 9), j))
        found.append(order[:k])
    return found


def binary_graph(neighbours: list[list[int]]) -> Tensor:
    """S_ij = 1 / k_i for the k_i neighbours j of i."""
    S = torch.zeros(len(neighbours), len(neighbours), dtype=torch.float64)
    for i, own in enumerate(neighbours):
        for j in own:
            S[i, j] = 1 / len(own)
    return S


def cosine_graph(X: Tensor, neighbours: list[list[int]]) -> Tensor:
    """W_ij = cos(x_i, x_j) for the neighbours j of i, where it is positive."""
    rows = []
    for i, own in enumerate(neighbours):
        row = [torch.zeros((), dtype=torch.float64)] * len(X)
        for j in own:
            cosine = (X[i] * X[j]).sum() / (X[i].square().sum() * X[j].square().sum()).sqrt()
            row[j] = cosine if cosine > 0 else row[j]
        rows.append(torch.stack(row))
    return torch.stack(rows)


def normalised(W: Tensor) -> Tensor:
    """D^-1/2 W D^-1/2 with the row sums D; 0 for 1/0."""
    scales = [1 / total.sqrt() if total > 0 else torch.zeros_like(total) for total in W.sum(1)]
    scales = torch.stack(scales)
    return torch.stack(
        [
            torch.stack([scales[i] * w * scales[j] for j, w in enumerate(row)])
            for i, row in enumerate(W)
        ]
    )


@dataclass
class DenseGraphModel:
    """Embeddings on the interaction graph, and items with features.

    Attributes:
        params: float64 leaves. ``user`` (n_users, d), ``id`` (n_items, d); ``table:m`` (n_words, D)
            where m is a word list; others by model.
        features: dense modality m -> shape (n_items, D).
        words: word-list modality m -> (items, words), shape (n_pairs,) each.
        edges: (users, items).
        modalities: their names, in order.
        k: neighbours of an item, itself among them.
    """

    params: dict[str, Tensor]
    features: dict[str, Tensor]
    words: dict[str, tuple[Tensor, Tensor]]
    edges: tuple[Tensor, Tensor]
    modalities: list[str]
    k: int = 3
    n_layers: int = 2
    n_users: int = N_USERS
    n_items: int = N_ITEMS

    def A(self, edges: tuple[Tensor, Tensor] | None = None, kind: str = "pre") -> Tensor:
        """The weighted adjacency of the interactions, or of some of them."""
        return adjacency(*(edges or self.edges), self.n_users, self.n_items, kind)

    def R(self) -> Tensor:
        """The |U| x |I| block of D^-1/2 A D^-1/2."""
        return self.A()[: self.n_users, self.n_users :]

    def lgcn(self, edges: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """The mean over layers of the propagated embeddings: users, items."""
        return encode(self.A(edges), self.params["user"], self.params["id"], self.n_layers)

    def X(self, m: str) -> Tensor:
        """The features that modality m is learnt from, shape (n_items, D)."""
        if m in self.features:
            return self.features[m]
        return word_mean(*self.words[m], self.params[f"table:{m}"], self.n_items)

    def neighbours(self, m: str) -> list[list[int]]:
        """The nearest items in modality m: by features, or by the set of words."""
        return nearest(self.compared(m), self.k)

    def compared(self, m: str) -> Tensor:
        if m in self.features:
            return self.features[m]
        sets = torch.zeros(self.n_items, N_WORDS, dtype=torch.float64)
        sets[self.words[m]] = 1
        return sets

    def representations(self) -> tuple[Tensor, Tensor]:
        raise NotImplementedError

    def scores(self) -> Tensor:
        """Shape (n_users, n_items)."""
        z_user, z_item = self.representations()
        return z_user @ z_item.T


def bpr_of(z: tuple[Tensor, Tensor], users: Tensor, items: Tensor, negatives: Tensor) -> Tensor:
    """BPR of ids of shape (B,), (B,) and (k, B)."""
    return bpr_loss(z[0][users], z[1][items], z[1][negatives])


def l2_of(z: tuple[Tensor, Tensor], users: Tensor, items: Tensor, negatives: Tensor) -> Tensor:
    """Half the squared norms of a triple's vectors, the mean over B and k."""
    total = 0
    for row in negatives:
        for u, i, j in zip(users, items, row):
            total = (
                total
                + (z[0][u].square().sum() + z[1][i].square().sum() + z[1][j].square().sum()) / 2
            )
    return total / negatives.numel()


def parts(widths: dict[str, int], shapes: dict[str, tuple], seed: int, d: int) -> tuple:
    """The first five attributes of a small random problem.

    ``widths`` is modality -> D, one called ``words`` is a word list. Item 7 has no features in any
    modality, 4 none in the first; items 3, 5 and 6 have the same ones, so that cosines tie.
    """
    rng = torch.Generator().manual_seed(seed)

    def draw(low: int, high: int, n: int) -> Tensor:
        return torch.randint(low, high, (n,), generator=rng)

    shapes = {"user": (N_USERS, d), "id": (N_ITEMS, d), **shapes}
    features, words = {}, {}
    for number, (m, width) in enumerate(widths.items()):
        if m == "words":
            shapes[f"table:{m}"] = (N_WORDS, width)
            items, own = draw(1, N_ITEMS, 40), draw(0, N_WORDS, 40)
            kept = (items != 7) & (items != 4)
            words[m] = (
                torch.cat([items[kept], items[kept][:5]]),
                torch.cat([own[kept], own[kept][:5]]),
            )
        else:
            features[m] = torch.randn(N_ITEMS, width, generator=rng, dtype=torch.float64)
            features[m][[5, 6]] = features[m][3].clone()
            features[m][[0, 7] + ([4] if number == 0 else [])] = 0
    params = {
        name: torch.randn(shape, generator=rng, dtype=torch.float64).requires_grad_()
        for name, shape in shapes.items()
    }
    edges = draw(1, _ACTIVE_USERS, 30), draw(1, _ACTIVE_ITEMS, 30)
    return params, features, words, edges, list(widths)
