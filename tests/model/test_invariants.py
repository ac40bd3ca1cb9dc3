"""What may not change a score: the numbering, isolated newcomers, duplicate interactions."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.model.dense import DenseSLMRec, random_problem
from tests.model.fast import batch, fast_model

WIDTHS = {"v": 5, "words": 6, "t": 4}
SETTINGS = {"adjacency": "pre", "n_layers": 3}


def problem_of(adjacency: str = "pre") -> DenseSLMRec:
    return random_problem(5, 9, 12, 30, WIDTHS, {"words": 8}, adjacency=adjacency)


def scores_of(problem: DenseSLMRec) -> torch.Tensor:
    model = fast_model(problem).eval()
    everyone = torch.arange(problem.n_users)
    return model.full_sort_predict(batch(everyone, everyone)).view(problem.n_users, -1)


def permuted(problem: DenseSLMRec, users: torch.Tensor, items: torch.Tensor) -> DenseSLMRec:
    """The problem with user u called users[u] and item i called items[i]."""
    new_user = torch.empty_like(problem.params["user"]).index_copy(0, users, problem.params["user"])
    new_item = torch.empty_like(problem.params["id"]).index_copy(0, items, problem.params["id"])
    return replace(
        problem,
        params={**problem.params, "user": new_user, "id": new_item},
        features={
            m: torch.empty_like(x).index_copy(0, items, x) for m, x in problem.features.items()
        },
        words={m: (items[own], words) for m, (own, words) in problem.words.items()},
        edges=(users[problem.edges[0]], items[problem.edges[1]]),
    )


@pytest.mark.parametrize("adjacency", ["pre", "norm", "gcmc", "mean", "plain"])
def test_renumbering_users_and_items_renumbers_the_scores(adjacency):
    problem = problem_of(adjacency)
    users, items = torch.randperm(problem.n_users), torch.randperm(problem.n_items)
    renumbered = scores_of(permuted(problem, users, items))
    torch.testing.assert_close(renumbered[users][:, items], scores_of(problem))


@pytest.mark.parametrize("adjacency", ["pre", "norm", "gcmc", "mean", "plain"])
def test_an_isolated_newcomer_changes_no_other_score(adjacency):
    problem = problem_of(adjacency)
    one_more = replace(
        problem,
        params={
            **problem.params,
            "user": torch.cat([problem.params["user"], torch.randn(1, 4)]),
            "id": torch.cat([problem.params["id"], torch.randn(1, 4)]),
        },
        features={
            m: torch.cat([x, torch.randn(1, x.shape[1])]) for m, x in problem.features.items()
        },
        n_users=problem.n_users + 1,
        n_items=problem.n_items + 1,
    )
    torch.testing.assert_close(scores_of(one_more)[:-1, :-1], scores_of(problem))


def test_repeating_an_interaction_changes_no_score():
    problem = problem_of()
    users, items = problem.edges
    repeated = replace(problem, edges=(users.repeat(3), items.repeat(3)))
    torch.testing.assert_close(scores_of(repeated), scores_of(problem))
