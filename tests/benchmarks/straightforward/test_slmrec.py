"""The straightforward SLMRec, which the table compares with, is the same model."""

from __future__ import annotations

import pytest
import torch

from benchmarks.straightforward.slmrec import StraightforwardSLMRec
from tests.benchmarks.straightforward.same import assert_same_step
from tests.model.dense import random_problem
from tests.model.fast import batch, config_of, dataset_of, fast_model

USERS = torch.tensor([1, 3, 2, 1, 7, 8])
ITEMS = torch.tensor([2, 5, 2, 9, 1, 11])


@pytest.fixture
def float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
@pytest.mark.parametrize("n_modalities", [1, 3])
@pytest.mark.parametrize("task", ["none", "FAC", "FM", "FD", "FM+FD"])
def test_same_loss_and_gradients(float64, task, n_modalities, similarity):
    widths = dict(list({"v": 5, "a": 3, "t": 4}.items())[:n_modalities])
    problem = random_problem(0, 9, 12, 25, widths)
    settings = {"ssl_task": task, "alpha": 0.7, "fac_similarity": similarity}
    model = fast_model(problem, **settings)
    plain = StraightforwardSLMRec(model, config_of(problem, **settings), dataset_of(problem))

    pairs = {
        "users": (model.encoder.user_embedding.weight, plain.user_embedding.weight),
        "items": (model.encoder.item_embedding.weight, plain.item_embedding.weight),
    }
    modules = [(model.fusion.user_map, plain.user_map), (model.fusion.item_map, plain.item_map)]
    contents = model.encoder.content.values()
    modules += [(each.projection, own) for each, own in zip(contents, plain.projections)]
    if task == "FAC":
        modules += [(model.ssl_task.enter_id, plain.enter_id)]
        modules += zip(model.ssl_task.enter, plain.enter)
        modules += zip(model.ssl_task.carry, plain.carry)
    for place, (ours, theirs) in enumerate(modules):
        pairs[f"weight {place}"] = ours.weight, theirs.weight
        pairs[f"bias {place}"] = ours.bias, theirs.bias
    assert_same_step(model, plain, pairs, batch(USERS, ITEMS))
