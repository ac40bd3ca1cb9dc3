"""The popularity part of a score."""

from __future__ import annotations

import math

import pytest
import torch

from recbole_slmrec.model.popularity import Popularity
from tests.model.dense import random_problem
from tests.model.fast import fast_model


def test_a_score_is_the_cosine_and_tau_gamma_log_degree_in_float64():
    problem = random_problem(3, 8, 9, 20, {"v": 5, "w": 3})
    settings = {"score": "cosine", "tau": 0.3}
    with torch.no_grad():
        users, items = fast_model(problem, popularity_weight=0.7, **settings)()
        plain_users, plain_items = fast_model(problem, **settings)()
    distinct = torch.stack(problem.edges).unique(dim=1)
    degrees = torch.bincount(distinct[1], minlength=problem.n_items).double()
    degrees[degrees == 0] = 0.5
    expected = plain_users @ plain_items.T + 0.3 * 0.7 * degrees.log()
    torch.testing.assert_close(users @ items.T, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("negatives, start", [("in_batch", 0.5), ("all", 0.0), ("uniform", 0.0)])
def test_auto_begins_where_the_negatives_leave_an_items_popularity(negatives, start):
    problem = random_problem(3, 8, 9, 20, {"v": 5})
    model = fast_model(problem, score="cosine", popularity_weight="auto", negatives=negatives)
    assert model.popularity.free and model.popularity.weight == start


def test_a_weight_of_0_leaves_it_out():
    problem = random_problem(3, 8, 9, 20, {"v": 5})
    assert fast_model(problem, score="cosine", popularity_weight=0).popularity is None


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"popularity_weight": "much"}, r"popularity_weight \[much\] must be auto or a number"),
        ({"popularity_weight": math.nan}, r"popularity_weight \[nan\] must be auto or a number"),
        (
            {"popularity_weight": 1, "score": "dot"},
            r"popularity_weight \[1\] stands beside a cosine",
        ),
        (
            {
                "popularity_weight": 1,
                "main_loss": "bpr",
                "train_neg_sample_args": {"sample_num": 1},
            },
            r"popularity_weight \[1\] .* main_loss: info_nce or sampled, or popularity_weight: 0",
        ),
    ],
)
def test_what_it_cannot_be_is_told(settings, message):
    problem = random_problem(3, 8, 9, 20, {"v": 5})
    with pytest.raises(ValueError, match=message):
        fast_model(problem, **{"score": "cosine", **settings})


def test_the_neighbour_is_a_step_away_and_never_below_0():
    popularity = Popularity(torch.tensor([0, 1, 2]), 0.5, "auto", over_all=True)
    assert popularity.neighbour() == 0.25
    popularity.turn()
    assert popularity.neighbour() is None
    popularity.weight.fill_(1.0)
    assert popularity.neighbour() == 0.75
