"""Cold items' part of a score, against its formula written plainly, and the places that it gets."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recbole_slmrec.model.cold import _principal
from recbole_slmrec.recommend.new_items import new_item_vectors
from tests.model.dense import DenseSLMRec, random_problem
from tests.model.fast import fast_model

SETTINGS = {"score": "cosine", "ssl_task": "none"}


def problem_of(n_items: int = 60) -> DenseSLMRec:
    """40 users, items of which the last fifth and some others have no interactions, two modalities."""
    problem = random_problem(5, 41, n_items + 1, 300, {"v": 5, "w": 3})
    users, items = problem.edges
    warm = items <= n_items - n_items // 5
    problem.edges = (users[warm], items[warm])
    return problem


def cold_of(problem: DenseSLMRec) -> torch.Tensor:
    cold = torch.ones(problem.n_items, dtype=torch.bool)
    cold[problem.edges[1]] = cold[0] = False
    return cold


@torch.no_grad()
def scores_of(model) -> torch.Tensor:
    users, items = model()
    return users @ items.T


def content_scores(problem: DenseSLMRec, spread: float) -> torch.Tensor:
    """The formula without b, of all users and items."""
    warm = np.unique(problem.edges[1].numpy())
    sides = []
    for features in problem.features.values():
        X = features.numpy()
        present = X[warm][np.any(X[warm] != 0, axis=1)]
        standard = (X - present.mean(0)) / present.std(0)
        standard[~np.any(X != 0, axis=1)] = 0
        sides.append(standard)
    x = np.hstack(sides)
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    x = np.divide(x, lengths, out=np.zeros_like(x), where=lengths > 0)
    profiles = np.zeros((problem.n_users, x.shape[1]))
    for user in range(problem.n_users):
        own = problem.edges[1][problem.edges[0] == user].unique().numpy()
        profiles[user] = x[own].sum(0) / max(len(own), 1) ** 0.5
    sums = profiles @ x.T
    return torch.from_numpy(sums * spread / sums[1:, 1:].std())


def places_of_cold(problem: DenseSLMRec, scores: torch.Tensor) -> float:
    """The share of cold items in the first 20 unseen ones of users with interactions."""
    scores = scores.clone()
    scores[problem.edges] = scores[:, 0] = -torch.inf
    users = problem.edges[0].unique()
    first = scores[users].topk(20, dim=1).indices
    return cold_of(problem)[first].double().mean().item()


@pytest.mark.parametrize("share", [0.05, 0.2, 0.35])
def test_cold_items_are_ranked_by_content_and_fill_their_share_of_places(share):
    problem = problem_of()
    cold = cold_of(problem)
    plain = scores_of(fast_model(problem, **SETTINGS))
    scores = scores_of(fast_model(problem, cold_share=share, **SETTINGS))
    torch.testing.assert_close(scores[:, ~cold], plain[:, ~cold], rtol=1e-9, atol=1e-12)
    spread = plain[1:, 1:].std(correction=0).item()
    b = scores[:, cold] - content_scores(problem, spread)[:, cold]
    torch.testing.assert_close(b, b[0, 0].expand_as(b), rtol=1e-9, atol=1e-9)
    n_places = 20 * len(problem.edges[0].unique())
    assert abs(places_of_cold(problem, scores) - share) <= 1.5 / n_places


def test_auto_gives_them_the_share_that_good_and_turing_say():
    problem = problem_of()
    distinct = torch.stack(problem.edges).unique(dim=1)
    once = (torch.bincount(distinct[1]) == 1).sum().item()
    assert once > 0
    scores = scores_of(fast_model(problem, cold_share="auto", **SETTINGS))
    expected = scores_of(fast_model(problem, cold_share=once / distinct.shape[1], **SETTINGS))
    torch.testing.assert_close(scores, expected, rtol=1e-12, atol=1e-12)


def test_beside_a_linear_part_and_popularity_a_cold_item_has_neither():
    problem = problem_of()
    settings = {**SETTINGS, "linear_weight": 3.0, "popularity_weight": 0.5, "cold_share": 0.2}
    with torch.no_grad():
        parts = fast_model(problem, **settings).parts()
    assert list(parts) == ["embedding", "popularity", "linear", "content"]
    cold = cold_of(problem)
    for name, part in parts.items():
        assert part.on_items[cold].any() == (name == "content"), name


def test_an_item_without_features_is_not_ranked_by_them():
    problem = problem_of()
    for features in problem.features.values():
        features[-1] = 0
    plain = scores_of(fast_model(problem, **SETTINGS))
    scores = scores_of(fast_model(problem, cold_share=0.2, **SETTINGS))
    torch.testing.assert_close(scores[:, -1], plain[:, -1], rtol=1e-9, atol=1e-12)
    assert scores.isfinite().all()


def test_permuting_items_permutes_scores():
    problem = problem_of()
    order = torch.cat([torch.zeros(1, dtype=torch.long), 1 + torch.randperm(problem.n_items - 1)])
    place = order.argsort()
    other = problem_of()
    other.edges = (problem.edges[0], place[problem.edges[1]])
    other.features = {name: table[order] for name, table in problem.features.items()}
    other.params = {**problem.params, "id": problem.params["id"][order]}
    settings = {**SETTINGS, "cold_share": 0.2}
    expected = scores_of(fast_model(problem, **settings))[:, order]
    torch.testing.assert_close(
        scores_of(fast_model(other, **settings)), expected, rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("share", ["auto", 0.1])
def test_items_that_come_later_fill_their_share_too(share):
    problem = problem_of()
    cold = cold_of(problem)
    n_known = problem.n_items
    model = fast_model(problem, cold_share=share, **SETTINGS)
    generator = torch.Generator().manual_seed(2)
    new = {
        name: torch.randn(30, table.shape[1], dtype=torch.float64, generator=generator)
        for name, table in problem.features.items()
    }
    with torch.no_grad():
        known = model()
        vectors = new_item_vectors(model, new, known)
    scores = known.on_users @ torch.cat([known.on_items, vectors]).T
    scores[problem.edges] = scores[:, 0] = -torch.inf
    # They are measured beside what has interactions.
    scores[:, :n_known][:, cold] = -torch.inf
    first = scores[problem.edges[0].unique()].topk(20, dim=1).indices
    expected = 30 / (n_known - 1 + 30) if share == "auto" else share
    assert (first >= n_known).double().mean().item() == pytest.approx(expected, abs=0.002)


def test_an_item_that_comes_later_with_the_features_of_a_cold_one_is_scored_alike():
    problem = problem_of()
    model = fast_model(problem, cold_share=0.2, **SETTINGS)
    cold = cold_of(problem)
    with torch.no_grad():
        known = model()
        new = {name: table[cold] for name, table in problem.features.items()}
        vectors = new_item_vectors(model, new, known)
    torch.testing.assert_close(vectors, known.on_items[cold], rtol=1e-9, atol=1e-9)


def test_the_principal_components_of_wide_content_keep_its_products():
    generator = torch.Generator().manual_seed(0)
    narrow, wide = (torch.randn(n, 9, dtype=torch.float64, generator=generator) for n in (40, 200))
    rows = narrow @ wide.T
    state = torch.random.get_rng_state()
    basis = _principal(rows)
    assert torch.equal(torch.random.get_rng_state(), state) and basis.shape == (200, 40)
    small = rows @ basis
    torch.testing.assert_close(small @ small.T, rows @ rows.T, rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize("share", [-0.1, 1, "few"])
def test_what_a_share_cannot_be_is_told(share):
    with pytest.raises(
        ValueError, match=r"cold_share \[.*\] must be auto or a number from 0 to bel"
    ):
        fast_model(problem_of(), cold_share=share)


def test_a_share_without_content_is_told_and_auto_needs_none():
    problem = random_problem(5, 9, 12, 30, {})
    with pytest.raises(
        ValueError, match=r"cold_share \[0.1\] ranks items without .* by their feat"
    ):
        fast_model(problem, ssl_task="none", cold_share=0.1)
    assert fast_model(problem, ssl_task="none", cold_share="auto").cold is None
