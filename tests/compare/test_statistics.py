"""Means, deviations, improvements and p-values of made-up numbers, by hand and by scipy."""

from __future__ import annotations

import pytest
from scipy.stats import ttest_rel

from recbole_slmrec.compare.runs import Outcome
from recbole_slmrec.compare.statistics import paired_p_value, summarise
from tests.compare.made_up import kept_run, outcomes


def test_mean_deviation_and_place_over_seeds():
    scores = summarise(outcomes()).scores
    recall = {label: score["recall@10"] for label, score in scores.items()}
    assert recall["A_1"].mean == pytest.approx((0.7 + 0.6) / 2)
    assert recall["A_1"].deviation == pytest.approx(0.1 / 2**0.5)
    assert recall["B"].mean == pytest.approx(0.4)
    assert recall["B"].deviation == pytest.approx(0, abs=1e-12)
    assert recall["C"].deviation is None
    assert [recall[label].place for label in ("A_1", "B", "C")] == [1, 2, 0]
    assert [scores[label]["precision@10"].place for label in ("A_1", "B", "C")] == [2, 0, 1]


def test_improvement_is_over_the_strongest_other_of_each_metric():
    improvements = summarise(outcomes()).improvements
    assert improvements["recall@10"].other == "B"
    assert improvements["recall@10"].percent == pytest.approx(100 * (0.65 / 0.4 - 1))
    assert improvements["precision@10"].other == "C"
    assert improvements["precision@10"].percent == pytest.approx(100 * (0.4 / 0.6 - 1))


def test_the_p_value_is_that_of_users_whose_seeds_are_averaged():
    expected = ttest_rel([0.7, 0.6, 0.9, 0.4], [0.5, 0.3, 0.7, 0.1]).pvalue
    improvements = summarise(outcomes()).improvements
    assert improvements["recall@10"].p_value == pytest.approx(expected)
    assert improvements["precision@10"].p_value is None


def test_users_are_paired_by_name_not_by_row():
    first = [kept_run("A", 1, [0.9, 0.5, 0.7, 0.1])]
    other = [kept_run("B", 1, [0.2, 0.3, 0.4, 0.6], users=["u4", "u3", "u2", "u1"])]
    expected = ttest_rel([0.9, 0.5, 0.7, 0.1], [0.6, 0.4, 0.3, 0.2]).pvalue
    assert paired_p_value(first, other, "recall@10") == pytest.approx(expected)


def test_models_that_are_the_same_for_every_user_have_no_p_value():
    runs = [kept_run("A", 1, [0.9, 0.5, 0.7, 0.1])]
    assert paired_p_value(runs, runs, "recall@10") is None


def test_validation_has_improvements_without_p_values():
    summary = summarise(outcomes(), "valid")
    assert summary.scores["A_1"]["recall@10"].mean == pytest.approx(0.325)
    assert summary.improvements["recall@10"].percent == pytest.approx(100 * (0.65 / 0.4 - 1))
    assert summary.improvements["recall@10"].p_value is None


def test_nothing_is_compared_without_the_first_model_or_without_another():
    assert summarise(outcomes()[:1]).improvements == {}
    assert summarise([Outcome("Z", [], {1: "failed"}), *outcomes()]).improvements == {}


def test_a_metric_that_is_better_when_smaller():
    pair = [
        Outcome("A", [kept_run("A", 1, [0.5] * 4, test={"rmse": 0.8})]),
        Outcome("B", [kept_run("B", 1, [0.5] * 4, test={"rmse": 1.0})]),
        Outcome("C", [kept_run("C", 1, [0.5] * 4, test={"rmse": 1.6})]),
    ]
    summary = summarise(pair)
    assert [summary.scores[label]["rmse"].place for label in "ABC"] == [1, 2, 0]
    assert summary.improvements["rmse"].other == "B"
    assert summary.improvements["rmse"].percent == pytest.approx(20)


def test_metrics_stand_by_k_and_then_in_the_order_of_the_settings():
    names = ["recall@10", "recall@5", "ndcg@10", "ndcg@5"]
    run = kept_run("A", 1, [0.5] * 4, test=dict.fromkeys(names, 0.5))
    assert summarise([Outcome("A", [run])]).metrics == [
        "recall@5",
        "ndcg@5",
        "recall@10",
        "ndcg@10",
    ]
