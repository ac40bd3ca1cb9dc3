"""The losses, against loops over rows; their block-wise gradients; their bad input."""

from __future__ import annotations

import math

import pytest
import torch

from recbole_slmrec.model import losses
from recbole_slmrec.model.losses import Pairs, bpr, info_nce, sampled_info_nce, weighted_info_nce
from tests.model import dense

# In no order; candidates 0, 2 and 4 are the positives of several anchors each.
PAIRS = Pairs(torch.tensor([3, 0, 1, 3, 2, 0, 3, 1]), torch.tensor([2, 0, 4, 0, 2, 3, 1, 4]))


def rows(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("block", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_info_nce_is_the_same_in_blocks_of_any_size(monkeypatch, similarity, block):
    monkeypatch.setitem(losses._BLOCK_ANCHORS, "cpu", block)
    anchors, positives = rows(7, 4), rows(7, 4)
    loss = info_nce(anchors, positives, 0.3, similarity)
    expected = dense.info_nce(anchors, positives, 0.3, similarity)
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=0)
    gradients = torch.autograd.grad(3 * loss, (anchors, positives))
    for actual, other in zip(gradients, torch.autograd.grad(3 * expected, (anchors, positives))):
        torch.testing.assert_close(actual, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("block", [1, 2, 3, 100])
@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_vectors_that_rows_share_count_as_often_as_they_occur(monkeypatch, similarity, block):
    monkeypatch.setitem(losses._BLOCK_ANCHORS, "cpu", block)
    anchors, candidates = rows(4, 3), rows(5, 3)
    loss = info_nce(anchors, candidates, 0.3, similarity, pairs=PAIRS)
    in_rows = anchors[PAIRS.anchors], candidates[PAIRS.positives]
    expected = dense.info_nce(*in_rows, 0.3, similarity)
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=0)
    gradients = torch.autograd.grad(loss, (anchors, candidates))
    for actual, other in zip(gradients, torch.autograd.grad(expected, (anchors, candidates))):
        torch.testing.assert_close(actual, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_the_loss_of_several_tables_is_the_sum_of_theirs(similarity):
    tables = [(rows(4, width), rows(5, width)) for width in (3, 2, 5)]
    loss = losses.info_nces(tables, 0.3, similarity, pairs=PAIRS)
    expected = sum(
        dense.info_nce(anchors[PAIRS.anchors], candidates[PAIRS.positives], 0.3, similarity)
        for anchors, candidates in tables
    )
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=0)
    leaves = [table for pair in tables for table in pair]
    gradients = torch.autograd.grad(3 * loss, leaves)
    for actual, other in zip(gradients, torch.autograd.grad(3 * expected, leaves)):
        torch.testing.assert_close(actual, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_autocast_multiplies_in_bfloat16_and_keeps_float32_gradients(similarity):
    anchors, positives = torch.randn(300, 16), torch.randn(300, 16)
    exact = [rows.double().requires_grad_() for rows in (anchors, positives)]
    rounded = [rows.clone().requires_grad_() for rows in (anchors, positives)]
    expected = dense.info_nce(*exact, 0.5, similarity)
    with torch.autocast("cpu"):
        loss = info_nce(*rounded, 0.5, similarity)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(expected.item(), rel=1e-2)
    for actual, other in zip(
        torch.autograd.grad(loss, rounded), torch.autograd.grad(expected, exact)
    ):
        error = (actual - other).norm() / other.norm()
        # Nearer than that, and nothing was rounded; farther, and more than the products was.
        assert 1e-4 < error < 2e-2


def test_autocast_does_not_round_how_often_a_vector_occurs():
    pairs = Pairs(torch.zeros(304, dtype=torch.long), torch.tensor([0] * 301 + [1] * 3))
    with torch.autocast("cpu"):
        loss = info_nce(
            torch.zeros(1, 4).bfloat16(), torch.zeros(2, 4).bfloat16(), 0.2, "dot", pairs=pairs
        )
    assert loss.item() == pytest.approx(math.log(304), rel=1e-6)


def test_info_nce_of_equal_rows_is_the_logarithm_of_the_batch():
    same = torch.ones(8, 3)
    assert info_nce(same, same, 0.2).item() == pytest.approx(math.log(8))


def test_a_batch_of_one_has_no_negatives_and_teaches_nothing():
    anchors, positives = rows(1, 4), rows(1, 4)
    loss = info_nce(anchors, positives, 0.2)
    assert loss.item() == pytest.approx(0, abs=1e-12)
    (gradient,) = torch.autograd.grad(loss, anchors)
    assert gradient.abs().max() < 1e-12


# Logits of 0.7 times the bound for those that are small, just below it, above it, and huge.
@pytest.mark.parametrize("logit", [29.0, 41.5, 41.7, 1.8e6])
@pytest.mark.parametrize("sign", [1, -1])
def test_large_logits_do_not_overflow(logit, sign):
    anchors = torch.full((300, 1), math.sqrt(0.1 * logit), requires_grad=True)
    loss = info_nce(anchors, sign * anchors, 0.1, "dot")
    assert loss.item() == pytest.approx(math.log(300), rel=1e-5)
    assert torch.autograd.grad(loss, anchors)[0].isfinite().all()


@pytest.mark.parametrize("length", [1, 5, 50])
def test_logits_may_have_any_size(length):
    anchors, candidates = length * rows(7, 4), rows(7, 4)
    loss = info_nce(anchors, candidates, 0.3, "dot")
    expected = dense.info_nce(anchors, candidates, 0.3, "dot")
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=0)
    gradients = torch.autograd.grad(loss, (anchors, candidates))
    for actual, other in zip(gradients, torch.autograd.grad(expected, (anchors, candidates))):
        torch.testing.assert_close(actual, other, rtol=1e-9, atol=1e-12)


def test_permuting_the_rows_changes_nothing():
    anchors, positives = rows(6, 4), rows(6, 4)
    order = torch.randperm(6)
    torch.testing.assert_close(
        info_nce(anchors[order], positives[order], 0.2), info_nce(anchors, positives, 0.2)
    )


def test_sampled_and_bpr_are_those_of_the_loops():
    users, positives, negatives = rows(5, 3), rows(5, 3), rows(4, 5, 3)
    torch.testing.assert_close(
        sampled_info_nce(users, positives, negatives, 0.4),
        dense.sampled_loss(users, positives, negatives, 0.4),
    )
    torch.testing.assert_close(
        bpr(users, positives, negatives), dense.bpr_loss(users, positives, negatives)
    )


@pytest.mark.parametrize("temperature", [0, -0.2, "0.2", float("nan")])
def test_a_temperature_that_is_not_positive_is_refused(temperature):
    with pytest.raises(ValueError, match=r"temperature \[.*\] must be a number above 0"):
        info_nce(rows(2, 3), rows(2, 3), temperature)
    with pytest.raises(ValueError, match=r"temperature \[.*\] must be a number above 0"):
        sampled_info_nce(rows(2, 3), rows(2, 3), rows(1, 2, 3), temperature)


def test_shapes_that_differ_are_refused():
    with pytest.raises(ValueError, match=r"anchors \(2, 3\) and candidates \(4, 3\)"):
        info_nce(rows(2, 3), rows(4, 3), 0.2)
    with pytest.raises(ValueError, match=r"anchors \(2, 3\) and candidates \(4, 5\)"):
        info_nce(rows(2, 3), rows(4, 5), 0.2, pairs=PAIRS)
    with pytest.raises(ValueError, match="as many anchors as positives"):
        info_nce(rows(4, 3), rows(5, 3), 0.2, pairs=Pairs(PAIRS.anchors, PAIRS.positives[1:]))


def test_an_unknown_similarity_is_refused():
    with pytest.raises(ValueError, match=r"similarity \[l2\] is not one of cosine, dot"):
        info_nce(rows(2, 3), rows(2, 3), 0.2, "l2")


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
def test_weighted_info_nce_with_equal_weights_is_info_nce(similarity):
    generator = torch.Generator().manual_seed(4)
    anchors, candidates = torch.randn(2, 7, 5, generator=generator, dtype=torch.float64)
    rows = torch.arange(7)
    weights = torch.ones(7, dtype=torch.float64)
    weighted = weighted_info_nce(
        anchors, candidates, 0.3, Pairs(rows, rows), weights, similarity=similarity
    )
    torch.testing.assert_close(weighted, info_nce(anchors, candidates, 0.3, similarity))
    with pytest.raises(ValueError, match=r"similarity \[angle\] is not one of cosine, dot"):
        weighted_info_nce(anchors, candidates, 0.3, Pairs(rows, rows), weights, similarity="angle")
