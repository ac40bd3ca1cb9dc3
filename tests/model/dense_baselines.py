"""MMBPR and VBPR written out densely in float64: the oracles for the fast implementations.

Slow and obvious on purpose: a loop over users and items, one inner product after another. Sources:
Tao et al., IEEE TMM 2022, Section IV-A2 (MF-BPR), and He and McAuley, "VBPR: Visual Bayesian
Personalized Ranking from Implicit Feedback", AAAI 2016, Eq. 4.

User and item ids are rows of the tables, from 0; row 0 is padding.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

N_USERS, N_ITEMS, N_WORDS = 9, 12, 7


@dataclass
class DenseBaseline:
    """Items with features, and BPR on ``score``, which a subclass gives.

    Attributes:
        params: float64 leaves; ``table:m`` (n_words, D) where m is a word list.
        features: dense modality m -> shape (n_items, D).
        words: word-list modality m -> (items, words), shape (n_pairs,) each.
        edges: (users, items).
        modalities: their names, in order.
    """

    params: dict[str, Tensor]
    features: dict[str, Tensor]
    words: dict[str, tuple[Tensor, Tensor]]
    edges: tuple[Tensor, Tensor]
    modalities: list[str]
    n_users: int = N_USERS
    n_items: int = N_ITEMS

    def feature(self, m: str, i: int) -> Tensor:
        """Item i in modality m, shape (D,): its row, or the mean of its words, zero without any."""
        if m in self.features:
            return self.features[m][i]
        table = self.params[f"table:{m}"]
        mean = torch.zeros(table.shape[1], dtype=torch.float64)
        own = [w for j, w in zip(*(side.tolist() for side in self.words[m])) if j == i]
        for w in own:
            mean = mean + table[w] / len(own)
        return mean

    def score(self, u: int, i: int) -> Tensor:
        raise NotImplementedError

    def scores(self) -> Tensor:
        """Shape (n_users, n_items)."""
        rows = [[self.score(u, i) for i in range(self.n_items)] for u in range(self.n_users)]
        return torch.stack([torch.stack(row) for row in rows])

    def loss(self, users: Tensor, items: Tensor, negatives: Tensor) -> Tensor:
        """The mean of -ln sigmoid(y_ui - y_uj) over B and k; ids of shape (B,), (B,) and (k, B)."""
        losses = []
        for row in negatives.tolist():
            for u, i, j in zip(users.tolist(), items.tolist(), row):
                losses.append(-torch.log(1 / (1 + torch.exp(self.score(u, j) - self.score(u, i)))))
        return sum(losses) / len(losses)


class DenseMMBPR(DenseBaseline):
    """``user`` (n_users, (M + 1) d), ``id`` (n_items, d), ``W:m`` (d, D)."""

    def score(self, u: int, i: int) -> Tensor:
        item = list(self.params["id"][i])
        for m in self.modalities:
            for row in self.params[f"W:{m}"]:
                item.append((row * self.feature(m, i)).sum())
        user = self.params["user"][u]
        assert len(item) == len(user)
        return sum(user[k] * value for k, value in enumerate(item))


class DenseVBPR(DenseBaseline):
    """``alpha`` (), ``beta_user`` (n_users,), ``beta_item`` (n_items,), ``gamma_user`` (n_users, d)
    and ``gamma_item`` (n_items, d); with a modality also ``theta_user`` (n_users, k), ``E`` (k, D)
    and ``beta_feature`` (D,), D being the sum of the widths.
    """

    def score(self, u: int, i: int) -> Tensor:
        P = self.params
        score = P["alpha"] + P["beta_user"][u] + P["beta_item"][i]
        score = score + (P["gamma_user"][u] * P["gamma_item"][i]).sum()
        if self.modalities:
            f = torch.cat([self.feature(m, i) for m in self.modalities])
            for theta, row in zip(P["theta_user"][u], P["E"]):
                score = score + theta * (row * f).sum()
            score = score + (P["beta_feature"] * f).sum()
        return score


def random_mmbpr(seed: int, widths: dict[str, int], d: int = 4) -> DenseMMBPR:
    """A small random problem; ``widths`` is modality -> D, one called ``words`` is a word list."""
    rng = torch.Generator().manual_seed(seed)
    shapes = {"user": (N_USERS, (len(widths) + 1) * d), "id": (N_ITEMS, d)}
    shapes.update({f"W:{m}": (d, width) for m, width in widths.items()})
    return DenseMMBPR(*_parts(rng, widths, shapes))


def random_vbpr(seed: int, widths: dict[str, int], d: int = 4, k: int = 3) -> DenseVBPR:
    """A small random problem; ``widths`` as in `random_mmbpr`."""
    rng = torch.Generator().manual_seed(seed)
    shapes = {
        "alpha": (),
        "beta_user": (N_USERS,),
        "beta_item": (N_ITEMS,),
        "gamma_user": (N_USERS, d),
        "gamma_item": (N_ITEMS, d),
    }
    if widths:
        width = sum(widths.values())
        shapes.update({"theta_user": (N_USERS, k), "E": (k, width), "beta_feature": (width,)})
    return DenseVBPR(*_parts(rng, widths, shapes))


def _parts(rng: torch.Generator, widths: dict[str, int], shapes: dict[str, tuple]) -> tuple:
    """The first five attributes; some feature rows are zero, the first and last item have no words,
    and five pairs of item and word are there twice."""

    def draw(low: int, high: int, n: int) -> Tensor:
        return torch.randint(low, high, (n,), generator=rng)

    features, words = {}, {}
    for m, width in widths.items():
        if m == "words":
            shapes[f"table:{m}"] = (N_WORDS, width)
            pairs = draw(1, N_ITEMS - 1, 25), draw(0, N_WORDS, 25)
            words[m] = tuple(torch.cat([side, side[:5]]) for side in pairs)
        else:
            features[m] = torch.randn(N_ITEMS, width, generator=rng, dtype=torch.float64)
            features[m][[0, 4, 7]] = 0
    params = {
        name: torch.randn(shape, generator=rng, dtype=torch.float64).requires_grad_()
        for name, shape in shapes.items()
    }
    edges = draw(1, N_USERS, 20), draw(1, N_ITEMS, 20)
    return params, features, words, edges, list(widths)
