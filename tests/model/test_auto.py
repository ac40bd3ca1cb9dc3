"""What a setting that is ``auto`` stands for on a data set."""

from __future__ import annotations

import pytest
import torch

from recbole_slmrec.graph.bipartite import interaction_graph
from recbole_slmrec.graph.product import InteractionBlock
from recbole_slmrec.model.auto import follow_the_data

AUTO = dict.fromkeys(
    "negatives exclude_positives tau ssl_task score popularity_weight "
    "linear_user_power linear_item_power".split(),
    "auto",
)


def block_of(n_items: int, degree: int) -> InteractionBlock:
    """``n_items`` items, of which the first ten have ``degree`` users each and the others none."""
    users, items = torch.meshgrid(torch.arange(1, degree + 1), torch.arange(1, 11), indexing="ij")
    graph = interaction_graph(users.flatten(), items.flatten(), degree + 1, n_items + 1)
    return InteractionBlock(graph, torch.device("cpu"))


def chosen(n_items: int, degree: int, **settings) -> dict:
    config = {"main_loss": "info_nce", **AUTO, **settings}
    follow_the_data(config, block_of(n_items, degree))
    return {key: config[key] for key in AUTO}


IN_BATCH = {
    "negatives": "in_batch",
    "exclude_positives": False,
    "tau": 0.5,
    "ssl_task": "FAC",
    "score": "cosine",
    "popularity_weight": "auto",
    "linear_user_power": 0.0,
    "linear_item_power": 0.0,
}
BY_VALIDATION = {"linear_user_power": "auto", "linear_item_power": "auto"}
DENSE_IN_BATCH = {**IN_BATCH, "tau": 0.2, "ssl_task": "none", **BY_VALIDATION}
OVER_ALL = {
    "negatives": "all",
    "exclude_positives": True,
    "tau": 0.2,
    "ssl_task": "none",
    "score": "cosine",
    "popularity_weight": "auto",
    **BY_VALIDATION,
}


@pytest.mark.parametrize(
    "n_items, degree, expected",
    [
        (10, 11, IN_BATCH),
        (10, 12, OVER_ALL),
        (19_999, 12, OVER_ALL),
        (20_000, 12, DENSE_IN_BATCH),
        (20_000, 11, IN_BATCH),
    ],
)
def test_negatives_follow_from_the_interactions_of_an_item_and_the_rest_from_them(
    n_items, degree, expected
):
    assert chosen(n_items, degree) == expected


def test_what_is_given_stays_and_the_rest_suits_it():
    assert chosen(10, 11, negatives="in_batch", tau=0.1) == {**IN_BATCH, "tau": 0.1}
    assert chosen(10, 12, negatives="in_batch") == DENSE_IN_BATCH
    assert chosen(10, 12, negatives="uniform") == {**OVER_ALL, "negatives": "uniform"}
    by_dot = {"score": "dot", "popularity_weight": 0, **dict.fromkeys(BY_VALIDATION, 0.0)}
    assert chosen(10, 2, negatives="all", score="dot") == {**OVER_ALL, **by_dot}


@pytest.mark.parametrize(
    "main_loss, score", [("bpr", "dot"), ("none", "dot"), ("sampled", "cosine")]
)
def test_other_main_losses_rank_by_what_they_compare_by(main_loss, score):
    assert chosen(10, 12, main_loss=main_loss)["score"] == score
    by_cosine = chosen(10, 12, main_loss=main_loss, score="cosine")
    assert by_cosine["popularity_weight"] == ("auto" if main_loss == "sampled" else 0)
