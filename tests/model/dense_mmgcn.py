"""MMGCN's equations written out densely in float64: the oracle for the fast implementation.

Slow and obvious on purpose, for graphs of some ten nodes: a loop over nodes, and in it over
neighbours. Source: Wei et al., "MMGCN: Multi-modal Graph Convolution Network for Personalized
Recommendation of Micro-video", ACM MM 2019.

Node ids are rows of the stacked table, users before items. A weight ``W`` has torch.nn.Linear's
orientation (out, in).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

SLOPE = 0.01


def leaky_relu(x: Tensor) -> Tensor:
    """x where it is positive, a hundredth of it elsewhere."""
    return torch.where(x > 0, x, SLOPE * x)


def unit(x: Tensor) -> Tensor:
    """x / |x|; a zero vector stays zero."""
    return x / x.square().sum().sqrt() if x.any() else x


@dataclass
class DenseMMGCN:
    """MMGCN end to end, node by node.

    Attributes:
        params: float64 leaves. ``id`` (n_users + n_items, d); per modality m ``preference:m``
            (n_users, D); ``W:m``, ``b:m`` (latent_size, width) where m is wide; ``table:m``
            (n_words, width) where m is a word list; per layer l from 0 ``W1:m:l``, ``W2:m:l``,
            ``b2:m:l``, ``W3:m:l``, ``b3:m:l``.
        features: dense modality m -> shape (n_items, width).
        words: word-list modality m -> (items, words), shape (n_pairs,) each.
        edges: (users, items); a repeated pair is one edge.
        modalities: their names, in order.
        latent_size: wider features are projected to it.
        aggregation: ``mean``, ``sum`` or ``max``.
        combine: ``add`` or ``concat``.
    """

    params: dict[str, Tensor]
    features: dict[str, Tensor]
    words: dict[str, tuple[Tensor, Tensor]]
    edges: tuple[Tensor, Tensor]
    n_users: int
    n_items: int
    modalities: list[str]
    latent_size: int
    n_layers: int = 2
    aggregation: str = "mean"
    combine: str = "add"

    def __post_init__(self) -> None:
        n = self.n_users + self.n_items
        self.A = torch.zeros(n, n, dtype=torch.float64)
        for u, i in zip(self.edges[0].tolist(), self.edges[1].tolist()):
            self.A[u, self.n_users + i] = 1
            self.A[self.n_users + i, u] = 1

    def item_features(self, m: str) -> list[Tensor]:
        """Modality m's feature of each item, projected if it is wide."""
        rows = []
        for i in range(self.n_items):
            row = self._mean_of_words(m, i) if m in self.words else self.features[m][i]
            if len(row) > self.latent_size:
                row = self.params[f"W:{m}"] @ row + self.params[f"b:{m}"]
            rows.append(row)
        return rows

    def _mean_of_words(self, m: str, i: int) -> Tensor:
        table = self.params[f"table:{m}"]
        own = [table[w] for j, w in zip(*(side.tolist() for side in self.words[m])) if j == i]
        return sum(own) / len(own) if own else torch.zeros_like(table[0])

    def aggregate(self, messages: list[Tensor], node: int) -> Tensor:
        """The mean, sum or maximum of the node's neighbours; zero without any."""
        neighbours = [messages[other] for other in range(len(messages)) if self.A[node, other]]
        if not neighbours:
            return torch.zeros_like(messages[node])
        if self.aggregation == "max":
            largest = neighbours[0]
            for message in neighbours[1:]:
                largest = torch.where(message > largest, message, largest)
            return largest
        total = sum(neighbours)
        return total / len(neighbours) if self.aggregation == "mean" else total

    def layer(self, x: list[Tensor], m: str, number: int) -> list[Tensor]:
        """One graph convolution of modality m."""
        W1, W2, b2, W3, b3 = (
            self.params[f"{name}:{m}:{number}"] for name in ("W1", "W2", "b2", "W3", "b3")
        )
        messages = [W1 @ row for row in x]
        next_x = []
        for node, row in enumerate(x):
            h = leaky_relu(self.aggregate(messages, node))
            x_hat = leaky_relu(W2 @ row + b2) + self.params["id"][node]
            if self.combine == "concat":
                next_x.append(leaky_relu(W3 @ torch.cat([h, x_hat]) + b3))
            else:
                next_x.append(leaky_relu(W3 @ h + b3 + x_hat))
        return next_x

    def representations(self) -> tuple[Tensor, Tensor]:
        """The mean over modalities of the last layer: (n_users, d) and (n_items, d)."""
        outputs = []
        for m in self.modalities:
            x = [unit(row) for row in [*self.params[f"preference:{m}"], *self.item_features(m)]]
            for number in range(self.n_layers):
                x = self.layer(x, m, number)
            outputs.append(torch.stack(x))
        z = sum(outputs) / len(outputs)
        return z[: self.n_users], z[self.n_users :]

    def scores(self) -> Tensor:
        """Shape (n_users, n_items)."""
        z_user, z_item = self.representations()
        return z_user @ z_item.T

    def loss(self, users: Tensor, items: Tensor, negatives: Tensor, reg_weight: float) -> Tensor:
        """BPR plus L2, a mean over triples; ids of shape (B,), (B,) and (k, B)."""
        z_user, z_item = self.representations()
        losses = []
        for row in negatives:
            for u, i, j in zip(users.tolist(), items.tolist(), row.tolist()):
                margin = z_user[u] @ z_item[i] - z_user[u] @ z_item[j]
                used = [self.params["id"][node] for node in (u, self.n_users + i, self.n_users + j)]
                used += [self.params[f"preference:{m}"][u] for m in self.modalities]
                squares = sum(vector @ vector for vector in used)
                losses.append(-logsigmoid(margin) + reg_weight * squares / 2)
        return sum(losses) / len(losses)


