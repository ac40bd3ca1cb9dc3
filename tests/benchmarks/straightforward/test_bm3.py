"""The straightforward BM3, which the table compares with, is the same model."""

from __future__ import annotations

import pytest
import torch

from benchmarks.straightforward.bm3 import StraightforwardBM3
from tests.benchmarks.straightforward.same import assert_same_step
from tests.model.fast import batch, dataset_of, float64
from tests.model.fast_graphs import ITEMS, USERS, config_of
from tests.model.test_bm3 import SETTINGS, D, built, problem_of


@pytest.mark.parametrize("n_modalities, n_layers", [(1, 1), (3, 2)])
def test_same_loss_and_gradients(n_modalities, n_layers):
    problem = problem_of(n_modalities, n_layers=n_layers)
    model = built(problem)
    with float64():
        plain = StraightforwardBM3(model, config_of(problem, **SETTINGS), dataset_of(problem))
    masks = masks_of(problem)
    give(model, [masks[0][USERS.unique()], *(mask[ITEMS.unique()] for mask in masks[1:])])
    give(plain, masks)
    pairs = {
        "users": (model.user_embedding.weight, plain.user_embedding.weight),
        "items": (model.item_embedding.weight, plain.item_embedding.weight),
    }
    linears = zip([*model.W.values(), model.P], [*plain.projections, plain.predictor])
    for place, (ours, theirs) in enumerate(linears):
        pairs[f"weight {place}"] = ours.weight, theirs.weight
        pairs[f"bias {place}"] = ours.bias, theirs.bias
    assert_same_step(model, plain, pairs, batch(USERS, ITEMS))


def masks_of(problem) -> list[torch.Tensor]:
    """What targets of users, items and each modality's features are multiplied by, in this order."""
    rng = torch.Generator().manual_seed(1)
    n_rows = [problem.n_users, *[problem.n_items] * (1 + len(problem.modalities))]
    return [(torch.rand(n, D, generator=rng) < 0.6).double() / 0.6 for n in n_rows]


def give(model, masks: list[torch.Tensor]) -> None:
    """Has a model drop out by ``masks``, one a target."""
    masks = iter(masks)
    model.target = lambda x: next(masks) * x.detach()
