"""Smoothing by an item graph, against the dense float64 version: scores, losses, gradients; bad input."""

from __future__ import annotations

import pytest
import torch

from tests.model import dense
from tests.model.dense import DenseSLMRec
from tests.model.fast import assert_same, assert_same_gradients, batch, fast_model, problem_of

K = 3
DRAWN = torch.tensor([3, 7, 4, 2])


def nearest(similarities: torch.Tensor) -> torch.Tensor:
    """S: 1 / n for the n of K items that are most similar, itself first; ties to the lower id."""
    S = torch.zeros_like(similarities)
    for i, row in enumerate(similarities.tolist()):
        if row[i] == 0:
            continue
        order = sorted((j for j, s in enumerate(row) if s != 0), key=lambda j: (j != i, -row[j], j))
        for j in order[:K]:
            S[i, j] = 1 / len(order[:K])
    return S


def graph_of(problem: DenseSLMRec, kind: str) -> torch.Tensor:
    graphs = []
    if kind in ("users", "both"):
        R = torch.zeros(problem.n_users, problem.n_items, dtype=torch.float64)
        R[problem.edges] = 1
        R = R / R.norm(dim=0).clamp(min=1e-12)
        graphs.append(nearest((R.T @ R).round(decimals=12)))
    if kind in ("features", "both"):
        for X in problem.features.values():
            X = X / X.norm(dim=1, keepdim=True).clamp(min=1e-12)
            graphs.append(nearest(X @ X.T))
    return sum(graphs) / len(graphs)


def smoothed(problem: DenseSLMRec, kind: str) -> tuple[torch.Tensor, torch.Tensor]:
    z_users, z_items = problem.fused()
    return z_users, z_items + graph_of(problem, kind) @ z_items


@pytest.mark.parametrize("kind", ["users", "features", "both"])
def test_scores(kind):
    problem = problem_of(2)
    model = fast_model(problem, item_graph=kind, ssl_task="none").eval()
    z_users, z_items = smoothed(problem, kind)
    everyone = torch.arange(problem.n_users)
    scores = model.full_sort_predict(batch(everyone, everyone)).view(problem.n_users, -1)
    assert_same(scores, (z_users @ z_items.T).detach())


@pytest.mark.parametrize("kind", ["users", "features", "both"])
@pytest.mark.parametrize("negatives", ["in_batch", "all", "uniform"])
def test_losses_and_gradients(monkeypatch, negatives, kind):
    problem = problem_of(2)
    users, items = (side[torch.tensor([9, 3, 17, 3, 0, 12])] for side in problem.edges)
    model = fast_model(
        problem, item_graph=kind, ssl_task="none", negatives=negatives, n_negatives=len(DRAWN)
    )
    monkeypatch.setattr(model.main_loss.negatives, "draw", lambda: DRAWN, raising=False)
    n = problem.n_items - 1
    candidates = {
        "in_batch": [(item, 1.0) for item in items.tolist()],
        "all": [(item, 1.0) for item in range(1, n + 1)],
        "uniform": [(item, n / len(DRAWN)) for item in DRAWN.tolist()],
    }[negatives]
    own = {item: 1.0 for item in items.tolist()}
    if negatives == "in_batch":
        own = {item: float(items.tolist().count(item)) for item in items.tolist()}
    pairs = list(zip(users.tolist(), items.tolist()))
    z = smoothed(problem, kind)
    expected = dense.candidate_loss(*z, pairs, candidates, own, set(), 0.2)
    assert_same_gradients(model, model.calculate_loss(batch(users, items)), problem, expected)


def test_an_ssl_task_sees_no_neighbours():
    problem = problem_of(2)
    users, items = torch.tensor([1, 2, 5]), torch.tensor([2, 4, 2])
    _, plain = fast_model(problem, ssl_task="FAC").calculate_loss(batch(users, items))
    _, actual = fast_model(problem, ssl_task="FAC", item_graph="users").calculate_loss(
        batch(users, items)
    )
    torch.testing.assert_close(actual, plain, rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"item_graph": "tags"}, r"item_graph \[tags\] is not one of none, users, features, both"),
        ({"item_graph": "users", "item_graph_k": 0}, r"item_graph_k \[0\] must be a whole number"),
        ({"item_graph": "users", "item_graph_k": 99}, r"item_graph_k \[99\] .* from 1 to 11"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        fast_model(problem_of(1), **settings)


def test_a_graph_of_features_needs_features():
    with pytest.raises(ValueError, match="item_graph: both compares items by their features"):
        fast_model(problem_of(0), item_graph="both", ssl_task="none")
