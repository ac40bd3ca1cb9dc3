"""What the main loss compares a positive with, against loops over pairs; the draw; bad settings."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from recbole_slmrec.model import losses
from tests.model import dense
from tests.model.fast import assert_same_gradients, batch, fast_model, problem_of

# Training interactions, as a batch holds them, in no order and one of them twice.
USERS, ITEMS = (side[torch.tensor([9, 3, 17, 3, 0, 12, 21, 6])] for side in problem_of(1).edges)
PAIRS = list(zip(USERS.tolist(), ITEMS.tolist()))
DRAWN = torch.tensor([3, 7, 4, 2])


def interactions(problem) -> set[tuple[int, int]]:
    return set(zip(*(side.tolist() for side in problem.edges)))


def popularity(problem, beta: float) -> dict[int, float]:
    degrees = Counter(item for _, item in interactions(problem))
    powers = {item: degrees[item] ** beta for item in range(1, problem.n_items)}
    mean = sum(powers.values()) / len(powers)
    return {item: power / mean for item, power in powers.items()}


def expected_loss(problem, negatives: str, beta: float, exclude: bool):
    if negatives == "in_batch":
        own = {item: float(count) for item, count in Counter(ITEMS.tolist()).items()}
        candidates = list(own.items())
    else:
        own = popularity(problem, beta)
        candidates = list(own.items())
    if negatives == "uniform":
        share = (problem.n_items - 1) / len(DRAWN)
        candidates = [(item, own[item] * share) for item in DRAWN.tolist()]
    positives = interactions(problem) if exclude else set()
    return dense.candidate_loss(*problem.fused(), PAIRS, candidates, own, positives, 0.2)


@pytest.mark.parametrize("block", [1, 3, 100])
@pytest.mark.parametrize("exclude", [False, True])
@pytest.mark.parametrize("n_layers", [0, 1, 2, 3])
@pytest.mark.parametrize(
    "negatives, beta",
    [("in_batch", 0.0), ("all", 0.0), ("all", 0.5), ("uniform", 0.0), ("uniform", 1)],
)
def test_losses_and_gradients(monkeypatch, negatives, beta, exclude, n_layers, block):
    monkeypatch.setitem(losses._BLOCK_ANCHORS, "cpu", block)
    problem = problem_of(2, n_layers=n_layers)
    model = fast_model(
        problem,
        ssl_task="none",
        negatives=negatives,
        negative_popularity=beta,
        n_negatives=len(DRAWN),
        exclude_positives=exclude,
    )
    monkeypatch.setattr(model.main_loss.negatives, "draw", lambda: DRAWN, raising=False)
    loss = model.calculate_loss(batch(USERS, ITEMS))
    expected = expected_loss(problem, negatives, beta, exclude)
    assert_same_gradients(model, loss, problem, expected)


def test_few_logits_at_a_time_give_the_same(monkeypatch):
    problem = problem_of(1)
    settings = {"ssl_task": "none", "negatives": "all", "exclude_positives": True}
    whole = fast_model(problem, **settings).calculate_loss(batch(USERS, ITEMS))
    monkeypatch.setattr(losses, "_LOGITS_PER_BLOCK", 2 * problem.n_items)
    in_blocks = fast_model(problem, **settings).calculate_loss(batch(USERS, ITEMS))
    torch.testing.assert_close(in_blocks, whole, rtol=1e-12, atol=0)


def test_all_items_drawn_are_all_items():
    problem = problem_of(1)
    settings = {"ssl_task": "none", "n_negatives": problem.n_items - 1}
    drawn, every = (
        fast_model(problem, negatives=negatives, **settings).calculate_loss(batch(USERS, ITEMS))
        for negatives in ("uniform", "all")
    )
    torch.testing.assert_close(drawn, every, rtol=1e-12, atol=0)


def test_a_draw_is_of_distinct_items_and_reaches_each_alike():
    problem = problem_of(1)
    model = fast_model(problem, ssl_task="none", negatives="uniform", n_negatives=3)
    torch.manual_seed(0)
    draws = [model.main_loss.negatives.draw().tolist() for _ in range(600)]
    assert all(len(set(draw)) == 3 for draw in draws)
    counts = Counter(item for draw in draws for item in draw)
    assert sorted(counts) == list(range(1, problem.n_items))
    mean = 1800 / (problem.n_items - 1)
    assert all(abs(count - mean) < 5 * mean**0.5 for count in counts.values())


def test_with_an_ssl_task_the_task_sees_the_batch_alone():
    problem = problem_of(2)
    main, ssl = fast_model(problem, ssl_task="FAC", negatives="all").calculate_loss(
        batch(USERS, ITEMS)
    )
    other_main, same_ssl = fast_model(problem, ssl_task="FAC").calculate_loss(batch(USERS, ITEMS))
    torch.testing.assert_close(ssl, same_ssl, rtol=1e-12, atol=0)
    assert main.item() != pytest.approx(other_main.item())


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"negatives": "some"}, r"negatives \[some\] is not one of in_batch, all, uniform"),
        ({"negatives": "uniform", "n_negatives": 0}, r"n_negatives \[0\] must be .* from 1 to"),
        ({"negatives": "uniform", "n_negatives": 99}, r"n_negatives \[99\] .*negatives: all"),
        ({"negatives": "uniform", "n_negatives": "x"}, r"n_negatives \[x\] must be a whole number"),
        (
            {"negatives": "all", "negative_popularity": "x"},
            r"negative_popularity \[x\] must be a n",
        ),
        ({"negatives": "all", "negative_popularity": float("nan")}, r"negative_popularity \[nan\]"),
        ({"negatives": "all", "negative_popularity": -1}, r"negative_popularity \[-1\] must be"),
        ({"score": "l2"}, r"score \[l2\] is not one of auto, dot, cosine"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        fast_model(problem_of(1), **settings)
