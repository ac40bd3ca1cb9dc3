"""Every metric of a fixed ranking, by hand and through the evaluator."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import torch

from recbole_slmrec import quick_start
from recbole_slmrec.config import Config
from recbole_slmrec.evaluation.metrics import OF_RANKINGS
from recbole_slmrec.training.trainer import get_trainer
from tests.made import N_ITEMS

QUICK = {"show_progress": False, "state": "ERROR", "topk": [1, 5, 20]}


def of_a_user(ranking: list[int], relevant: set[int], k: int) -> dict[str, float]:
    """The metrics that are means over users, of one of them."""
    hits = [item in relevant for item in ranking[:k]]
    first = hits.index(True) + 1 if any(hits) else math.inf
    precisions = [sum(hits[: place + 1]) / (place + 1) for place, hit in enumerate(hits) if hit]
    gain = sum(1 / math.log2(rank + 2) for rank, hit in enumerate(hits) if hit)
    ideal = sum(1 / math.log2(rank + 2) for rank in range(min(k, len(relevant))))
    return {
        f"hit@{k}": float(any(hits)),
        f"mrr@{k}": 1 / first,
        f"map@{k}": sum(precisions) / min(k, len(relevant)),
        f"recall@{k}": sum(hits) / len(relevant),
        f"ndcg@{k}": gain / ideal,
        f"precision@{k}": sum(hits) / k,
    }


def of_all_users(rankings: list[list[int]], popularity: Counter, k: int) -> dict[str, float]:
    """The metrics of what is recommended to all together; ``popularity`` by item, in training."""
    shown = [item for ranking in rankings for item in ranking[:k]]
    counts = Counter(shown)
    shares = [count / len(shown) for count in counts.values()]
    every = sorted(counts.get(item, 0) for item in range(1, N_ITEMS + 1))
    weighted = sum((2 * n - N_ITEMS - 1) * count for n, count in enumerate(every, start=1))
    rarest = sorted(popularity, key=lambda item: (popularity[item], item))
    tail = set(rarest[: max(int(0.1 * len(rarest)), 1)])
    return {
        f"itemcoverage@{k}": len(counts) / N_ITEMS,
        f"averagepopularity@{k}": sum(popularity[item] for item in shown) / len(shown),
        f"shannonentropy@{k}": -sum(share * math.log(share) for share in shares),
        f"giniindex@{k}": weighted / (N_ITEMS * len(shown)),
        f"tailpercentage@{k}": sum(item in tail for item in shown) / len(shown),
    }


def gauc(rankings: list[list[int]], relevants: list[set[int]]) -> float:
    """The share of pairs of a positive and a negative that are in order, weighted by positives."""
    total = 0.0
    for ranking, relevant in zip(rankings, relevants):
        pairs = right = 0
        for place, item in enumerate(ranking):
            if item in relevant:
                below = sum(other not in relevant for other in ranking[place + 1 :])
                right, pairs = right + below, pairs + len(ranking) - len(relevant)
        total += right / pairs * len(relevant)
    return total / sum(map(len, relevants))


def interactions(data) -> dict[int, set[int]]:
    pairs = data._dataset.inter_feat
    by_user: dict[int, set[int]] = {}
    for user, item in zip(pairs["user_id"].tolist(), pairs["item_id"].tolist()):
        by_user.setdefault(user, set()).add(item)
    return by_user


@pytest.mark.parametrize(
    "model_name, test_mask", [("SLMRec", "seen"), ("SLMRec", "train"), ("BPR", "seen")]
)
def test_metrics_are_those_of_the_ranking_without_masked_items(made, model_name, test_mask):
    settings = {**QUICK, "metrics": OF_RANKINGS, "test_mask": test_mask}
    config = Config(model_name, "made", config_dict=settings)
    train_data, valid_data, test_data = quick_start.load_data(config)
    model = quick_start.build_model(config, train_data)
    scores = torch.randn(model.n_users, model.n_items)
    model.item_scores = lambda users: scores[users].T
    model.full_sort_predict = lambda interaction: scores[interaction["user_id"]].view(-1)
    trainer = get_trainer(config["MODEL_TYPE"], model_name)(config, model)
    trainer.eval_collector.data_collect(train_data)
    # What is known of the training data outlives an evaluation.
    trainer.evaluate(valid_data, load_best_model=False)
    result = trainer.evaluate(test_data, load_best_model=False)

    seen, held, tested = map(interactions, (train_data, valid_data, test_data))
    rankings = []
    for user in tested:
        masked = {0} | seen[user] | (held[user] if test_mask == "seen" else set())
        order = scores[user].argsort(descending=True).tolist()
        rankings.append([item for item in order if item not in masked])
    popularity = Counter(item for items in seen.values() for item in items)
    expected = {"gauc": gauc(rankings, list(tested.values()))}
    for k in QUICK["topk"]:
        rows = [of_a_user(*user, k) for user in zip(rankings, tested.values())]
        expected.update({name: np.mean([row[name] for row in rows]) for name in rows[0]})
        expected.update(of_all_users(rankings, popularity, k))
    assert set(result) == set(expected)
    for metric, value in expected.items():
        assert result[metric] == pytest.approx(value, abs=1e-6), metric


def test_lists_that_are_shorter_than_k_are_told(made, caplog):
    settings = {**QUICK, "metrics": ["ItemCoverage"], "topk": [42], "epochs": 1, "state": "WARNING"}
    quick_start.run("BPR", "made", config_dict={**settings, "valid_metric": "ItemCoverage@42"})
    (told,) = [text for text in caplog.messages if "items to rank" in text]
    # All but the six to seven items that each has in training and validation.
    assert told.startswith("60 users have fewer than 42 items to rank")
