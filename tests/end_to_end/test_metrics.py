"""Recall, NDCG and Precision of a fixed ranking, by hand and through RecBole's evaluator."""

from __future__ import annotations

import math

import pytest
import torch

from recbole_slmrec import quick_start
from recbole_slmrec.config import Config
from recbole_slmrec.trainer import get_trainer


def by_hand(ranking: list[int], relevant: set[int], k: int) -> dict[str, float]:
    hits = [item in relevant for item in ranking[:k]]
    gain = sum(1 / math.log2(rank + 2) for rank, hit in enumerate(hits) if hit)
    ideal = sum(1 / math.log2(rank + 2) for rank in range(min(k, len(relevant))))
    return {
        f"recall@{k}": sum(hits) / len(relevant),
        f"ndcg@{k}": gain / ideal,
        f"precision@{k}": sum(hits) / k,
    }


def interactions(data) -> dict[int, set[int]]:
    pairs = data._dataset.inter_feat
    by_user: dict[int, set[int]] = {}
    for user, item in zip(pairs["user_id"].tolist(), pairs["item_id"].tolist()):
        by_user.setdefault(user, set()).add(item)
    return by_user


@pytest.mark.parametrize("test_mask", ["seen", "train"])
def test_metrics_are_those_of_the_ranking_without_masked_items(made, test_mask):
    settings = {
        "show_progress": False,
        "state": "ERROR",
        "topk": [1, 10, 20],
        "test_mask": test_mask,
    }
    config = Config("SLMRec", "made", config_dict=settings)
    train_data, valid_data, test_data = quick_start.load_data(config)
    model = quick_start.build_model(config, train_data)
    scores = torch.randn(model.n_users, model.n_items)
    model.item_scores = lambda users: scores[users].T
    trainer = get_trainer(config["MODEL_TYPE"], "SLMRec")(config, model)
    trainer.eval_collector.data_collect(train_data)
    result = trainer.evaluate(test_data, load_best_model=False)

    seen, held = interactions(train_data), interactions(valid_data)
    expected: dict[str, list[float]] = {}
    for user, relevant in interactions(test_data).items():
        masked = {0} | seen[user] | (held[user] if test_mask == "seen" else set())
        order = scores[user].argsort(descending=True).tolist()
        ranking = [item for item in order if item not in masked]
        for k in (1, 10, 20):
            for metric, value in by_hand(ranking, relevant, k).items():
                expected.setdefault(metric, []).append(value)
    assert set(result) == set(expected)
    for metric, values in expected.items():
        assert result[metric] == pytest.approx(sum(values) / len(values), abs=1e-6)
