"""The straightforward FREEDOM, which the table compares with, is the same model."""

from __future__ import annotations

import pytest

from benchmarks.straightforward.freedom import StraightforwardFREEDOM
from tests.benchmarks.straightforward.same import assert_same_step
from tests.model.fast import batch, dataset_of, float64
from tests.model.fast_graphs import ITEMS, NEGATIVES, USERS, config_of
from tests.model.test_freedom import SETTINGS, built, problem_of


@pytest.mark.parametrize("n_item_layers", [1, 2])
@pytest.mark.parametrize("n_modalities, n_layers", [(1, 1), (3, 2)])
def test_same_loss_and_gradients(n_modalities, n_layers, n_item_layers):
    problem = problem_of(n_modalities, n_layers=n_layers, n_item_layers=n_item_layers)
    settings = {**SETTINGS, "item_graph_layers": n_item_layers}
    model = built(problem, **settings)
    model.start_epoch()
    assert 0 < len(model.pruned.block.on_users.columns) < len(model.sub_graphs.users)
    with float64():
        plain = StraightforwardFREEDOM(model, config_of(problem, **settings), dataset_of(problem))
    pairs = {
        "users": (model.user_embedding.weight, plain.user_embedding.weight),
        "items": (model.item_embedding.weight, plain.item_embedding.weight),
    }
    for m, ours, theirs in zip(problem.modalities, model.W.values(), plain.projections):
        pairs[f"W:{m}"] = ours.weight, theirs.weight
    assert_same_step(model, plain, pairs, batch(USERS, ITEMS, NEGATIVES[:1]))
