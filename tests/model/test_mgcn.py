"""MGCN against the dense float64 version of its equations, and what it says of bad settings."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from recbole_slmrec.model.mgcn import MGCN
from recbole_slmrec.model.rows import ALL
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

D = 4
SETTINGS = {"reg_weight": 0.3, "contrast_weight": 0.5, "tau": 0.2, "lr_decay": 0.96}


@dataclass
class DenseMGCN(DenseGraphModel):
    """With ``W:m`` (d, D), ``b:m`` (d,), ``G:m`` and ``P:m`` (d, d), ``g:m`` and ``p:m`` (d,) for each
    modality; ``Q`` (d, d), ``q0`` (d,) and ``q`` (1, d)."""

    def purified(self, m: str) -> Tensor:
        P = self.params
        content = self.X(m) @ P[f"W:{m}"].T + P[f"b:{m}"]
        gate = 1 / (1 + torch.exp(-(content @ P[f"G:{m}"].T + P[f"g:{m}"])))
        return P["id"] * gate

    def views(self) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """c and side, each of users and items."""
        c_user, c_item = self.lgcn()
        of_users, of_items = [], []
        for m in self.modalities:
            S = normalised(cosine_graph(self.compared(m), self.neighbours(m)))
            of_items.append(S @ self.purified(m))
            of_users.append(self.R() @ of_items[-1])
        return (c_user, c_item), (self.fused(of_users, c_user), self.fused(of_items, c_item))

    def fused(self, y: list[Tensor], c: Tensor) -> Tensor:
        P = self.params
        rows = []
        for n in range(len(c)):
            w = [(P["q"] @ torch.tanh(P["Q"] @ y_m[n] + P["q0"])).squeeze() for y_m in y]
            total = sum(torch.exp(each) for each in w)
            common = sum(torch.exp(each) / total * y_m[n] for each, y_m in zip(w, y))
            side = common
            for m, y_m in zip(self.modalities, y):
                gate = 1 / (1 + torch.exp(-(P[f"P:{m}"] @ c[n] + P[f"p:{m}"])))
                side = side + gate * (y_m[n] - common)
            rows.append(side / (len(y) + 1))
        return torch.stack(rows)

    def representations(self) -> tuple[Tensor, Tensor]:
        (c_user, c_item), (side_user, side_item) = self.views()
        return c_user + side_user, c_item + side_item

    def loss(self, negatives: Tensor, reg: float, beta: float, tau: float) -> Tensor:
        z, triples = self.representations(), (USERS, ITEMS, negatives)
        c, side = self.views()
        contrast = info_nce(side[0][USERS], c[0][USERS], tau) + info_nce(
            side[1][ITEMS], c[1][ITEMS], tau
        )
        return bpr_of(z, *triples) + reg * l2_of(z, *triples) + beta * contrast


def problem_of(n_modalities: int = 2, words: bool = False, **settings) -> DenseMGCN:
    widths = widths_of(n_modalities, words)
    shapes = {"Q": (D, D), "q0": (D,), "q": (1, D)}
    for m, width in widths.items():
        shapes.update({f"W:{m}": (D, width), f"G:{m}": (D, D), f"P:{m}": (D, D)})
        shapes.update({f"{name}:{m}": (D,) for name in "bgp"})
    return DenseMGCN(*parts(widths, shapes, 0, D), **settings)


def built(problem: DenseMGCN, **settings) -> MGCN:
    return model_of(MGCN, problem, parameters_of, **{**SETTINGS, **settings})


def parameters_of(model: MGCN, modalities: list[str]) -> dict[str, torch.nn.Parameter]:
    named = common_parameters(model, modalities)
    for m, W, G, P in zip(modalities, model.W.values(), model.G, model.fuser.P):
        for weight, bias, linear in (("W", "b", W), ("G", "g", G), ("P", "p", P)):
            named[f"{weight}:{m}"], named[f"{bias}:{m}"] = linear.weight, linear.bias
    named.update({"Q": model.fuser.Q.weight, "q0": model.fuser.Q.bias, "q": model.fuser.q.weight})
    assert len(named) == len(list(model.parameters()))
    return named


def check_step(problem: DenseMGCN, n_negatives: int = 1, **settings) -> None:
    settings = {**SETTINGS, "train_neg_sample_args": {"sample_num": n_negatives}, **settings}
    model, negatives = built(problem, **settings), NEGATIVES[:n_negatives]
    loss = model.calculate_loss(batch(USERS, ITEMS, negatives))
    weights = (settings[key] for key in ("reg_weight", "contrast_weight", "tau"))
    named = parameters_of(model, problem.modalities)
    assert_same_loss_and_gradients(loss, problem.loss(negatives, *weights), named, problem)


@pytest.mark.parametrize("n_layers", [0, 1, 2, 3])
def test_representations(n_layers):
    problem = problem_of(n_layers=n_layers)
    assert_same_representations(built(problem), problem)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n_layers", [1, 2])
def test_loss_and_gradients(n_layers, backend):
    check_step(problem_of(n_layers=n_layers), n_negatives=2, graph_backend=backend)


def test_without_the_contrast():
    check_step(problem_of(), contrast_weight=0)


def test_items_without_features_have_the_view_by_behaviour_alone():
    model = built(problem_of())
    c, side = model.views(ALL)
    assert not side.on_items[7].any() and side.on_items[4].any() and c.on_items[7].any()
    assert all(table.isfinite().all() for table in (*c, *side))


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"reg_weight": -1}, r"reg_weight \[-1\] must be a number, 0 or more"),
        ({"contrast_weight": "x"}, r"contrast_weight \[x\] must be a number, 0 or more"),
        ({"tau": 0}, r"tau \[0\] must be a number above 0"),
        ({"item_graph_k": 14}, r"item_graph_k \[14\] must be a whole number from 1 to 13"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        built(problem_of(), **settings)
