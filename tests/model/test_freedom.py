"""FREEDOM against the dense float64 version of its equations, and what it says of bad settings."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from recbole_slmrec.model.freedom import FREEDOM
from tests.backends import BACKENDS
from tests.model.dense import edges_kept
from tests.model.dense_graphs import DenseGraphModel, binary_graph, bpr_of, parts
from tests.model.fast import batch
from tests.model.fast_graphs import (
    ITEMS,
    NEGATIVES,
    USERS,
    assert_same,
    assert_same_loss_and_gradients,
    assert_same_representations,
    common_parameters,
    model_of,
    widths_of,
)

SETTINGS = {
    "prune_ratio": 0.6,
    "item_graph_layers": 1,
    "modality_weights": None,
    "feature_weight": 0.5,
}


@dataclass
class DenseFREEDOM(DenseGraphModel):
    """With ``W:m`` (d, D) for each modality; ``shares`` weigh the modalities' graphs."""

    n_item_layers: int = 1
    shares: tuple[float, ...] = ()

    def representations(self, edges=None) -> tuple[Tensor, Tensor]:
        z_user, z_item = self.lgcn(edges)
        shares = self.shares or [1 / len(self.modalities)] * len(self.modalities)
        S = sum(w * binary_graph(self.neighbours(m)) for w, m in zip(shares, self.modalities))
        return z_user, z_item + torch.linalg.matrix_power(S, self.n_item_layers) @ self.params["id"]

    def loss(self, edges, negatives: Tensor, weight: float) -> Tensor:
        z = self.representations(edges)
        loss = bpr_of(z, USERS, ITEMS, negatives)
        for m in self.modalities:
            content = self.X(m) @ self.params[f"W:{m}"].T
            loss = loss + weight * bpr_of((z[0], content), USERS, ITEMS, negatives)
        return loss


def problem_of(n_modalities: int = 2, words: bool = False, **settings) -> DenseFREEDOM:
    widths = widths_of(n_modalities, words)
    shapes = {f"W:{m}": (4, width) for m, width in widths.items()}
    return DenseFREEDOM(*parts(widths, shapes, 0, d=4), **settings)


def built(problem: DenseFREEDOM, **settings) -> FREEDOM:
    settings = {**SETTINGS, "item_graph_layers": problem.n_item_layers, **settings}
    return model_of(FREEDOM, problem, parameters_of, **settings)


def parameters_of(model: FREEDOM, modalities: list[str]) -> dict[str, torch.nn.Parameter]:
    named = common_parameters(model, modalities)
    named.update({f"W:{m}": W.weight for m, W in zip(modalities, model.W.values())})
    assert len(named) == len(list(model.parameters()))
    return named


def check_step(
    problem: DenseFREEDOM, n_negatives: int = 1, weight: float = 0.5, **settings
) -> None:
    """A step on a given draw of the interactions."""
    settings["train_neg_sample_args"] = {"sample_num": n_negatives}
    model = built(problem, feature_weight=weight, **settings)
    generator = torch.Generator().manual_seed(3)
    keep = torch.rand(len(model.sub_graphs.users), generator=generator) < 0.5
    model.keep_edges = lambda: keep
    model.start_epoch()
    negatives = NEGATIVES[:n_negatives]
    expected = problem.loss(edges_kept(problem.edges, keep), negatives, weight)
    loss = model.calculate_loss(batch(USERS, ITEMS, negatives))
    named = parameters_of(model, problem.modalities)
    assert_same_loss_and_gradients(loss, expected, named, problem)


@pytest.mark.parametrize("n_item_layers", [1, 2])
@pytest.mark.parametrize("n_layers", [0, 1, 2, 3])
def test_representations(n_layers, n_item_layers):
    problem = problem_of(n_layers=n_layers, n_item_layers=n_item_layers)
    assert_same_representations(built(problem), problem)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n_item_layers", [1, 2])
