"""LATTICE against the dense float64 version of its equations, and what it says of bad settings."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from recbole_slmrec.model.lattice import LATTICE
from tests.backends import BACKENDS
from tests.model.dense import encode
from tests.model.dense_graphs import (
    DenseGraphModel,
    bpr_of,
    cosine_graph,
    l2_of,
    nearest,
    normalised,
    parts,
)
from tests.model.dense_mmgcn import leaky_relu, unit
from tests.model.fast import batch, dataset_of
from tests.model.fast_graphs import (
    ITEMS,
    NEGATIVES,
    USERS,
    assert_same,
    assert_same_loss_and_gradients,
    assert_same_representations,
    common_parameters,
    config_of,
    model_of,
    widths_of,
)

D = 4
REG = 0.3
SETTINGS = {"item_graph_layers": 1, "frozen_share": 0.6, "reg_weight": REG}
OF_THE_GRAPH = ("a", "W:", "b:")


@dataclass
class DenseLATTICE(DenseGraphModel):
    """With ``a`` (|M|,); ``W:m`` (d, D) and ``b:m`` (d,) for each modality; for NGCF ``W1:l``, ``b1:l``,
    ``W2:l`` and ``b2:l`` for each layer l from 0."""

    backbone: str = "lightgcn"
    n_item_layers: int = 1
    frozen_share: float = 0.6

    def learnt(self, m: str) -> Tensor:
        """Cosines of the projected features with the nearest, no item without features among them."""
        present = torch.tensor([bool(row.any()) for row in self.X(m).detach()])
        f = self.X(m) @ self.params[f"W:{m}"].T + self.params[f"b:{m}"]
        f = torch.where(present.unsqueeze(1), f, torch.zeros_like(f))
        return cosine_graph(f, self.nearest_projected(f.detach()))

    def nearest_projected(self, f: Tensor) -> list[list[int]]:
        return nearest(f, self.k)

    def item_graph(self) -> Tensor:
        """A, shape (n_items, n_items)."""
        a = torch.exp(self.params["a"]) / torch.exp(self.params["a"]).sum()
        frozen, learnt = 0, 0
        for share, m in zip(a, self.modalities):
            S = normalised(cosine_graph(self.compared(m), self.neighbours(m)))
            frozen, learnt = frozen + share * S, learnt + share * self.learnt(m)
        return self.frozen_share * frozen + (1 - self.frozen_share) * normalised(learnt)

    def collaborative(self) -> tuple[Tensor, Tensor]:
        E_user, E_item = self.params["user"], self.params["id"]
        if self.backbone == "mf":
            return E_user, E_item
        A = self.A(kind="norm")
        if self.backbone == "lightgcn":
            return encode(A, E_user, E_item, self.n_layers)
        x = torch.cat([E_user, E_item])
        layers = [x]
        for layer in range(self.n_layers):
            W_1, b_1, W_2, b_2 = (
                self.params[f"{name}:{layer}"] for name in ("W1", "b1", "W2", "b2")
            )
            y = A @ x
            x = leaky_relu(y @ W_1.T + b_1) + leaky_relu((y * x) @ W_2.T + b_2)
            layers.append(torch.stack([unit(row) for row in x]))
        return (sum(layers) / len(layers)).split([self.n_users, self.n_items])

    def representations(self, A: Tensor | None = None) -> tuple[Tensor, Tensor]:
        A = self.item_graph() if A is None else A
        z_user, z_item = self.collaborative()
        h = torch.linalg.matrix_power(A, self.n_item_layers) @ self.params["id"]
        return z_user, z_item + torch.stack([unit(row) for row in h])

    def loss(self, negatives: Tensor, A: Tensor | None = None) -> Tensor:
        z = self.representations(A)
        triples = USERS, ITEMS, negatives
        return bpr_of(z, *triples) + REG * l2_of(z, *triples)


def problem_of(n_modalities: int = 2, words: bool = False, **settings) -> DenseLATTICE:
    widths = widths_of(n_modalities, words)
    shapes = {"a": (len(widths),)}
    shapes.update({f"W:{m}": (D, width) for m, width in widths.items()})
    shapes.update({f"b:{m}": (D,) for m in widths})
    if settings.get("backbone") == "ngcf":
        for layer in range(settings.get("n_layers", 2)):
            shapes.update({f"W{n}:{layer}": (D, D) for n in (1, 2)})
            shapes.update({f"b{n}:{layer}": (D,) for n in (1, 2)})
    return DenseLATTICE(*parts(widths, shapes, 0, D), **settings)


def built(problem: DenseLATTICE, **settings) -> LATTICE:
    settings = {
        **SETTINGS,
        "backbone": problem.backbone,
        "item_graph_layers": problem.n_item_layers,
        "frozen_share": problem.frozen_share,
        **settings,
    }
    return model_of(LATTICE, problem, parameters_of, **settings)


def parameters_of(model: LATTICE, modalities: list[str]) -> dict[str, torch.nn.Parameter]:
    named = {**common_parameters(model, modalities), "a": model.structure.a}
    linears = dict(zip((f":{m}" for m in modalities), model.structure.projections.values()))
    for n, layers in (
        (1, getattr(model.backbone, "W_1", ())),
        (2, getattr(model.backbone, "W_2", ())),
    ):
        linears.update({f"{n}:{layer}": linear for layer, linear in enumerate(layers)})
    for name, linear in linears.items():
        named[f"W{name}"], named[f"b{name}"] = linear.weight, linear.bias
    assert len(named) == len(list(model.parameters()))
    return named


def check_step(problem: DenseLATTICE, n_negatives: int = 1, **settings) -> None:
    model = built(problem, train_neg_sample_args={"sample_num": n_negatives}, **settings)
    model.start_epoch()
    negatives = NEGATIVES[:n_negatives]
    loss = model.calculate_loss(batch(USERS, ITEMS, negatives))
    named = parameters_of(model, problem.modalities)
    assert_same_loss_and_gradients(loss, problem.loss(negatives), named, problem)
    assert problem.params["a"].grad.any() or len(problem.modalities) == 1


@pytest.mark.parametrize("n_item_layers", [1, 2])
@pytest.mark.parametrize("n_layers", [0, 1, 2])
@pytest.mark.parametrize("backbone", ["mf", "lightgcn", "ngcf"])
def test_representations(backbone, n_layers, n_item_layers):
    problem = problem_of(backbone=backbone, n_layers=n_layers, n_item_layers=n_item_layers)
    assert_same_representations(built(problem), problem)


@pytest.mark.parametrize("n_item_layers", [1, 2])
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("backbone", ["mf", "lightgcn", "ngcf"])
def test_the_first_step_of_an_epoch_learns_the_graph(backbone, backend, n_item_layers):
    problem = problem_of(backbone=backbone, n_item_layers=n_item_layers)
    check_step(problem, n_negatives=2, graph_backend=backend)


@pytest.mark.parametrize("share", [0, 1])
def test_all_of_the_graph_may_be_learnt_or_frozen(share):
    problem = problem_of(frozen_share=share)
    assert_same_representations(built(problem), problem)
    check_step(problem_of(frozen_share=share))


def moved(problem: DenseLATTICE) -> DenseLATTICE:
    """The problem with other parameters."""
    generator = torch.Generator().manual_seed(5)
    params = {}
    for name, value in problem.params.items():
        step = torch.randn(value.shape, generator=generator, dtype=torch.float64)
        params[name] = (value.detach() + 0.3 * step).requires_grad_()
    return replace(problem, params=params)


@pytest.mark.parametrize("n_item_layers", [1, 2])
def test_in_the_other_steps_the_graph_is_that_of_the_first_and_constant(n_item_layers):
    problem = problem_of(n_item_layers=n_item_layers)
    model, later = built(problem), moved(problem)
    model.start_epoch()
    model.calculate_loss(batch(USERS, ITEMS, NEGATIVES[:1]))
    named = parameters_of(model, problem.modalities)
    with torch.no_grad():
        for name, parameter in named.items():
            parameter.copy_(later.params[name])
    loss = model.calculate_loss(batch(USERS, ITEMS, NEGATIVES))
    expected = later.loss(NEGATIVES, problem.item_graph().detach())
    assert_same_loss_and_gradients(loss, expected, named, later)
    assert all(later.params[name].grad is None for name in named if name.startswith(OF_THE_GRAPH))
    assert_same_representations(model, later)
    model.start_epoch()
    assert_same(model.calculate_loss(batch(USERS, ITEMS, NEGATIVES)), later.loss(NEGATIVES))


def test_items_without_features_are_in_no_learnt_graph():
    problem = problem_of(1, frozen_share=0)
    model = built(problem)
    A = model.structure(model.features.values()).matrix().toarray()
    assert not A[[0, 4, 7]].any() and not A[:, [0, 4, 7]].any()
    others = [i for i in range(problem.n_items) if i not in (0, 4, 7)]
    assert (A[others, others] > 0).all()


def test_modalities_start_with_equal_shares():
    problem = problem_of(3)
    model = LATTICE(config_of(problem, **SETTINGS, backbone="mf"), dataset_of(problem))
    assert not model.structure.a.any()


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"backbone": "gat"}, r"backbone \[gat\] is not one of mf, lightgcn, ngcf"),
        ({"frozen_share": 1.1}, r"frozen_share \[1.1\] must be a number from 0 to 1"),
        ({"reg_weight": -1}, r"reg_weight \[-1\] must be a number, 0 or more"),
        ({"item_graph_layers": 0}, r"item_graph_layers \[0\] must be a whole number, 1 or more"),
        ({"item_graph_k": 0}, r"item_graph_k \[0\] must be a whole number from 1 to 13"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        built(problem_of(), **settings)
