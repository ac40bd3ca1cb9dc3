"""BM3 against the dense float64 version of its equations, and what it says of bad settings."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from recbole_slmrec.model.bm3 import BM3
from tests.backends import BACKENDS
from tests.model.dense import cosine
from tests.model.dense_graphs import DenseGraphModel, parts
from tests.model.fast import batch
from tests.model.fast_graphs import (
    ITEMS,
    USERS,
    assert_same,
    assert_same_loss_and_gradients,
    assert_same_representations,
    common_parameters,
    model_of,
    widths_of,
)

D = 4
SETTINGS = {
    "dropout_rate": 0.5,
    "modality_weight": 2.0,
    "regularisation": "all",
    "reg_weight": 0.1,
    "train_neg_sample_args": {"sample_num": "none"},
}


@dataclass
class DenseBM3(DenseGraphModel):
    """With ``W:m`` (d, D) and ``b:m`` (d,) for each modality, ``W:P`` (d, d) and ``b:P`` (d,)."""

    def h(self) -> tuple[Tensor, Tensor]:
        h_user, h_item = self.lgcn()
        return h_user, h_item + self.params["id"]

    def predicted(self, x: Tensor) -> Tensor:
        return x @ self.params["W:P"].T + self.params["b:P"]

    def representations(self) -> tuple[Tensor, Tensor]:
        return tuple(self.predicted(x) for x in self.h())

    def loss(self, masks: dict[str, Tensor], over: str, c: float, reg: float) -> Tensor:
        """Of USERS and ITEMS.

        Args:
            masks: what targets of ``user``, ``item`` and each modality are multiplied by.
        """
        h_user, h_item = self.h()
        t_user, t_item = masks["user"] * h_user.detach(), masks["item"] * h_item.detach()
        losses = []
        for u, i in zip(USERS.tolist(), ITEMS.tolist()):
            loss = 1 - cosine(self.predicted(h_user[u]), t_item[i])
            loss = loss + 1 - cosine(self.predicted(h_item[i]), t_user[u])
            for m in self.modalities:
                f = self.X(m) @ self.params[f"W:{m}"].T + self.params[f"b:{m}"]
                t_f = masks[m] * f.detach()
                loss = loss + c * (1 - cosine(self.predicted(f[i]), t_item[i]))
                loss = loss + c * (1 - cosine(self.predicted(f[i]), t_f[i]))
            if over == "batch":
                loss = loss + reg * (h_user[u].square().sum() + h_item[i].square().sum())
            losses.append(loss)
        loss = torch.stack(losses).mean()
        if over == "all":
            norms = h_user[1:].square().sum().sqrt() + h_item[1:].square().sum().sqrt()
            loss = loss + reg * norms / (self.n_items - 1)
        return loss


def problem_of(n_modalities: int = 2, words: bool = False, **settings) -> DenseBM3:
    widths = widths_of(n_modalities, words)
    shapes = {f"W:{m}": (D, width) for m, width in widths.items()}
    shapes.update({f"b:{m}": (D,) for m in widths}, **{"W:P": (D, D), "b:P": (D,)})
    return DenseBM3(*parts(widths, shapes, 0, D), **settings)


def built(problem: DenseBM3, **settings) -> BM3:
    return model_of(BM3, problem, parameters_of, **{**SETTINGS, **settings})


def parameters_of(model: BM3, modalities: list[str]) -> dict[str, torch.nn.Parameter]:
    named = common_parameters(model, modalities)
    linears = {**dict(zip(modalities, model.W.values())), "P": model.P}
    for name, linear in linears.items():
        named[f"W:{name}"], named[f"b:{name}"] = linear.weight, linear.bias
    assert len(named) == len(list(model.parameters()))
    return named


def check_step(problem: DenseBM3, over: str = "all", c: float = 2.0, reg: float = 0.1, **settings):
    """A step under given masks; those of a node that a batch names twice are its own all the same."""
    model = built(problem, regularisation=over, modality_weight=c, reg_weight=reg, **settings)
    generator = torch.Generator().manual_seed(1)
    masks, tables = {}, {"user": problem.n_users}
    for name in ("user", "item", *problem.modalities):
        kept = torch.rand(tables.get(name, problem.n_items), D, generator=generator) < 0.6
        masks[name] = kept.double() / 0.6
    # In the order in which a step draws them: a node's whole target is zero where its mask is.
    masks["user"][3], masks["item"][9] = 0, 0
    rows = {"user": USERS.unique()}
    draws = [masks[name][rows.get(name, ITEMS.unique())] for name in masks]
    model.target = lambda x: draws.pop(0) * x.detach()
    loss = model.calculate_loss(batch(USERS, ITEMS))
    assert not draws
    expected = problem.loss(masks, over, c, reg)
    assert_same_loss_and_gradients(
        loss, expected, parameters_of(model, problem.modalities), problem
    )


@pytest.mark.parametrize("n_layers", [0, 1, 2, 3])
def test_representations(n_layers):
    problem = problem_of(n_layers=n_layers)
    assert_same_representations(built(problem), problem)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("over", ["all", "batch"])
@pytest.mark.parametrize("n_layers", [1, 2])
def test_loss_and_gradients_under_given_masks(n_layers, over, backend):
    check_step(problem_of(n_layers=n_layers), over, graph_backend=backend)


@pytest.mark.parametrize("over", ["all", "batch"])
def test_weights_may_be_zero(over):
    check_step(problem_of(), over, c=0, reg=0)


def test_targets_drop_their_share_and_give_no_gradient():
    model = built(problem_of(), dropout_rate=0.3)
    x = torch.ones(400, 50, requires_grad=True)
    torch.manual_seed(0)
    target = model.target(x)
    assert not target.requires_grad
    assert (target == 0).double().mean().item() == pytest.approx(0.3, abs=0.02)
    assert_same(target[target != 0], torch.full_like(target[target != 0], 1 / 0.7))


def test_features_that_project_to_nothing_give_ordinary_gradients():
    problem = problem_of(1)
    for name in ("b:v", "b:P"):
        problem.params[name].data.zero_()
    model = built(problem)
    torch.manual_seed(0)
    model.calculate_loss(batch(USERS, ITEMS)).backward()
    assert 0 < model.P.bias.grad.abs().max() < 100
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"dropout_rate": 1}, r"dropout_rate \[1\] must be a number from 0 to below 1"),
        ({"modality_weight": -1}, r"modality_weight \[-1\] must be a number, 0 or more"),
        ({"reg_weight": None}, r"reg_weight \[None\] must be a number, 0 or more"),
        ({"regularisation": "L2"}, r"regularisation \[L2\] is not one of all, batch"),
        ({"n_layers": 0.5}, r"n_layers \[0.5\] must be a whole number, 0 or more"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        built(problem_of(), **settings)
