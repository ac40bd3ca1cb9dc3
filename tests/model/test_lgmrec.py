"""LGMRec against the dense float64 version of its equations, and what it says of bad settings."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from recbole_slmrec.model.lgmrec import LGMRec
from tests.backends import BACKENDS
from tests.model.dense import cosine
from tests.model.dense_graphs import DenseGraphModel, bpr_of, l2_of, parts
from tests.model.dense_mmgcn import unit
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

D, N_HYPEREDGES, TAU, ALPHA, BETA, REG = 4, 3, 0.3, 0.7, 0.5, 0.2
SETTINGS = {
    "feature_layers": 2,
    "n_hyperedges": N_HYPEREDGES,
    "hyper_layers": 1,
    "hyper_weight": ALPHA,
    "dropout_rate": 0.5,
    "tau": TAU,
    "contrast_weight": BETA,
    "reg_weight": REG,
}

Draw = tuple[Tensor, Tensor]


@dataclass
class DenseLGMRec(DenseGraphModel):
    """With ``W:m`` (d, D) and ``V:m`` (n_hyperedges, D) for each modality."""

    n_feature_layers: int = 2
    n_hyper_layers: int = 1

    def counts(self) -> Tensor:
        """R of zeros and ones."""
        R = torch.zeros(self.n_users, self.n_items, dtype=torch.float64)
        R[self.edges] = 1
        return R

    def local(self, m: str) -> Tensor:
        """g_m of users, then items."""
        on_items = self.X(m) @ self.params[f"W:{m}"].T
        R = self.counts()
        on_users = [row @ on_items / max(float(row.sum()), 1) for row in R]
        g = torch.cat([torch.stack(on_users), on_items])
        return torch.linalg.matrix_power(self.A(), self.n_feature_layers) @ g

    def hyper(self, m: str, c_items: Tensor, draws: tuple[Draw, Draw]) -> tuple[Tensor, Tensor]:
        """hyper_m of users and items; ``draws`` are noise and mask of items, and of users."""
        H = self.X(m) @ self.params[f"V:{m}"].T
        H_items, H_users = (
            mask
            * torch.stack(
                [torch.exp(row / TAU) / torch.exp(row / TAU).sum() for row in own + noise]
            )
            for own, (noise, mask) in zip((H, self.counts() @ H), draws)
        )
        x = c_items
        for _ in range(self.n_hyper_layers):
            hyperedges = sum(torch.outer(H_items[i], x[i]) for i in range(1, self.n_items))
            x = H_items @ hyperedges
        return H_users @ hyperedges, x

    def nothing_drawn(self) -> tuple[Draw, Draw]:
        shapes = (self.n_items, N_HYPEREDGES), (self.n_users, N_HYPEREDGES)
        return tuple((torch.zeros(shape), torch.ones(shape)) for shape in shapes)

    def all_hyper(self, draws: dict | None) -> list[tuple[Tensor, Tensor]]:
        draws = draws or {m: self.nothing_drawn() for m in self.modalities}
        return [self.hyper(m, self.lgcn()[1], draws[m]) for m in self.modalities]

    def representations(self, draws: dict | None = None) -> tuple[Tensor, Tensor]:
        together = [sum(side) for side in zip(*self.all_hyper(draws))]
        z = torch.cat(self.lgcn()) + ALPHA * torch.stack([unit(row) for row in torch.cat(together)])
        for m in self.modalities:
            z = z + torch.stack([unit(row) for row in self.local(m)])
        return z.split([self.n_users, self.n_items])

    def loss(self, negatives: Tensor, draws: dict, beta: float) -> Tensor:
        z, triples = self.representations(draws), (USERS, ITEMS, negatives)
        loss = bpr_of(z, *triples) + REG * l2_of(z, *triples)
        hyper = self.all_hyper(draws)
        for one in range(len(hyper)):
            for other in range(one + 1, len(hyper)):
                for side, ids in enumerate((USERS, ITEMS)):
                    a, b = hyper[one][side], hyper[other][side]
                    loss = loss + beta * torch.stack([self.entropy(a[n], b, n) for n in ids]).mean()
        return loss

    @staticmethod
    def entropy(anchor: Tensor, others: Tensor, n: int) -> Tensor:
        """-log of the share of row n among all but the padding."""
        terms = [torch.exp(cosine(anchor, other) / TAU) for other in others[1:]]
        return torch.log(sum(terms)) - cosine(anchor, others[n]) / TAU


def problem_of(n_modalities: int = 2, words: bool = False, **settings) -> DenseLGMRec:
    widths = widths_of(n_modalities, words)
    shapes = {f"W:{m}": (D, width) for m, width in widths.items()}
    shapes.update({f"V:{m}": (N_HYPEREDGES, width) for m, width in widths.items()})
    return DenseLGMRec(*parts(widths, shapes, 0, D), **settings)


def built(problem: DenseLGMRec, **settings) -> LGMRec:
    own = {"feature_layers": problem.n_feature_layers, "hyper_layers": problem.n_hyper_layers}
    return model_of(LGMRec, problem, parameters_of, **{**SETTINGS, **own, **settings})


def parameters_of(model: LGMRec, modalities: list[str]) -> dict[str, torch.nn.Parameter]:
    named = common_parameters(model, modalities)
    for m, W, V in zip(modalities, model.W.values(), model.V.values()):
        named[f"W:{m}"], named[f"V:{m}"] = W.weight, V.weight
    assert len(named) == len(list(model.parameters()))
    return named


def check_step(problem: DenseLGMRec, n_negatives: int = 1, beta: float = BETA, **settings) -> None:
    """A step under given noise and masks; one user and one item have lost all ties."""
    settings["train_neg_sample_args"] = {"sample_num": n_negatives}
    model = built(problem, contrast_weight=beta, **settings)
    generator = torch.Generator().manual_seed(1)
    draws = {}
    for m in problem.modalities:
        draws[m] = problem.nothing_drawn()
        for lost, (noise, mask) in zip((9, 3), draws[m]):
            noise.copy_(torch.randn(noise.shape, generator=generator))
            mask.copy_((torch.rand(mask.shape, generator=generator) < 0.6) / 0.6)
            mask[lost] = 0
    given = [draw for m in problem.modalities for draw in draws[m]]

    def drawn(H: Tensor) -> Tensor:
        noise, mask = given.pop(0)
        return mask * ((H + noise) / TAU).softmax(1)

    model.drawn = drawn
    negatives = NEGATIVES[:n_negatives]
    loss = model.calculate_loss(batch(USERS, ITEMS, negatives))
    assert not given
    named = parameters_of(model, problem.modalities)
    assert_same_loss_and_gradients(loss, problem.loss(negatives, draws, beta), named, problem)


@pytest.mark.parametrize("n_hyper_layers", [1, 2])
@pytest.mark.parametrize("n_layers, n_feature_layers", [(0, 0), (1, 1), (2, 2), (3, 3)])
def test_representations(n_layers, n_feature_layers, n_hyper_layers):
    problem = problem_of(
        n_layers=n_layers, n_feature_layers=n_feature_layers, n_hyper_layers=n_hyper_layers
    )
    assert_same_representations(built(problem), problem)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n_hyper_layers", [1, 2])
def test_loss_and_gradients_under_given_draws(n_hyper_layers, backend):
    problem = problem_of(n_hyper_layers=n_hyper_layers)
    check_step(problem, n_negatives=2, graph_backend=backend)


def test_without_the_contrast():
    check_step(problem_of(), beta=0)


def test_draws_are_of_gumbels_distribution():
    """The largest of values with such noise is each one's with its share in the softmax."""
    model = built(problem_of(), dropout_rate=0, tau=1e-3)
    H = torch.tensor([[0.5, -0.3, 0.1]]).repeat(20000, 1)
    torch.manual_seed(0)
    shares = model.drawn(H).round().mean(0)
    torch.testing.assert_close(shares, H[0].softmax(0), atol=0.015, rtol=0)


def test_ties_are_dropped_by_their_share():
    model = built(problem_of())
    torch.manual_seed(0)
    drawn = model.drawn(torch.zeros(3000, 4))
    assert (drawn == 0).double().mean().item() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"n_hyperedges": 0}, r"n_hyperedges \[0\] must be a whole number, 1 or more"),
        ({"hyper_layers": 0}, r"hyper_layers \[0\] must be a whole number, 1 or more"),
        ({"feature_layers": -1}, r"feature_layers \[-1\] must be a whole number, 0 or more"),
        ({"hyper_weight": -1}, r"hyper_weight \[-1\] must be a number, 0 or more"),
        ({"dropout_rate": 1}, r"dropout_rate \[1\] must be a number from 0 to below 1"),
        ({"tau": 0}, r"tau \[0\] must be a number above 0"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        built(problem_of(), **settings)
