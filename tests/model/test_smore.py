"""SMORE against the dense float64 version of its equations, and what it says of bad settings."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin, sqrt

import pytest
import torch
from torch import Tensor

from recbole_slmrec.model.smore import SMORE
from tests.backends import BACKENDS
from tests.model.dense import info_nce
from tests.model.dense_graphs import (
    DenseGraphModel,
    bpr_of,
    cosine_graph,
    l2_of,
    normalised,
    parts,
)
from tests.model.fast import batch
from tests.model.fast_graphs import (
    ITEMS,
    NEGATIVES,
    USERS,
    assert_same_loss_and_gradients,
    assert_same_representations,
    common_parameters,
    model_of,
    widths_of,
)

SETTINGS = {
    "reg_weight": 0.3,
    "contrast_weight": 0.5,
    "tau": 0.2,
    "dropout_rate": 0.4,
    "lr_decay": 1,
}
ALL = "*"

Complex = tuple[Tensor, Tensor]


def spectrum(x: Tensor) -> list[Complex]:
    """The frequencies 0 to d / 2 of a signal of d numbers, real and imaginary parts."""
    d = len(x)
    found = []
    for k in range(d // 2 + 1):
        real = sum(x[n] * cos(2 * pi * k * n / d) for n in range(d)) / sqrt(d)
        imaginary = sum(-x[n] * sin(2 * pi * k * n / d) for n in range(d)) / sqrt(d)
        found.append((real, imaginary))
    return found


def signal(frequencies: list[Complex], d: int) -> Tensor:
    """The real signal of d numbers with these frequencies; that of k stands for d - k as well."""
    x = []
    for n in range(d):
        total = 0
        for k, (real, imaginary) in enumerate(frequencies):
            often = 1 if k == 0 or 2 * k == d else 2
            angle = 2 * pi * k * n / d
            # The mean and, of an even d, the fastest frequency have no imaginary part in a real signal.
            total = total + often * real * cos(angle)
            total = total - (often * imaginary * sin(angle) if often == 2 else 0)
        x.append(total / sqrt(d))
    return torch.stack(x)


def product(a: Complex, b: Complex) -> Complex:
    return a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]


@dataclass
class DenseSMORE(DenseGraphModel):
    """With ``W:m`` (d, D) and ``b:m`` (d,) for each modality, and ``Q1:m`` (d, d), ``q1:m`` (d,) and
    ``Q2:m`` (d, d); ``G:n`` and ``P:n`` (d, d), ``g:n`` and ``p:n`` (d,) for each modality and *; ``w``
    (|M| + 1, d // 2 + 1, 2), the last that of *."""

    def filtered(self) -> dict[str, Tensor]:
        d = self.params["id"].shape[1]
        rows = {n: [] for n in [*self.modalities, ALL]}
        projected = {
            m: self.X(m) @ self.params[f"W:{m}"].T + self.params[f"b:{m}"] for m in self.modalities
        }
        for i in range(self.n_items):
            spectra = {m: spectrum(projected[m][i]) for m in self.modalities}
            together = None
            for own in spectra.values():
                together = own if together is None else list(map(product, together, own))
            spectra[ALL] = together
            for (n, own), w in zip(spectra.items(), self.params["w"]):
                rows[n].append(signal([product(each, (*w_k,)) for each, w_k in zip(own, w)], d))
        return {n: torch.stack(each) for n, each in rows.items()}

    def item_graphs(self) -> dict[str, Tensor]:
        graphs = {
            m: normalised(cosine_graph(self.compared(m), self.neighbours(m)))
            for m in self.modalities
        }
        return {**graphs, ALL: torch.stack(list(graphs.values())).amax(0)}

    def views(self, masks: list[dict[str, Tensor]]):
        """c and side, each of users and items; ``masks`` are those of the gates of both."""
        c = self.lgcn()
        y = [{}, {}]
        f, graphs = self.filtered(), self.item_graphs()
        for n in f:
            gate = 1 / (1 + torch.exp(-(f[n] @ self.params[f"G:{n}"].T + self.params[f"g:{n}"])))
            y[1][n] = graphs[n] @ (self.params["id"] * gate)
            y[0][n] = self.R() @ y[1][n]
        return c, tuple(self.fused(own, c_side, mask) for own, c_side, mask in zip(y, c, masks))

    def fused(self, y: dict[str, Tensor], c: Tensor, masks: dict[str, Tensor]) -> Tensor:
        P = self.params
        side = 0
        for n, y_n in y.items():
            gate = masks[n] / (1 + torch.exp(-(c @ P[f"P:{n}"].T + P[f"p:{n}"])))
            if n != ALL:
                asked = torch.tanh(y[ALL] @ P[f"Q1:{n}"].T + P[f"q1:{n}"]) @ P[f"Q2:{n}"].T
                gate = gate * torch.exp(asked) / torch.exp(asked).sum(1, keepdim=True)
            side = side + gate * y_n
        return side / len(y)

    def ones(self) -> list[dict[str, Tensor]]:
        d, sizes = self.params["id"].shape[1], (self.n_users, self.n_items)
        names = [*self.modalities, ALL]
        return [{n: torch.ones(size, d, dtype=torch.float64) for n in names} for size in sizes]

    def representations(self, masks=None) -> tuple[Tensor, Tensor]:
        (c_user, c_item), (side_user, side_item) = self.views(masks or self.ones())
        return c_user + side_user, c_item + side_item

    def loss(self, negatives: Tensor, masks) -> Tensor:
        z, triples = self.representations(masks), (USERS, ITEMS, negatives)
        c, side = self.views(masks)
        contrast = info_nce(side[0][USERS], c[0][USERS], 0.2) + info_nce(
            side[1][ITEMS], c[1][ITEMS], 0.2
        )
        return bpr_of(z, *triples) + 0.3 * l2_of(z, *triples) + 0.5 * contrast


def problem_of(n_modalities: int = 2, words: bool = False, d: int = 4, **settings) -> DenseSMORE:
    widths = widths_of(n_modalities, words)
    shapes = {"w": (len(widths) + 1, d // 2 + 1, 2)}
    for m, width in widths.items():
        shapes.update({f"W:{m}": (d, width), f"Q1:{m}": (d, d), f"Q2:{m}": (d, d)})
        shapes.update({f"b:{m}": (d,), f"q1:{m}": (d,)})
    for n in [*widths, ALL]:
        shapes.update({f"G:{n}": (d, d), f"P:{n}": (d, d), f"g:{n}": (d,), f"p:{n}": (d,)})
    return DenseSMORE(*parts(widths, shapes, 0, d), **settings)


def built(problem: DenseSMORE, **settings) -> SMORE:
    return model_of(SMORE, problem, parameters_of, **{**SETTINGS, **settings})


def parameters_of(model: SMORE, modalities: list[str]) -> dict[str, torch.nn.Parameter]:
    named = {**common_parameters(model, modalities), "w": model.w}
    for n, G, P in zip([*modalities, ALL], model.G, model.P):
        for weight, bias, linear in (("G", "g", G), ("P", "p", P)):
            named[f"{weight}:{n}"], named[f"{bias}:{n}"] = linear.weight, linear.bias
    for m, W, (first, _, second) in zip(modalities, model.W.values(), model.Q):
        named[f"W:{m}"], named[f"b:{m}"] = W.weight, W.bias
        named[f"Q1:{m}"], named[f"q1:{m}"], named[f"Q2:{m}"] = (
            first.weight,
            first.bias,
            second.weight,
        )
    assert len(named) == len(list(model.parameters()))
    return named


def check_step(problem: DenseSMORE, n_negatives: int = 1, **settings) -> None:
    """A step under given masks of the gates."""
    sampled = {"train_neg_sample_args": {"sample_num": n_negatives}}
    model, negatives = built(problem, **sampled, **settings), NEGATIVES[:n_negatives]
    generator = torch.Generator().manual_seed(1)
    masks = problem.ones()
    for table in (table for side in masks for table in side.values()):
        table.copy_((torch.rand(table.shape, generator=generator) < 0.6) / 0.6)
    rows = USERS.unique(), torch.cat([ITEMS, negatives.flatten()]).unique()
    draws = [table[own] for side, own in zip(masks, rows) for table in side.values()]
    model.dropped = lambda gates: draws.pop(0) * gates
    loss = model.calculate_loss(batch(USERS, ITEMS, negatives))
    assert not draws
    named = parameters_of(model, problem.modalities)
    assert_same_loss_and_gradients(loss, problem.loss(negatives, masks), named, problem)


@pytest.mark.parametrize("d", [4, 5])
@pytest.mark.parametrize("n_layers", [0, 3])
def test_representations(n_layers, d):
    problem = problem_of(n_layers=n_layers, d=d)
    assert_same_representations(built(problem), problem)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("d", [4, 5])
def test_loss_and_gradients_under_given_masks(d, backend):
    check_step(problem_of(n_layers=3, d=d), n_negatives=2, graph_backend=backend)


def test_gates_are_dropped_in_training_alone():
    model = built(problem_of())
    gates = torch.ones(300, 40)
    torch.manual_seed(0)
    assert (model.dropped(gates) == 0).double().mean().item() == pytest.approx(0.4, abs=0.02)
    assert torch.equal(model.eval().dropped(gates), gates)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"dropout_rate": 1}, r"dropout_rate \[1\] must be a number from 0 to below 1"),
        ({"reg_weight": -1}, r"reg_weight \[-1\] must be a number, 0 or more"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        built(problem_of(), **settings)