@pytest.mark.parametrize("n_layers", [1, 2])
def test_loss_and_gradients_on_pruned_interactions(n_layers, n_item_layers, backend):
    problem = problem_of(n_layers=n_layers, n_item_layers=n_item_layers)
    check_step(problem, n_negatives=2, graph_backend=backend)


def test_without_the_loss_of_features():
    check_step(problem_of(), weight=0)


def test_modalities_weigh_as_they_are_told():
    problem = problem_of(shares=(0.1, 0.9))
    weights = {"v": 0.1, "sound.of items": 0.9}
    assert_same_representations(built(problem, modality_weights=weights), problem)


def test_without_pruning_a_step_takes_the_whole_graph():
    problem = problem_of()
    model = built(problem, prune_ratio=0)
    loss = model.calculate_loss(batch(USERS, ITEMS, NEGATIVES[:1]))
    assert_same(loss, problem.loss(None, NEGATIVES[:1], 0.5))


def test_items_without_features_change_nobodys_neighbours():
    problem = problem_of(1)
    with_zero = built(problem)().on_items
    others = [i for i in range(problem.n_items) if i not in (0, 4, 7)]
    for more in (0.0, 1e6):
        embeddings = problem.params["id"].detach().clone()
        embeddings[[4, 7]] = more
        changed = replace(problem, params={**problem.params, "id": embeddings}, n_layers=0)
        items = built(changed)().on_items[others]
        assert_same(items, built(replace(problem, n_layers=0))().on_items[others])
    assert with_zero.isfinite().all()


def test_an_epoch_keeps_its_share_of_the_interactions_drawn_anew():
    problem = problem_of()
    model = built(problem)
    n_edges = len(set(zip(*(side.tolist() for side in problem.edges))))
    draws = [model.keep_edges() for _ in range(5)]
    assert {int(keep.sum()) for keep in draws} == {round(0.4 * n_edges)}
    assert len({tuple(keep.tolist()) for keep in draws}) > 1


def test_interactions_of_popular_users_and_items_are_pruned_more():
    """Against the probabilities of an urn: the first draw is in proportion to 1 / sqrt(d_u d_i)."""
    model = built(problem_of())
    graph, block = model.sub_graphs, model.block
    degrees = block.user_degrees[graph.users] * block.item_degrees[graph.items]
    weights = degrees.double().rsqrt()
    model.prune_ratio = 1 - 1 / len(weights)
    torch.manual_seed(0)
    n = 20000
    counts = sum(model.keep_edges().double() for _ in range(n))
    shares, expected = counts / n, weights / weights.sum()
    errors = (expected * (1 - expected) / n).sqrt()
    assert ((shares - expected).abs() < 4.5 * errors).all()


def test_the_first_batch_of_a_model_that_no_trainer_has_begun_is_pruned_too():
    model = built(problem_of())
    model.calculate_loss(batch(USERS, ITEMS, NEGATIVES[:1]))
    assert len(model.pruned.block.on_users.columns) == model.n_kept


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"prune_ratio": 1}, r"prune_ratio \[1\] must be a number from 0 to below 1"),
        ({"feature_weight": -1}, r"feature_weight \[-1\] must be a number, 0 or more"),
        ({"item_graph_layers": 0}, r"item_graph_layers \[0\] must be a whole number, 1 or more"),
        ({"item_graph_k": 14}, r"item_graph_k \[14\] must be a whole number from 1 to 13"),
        ({"n_layers": -1}, r"n_layers \[-1\] must be a whole number, 0 or more"),
        ({"embedding_size": 0}, r"embedding_size \[0\] must be a whole number, 1 or more"),
        (
            {"modality_weights": {"v": 1}},
            "modality_weights .* must name each of the modalities v, sound.of items",
        ),
        (
            {"modality_weights": {"v": 1, "sound.of items": -1}},
            r"sound.of items \[-1\] must be a number",
        ),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        built(problem_of(), **settings)