def random_problem(
    seed: int, widths: dict[str, int], latent_size: int = 6, d: int = 4, **settings
) -> DenseMMGCN:
    """A small random problem of 9 users and 12 items, a function of its arguments alone.

    The first and last user and item are isolated, a fifth of the edges are repeats, some items have
    a zero feature row, and two have the same.

    Args:
        widths: modality -> width, in order; one called ``words`` is a word list.
        settings: ``n_layers``, ``aggregation``, ``combine`` of `DenseMMGCN`.
    """
    rng = torch.Generator().manual_seed(seed)
    n_users, n_items, n_words = 9, 12, 7

    def normal(*shape: int) -> Tensor:
        # Small, so that layers do not grow the scores until the loss is flat.
        return 0.6 * torch.randn(*shape, generator=rng, dtype=torch.float64)

    def draw(low: int, high: int, n: int) -> Tensor:
        return torch.randint(low, high, (n,), generator=rng)

    users, items = draw(1, n_users - 1, 20), draw(1, n_items - 1, 20)
    edges = torch.cat([users, users[:5]]), torch.cat([items, items[:5]])
    params, features, words = {"id": normal(n_users + n_items, d)}, {}, {}
    for m, width in widths.items():
        if m == "words":
            params[f"table:{m}"] = normal(n_words, width)
            words[m] = draw(1, n_items - 2, 30), draw(0, n_words, 30)
        else:
            rows = normal(n_items, width)
            features[m] = rows / rows.square().sum(1, keepdim=True).sqrt()
            features[m][[0, 4, 7]] = 0
            features[m][2] = features[m][3]
        if width > latent_size:
            params[f"W:{m}"], params[f"b:{m}"] = normal(latent_size, width), normal(latent_size)
            width = latent_size
        params[f"preference:{m}"] = normal(n_users, width)
        for number in range(settings.get("n_layers", 2)):
            width_3 = width + d if settings.get("combine") == "concat" else width
            params[f"W1:{m}:{number}"] = normal(width, width)
            params[f"W2:{m}:{number}"], params[f"b2:{m}:{number}"] = normal(d, width), normal(d)
            params[f"W3:{m}:{number}"], params[f"b3:{m}:{number}"] = normal(d, width_3), normal(d)
            width = d
    params = {name: value.requires_grad_() for name, value in params.items()}
    return DenseMMGCN(
        params, features, words, edges, n_users, n_items, list(widths), latent_size, **settings
    )
