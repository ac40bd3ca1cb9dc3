"""The collector gives what RecBole's gives."""

from __future__ import annotations

import pytest
import torch
from recbole.evaluator.collector import Collector

from recbole_slmrec.config import Config
from recbole_slmrec.evaluation.collector import RankingCollector

N_USERS, N_ITEMS = 7, 50


@pytest.mark.parametrize("metrics", [["Recall", "NDCG"], ["GAUC"], ["Recall", "ItemCoverage"]])
def test_it_collects_what_recboles_does(made, metrics):
    config = Config("BPR", "made", config_dict={"metrics": metrics})
    collectors = Collector(config), RankingCollector(config)
    for n_positives in (9, 0, 3):
        scores = torch.randn(N_USERS, N_ITEMS)
        scores[:, 0] = -torch.inf
        users = torch.randint(N_USERS, (n_positives,)).sort().values
        items = torch.randint(1, N_ITEMS, (n_positives,))
        # A pair that occurs twice is one positive.
        users, items = users.repeat_interleave(2), items.repeat_interleave(2)
        for collector in collectors:
            collector.eval_batch_collect(scores.clone(), None, users, items)
    expected, actual = (collector.get_data_struct()._data_dict for collector in collectors)
    assert expected and list(actual) == list(expected)
    for key, table in expected.items():
        assert torch.equal(actual[key], table), key
