"""Metrics user by user: those of each user's ranking, with RecBole's means."""

from __future__ import annotations

import math

import pytest
import torch
from recbole.evaluator import Evaluator
from recbole.evaluator.collector import DataStruct

from recbole_slmrec.evaluation.per_user import UserEvaluator


@pytest.fixture
def evaluator():
    settings = {"topk": [1, 3], "metrics": ["Recall", "NDCG", "Precision", "Hit"]}
    return UserEvaluator(Evaluator({**settings, "metric_decimal_place": 6}))


def ranking(rows: list[list[int]]) -> DataStruct:
    struct = DataStruct()
    struct.set("rec.topk", torch.tensor(rows))
    return struct


def test_each_user_has_the_metrics_of_its_own_ranking(evaluator):
    # A row a user: hits in the first three places, and how many items are relevant.
    evaluator.evaluate(ranking([[1, 0, 1, 2], [0, 1, 0, 4], [0, 0, 0, 1]]))
    values = evaluator.per_user()
    assert values["recall@1"].tolist() == [0.5, 0, 0]
    assert values["recall@3"].tolist() == [1, 0.25, 0]
    assert values["precision@3"] == pytest.approx([2 / 3, 1 / 3, 0])
    assert values["hit@3"].tolist() == [1, 1, 0]
    ideal = [1 + 1 / math.log2(3), 1 + 1 / math.log2(3) + 1 / 2]
    assert values["ndcg@3"] == pytest.approx([1.5 / ideal[0], 1 / math.log2(3) / ideal[1], 0])


def test_means_are_recboles_and_the_last_ranking_counts(evaluator):
    evaluator.evaluate(ranking([[1, 1, 1, 3]]))
    result = evaluator.evaluate(ranking([[1, 0, 1, 2], [0, 1, 0, 4], [0, 0, 0, 1]]))
    values = evaluator.per_user()
    assert set(values) == set(result)
    for metric, value in result.items():
        assert values[metric].mean() == pytest.approx(value, abs=1e-6)
