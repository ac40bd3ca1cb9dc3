"""Splits, cold users and items, repeated pairs and degrees, against a count by hand."""

from __future__ import annotations

from collections import Counter

import pytest

from recbole_slmrec.config import Config
from recbole_slmrec.describe.interactions import Split, count_interactions
from recbole_slmrec.describe.modalities import DescribedDataset
from tests.made import NAME, read_pairs


def test_every_number_of_a_tiny_data_set(described):
    dataset = described()
    counted = count_interactions(dataset)
    assert counted.splits == {
        "training": Split(4, 2, 2, n_cold_users=0, n_cold_items=0, n_repeated=1),
        "validation": Split(2, 2, 2, n_cold_users=1, n_cold_items=0, n_repeated=0),
        "test": Split(3, 2, 1, n_cold_users=1, n_cold_items=1, n_repeated=1),
    }
    assert counted.n_in_two_splits == 1
    assert counted.n_interactions == 9
    assert counted.sparsity == pytest.approx(1 - 9 / (3 * 7))
    tokens = dataset.field2id_token
    users = dict(zip(tokens["user_id"][1:], counted.user_degrees))
    items = dict(zip(tokens["item_id"][1:], counted.item_degrees))
    assert users == {"a": 2, "b": 1, "c": 0}
    assert items == {"p": 2, "q": 1, **dict.fromkeys("rstvw", 0)}


def test_the_made_up_data_set_against_its_files(made):
    dataset = DescribedDataset(Config("SLMRec", NAME))
    counted = count_interactions(dataset)
    pairs = {s: read_pairs(made / f"{NAME}.{s}.inter") for s in ("train", "valid", "test")}
    degrees = Counter(item for _, item in pairs["train"])
    for split, name in zip(counted.splits.values(), pairs):
        assert split.n_interactions == len(pairs[name])
        assert split.n_users == 60
        assert split.n_items == len({item for _, item in pairs[name]})
        assert split.n_cold_items == len({i for _, i in pairs[name] if i not in degrees})
        assert (split.n_cold_users, split.n_repeated) == (0, 0)
    assert counted.n_in_two_splits == 0
    tokens = dataset.field2id_token["item_id"][1:]
    assert counted.item_degrees.tolist() == [degrees[token] for token in tokens]
    assert counted.user_degrees.tolist() == [6] * 60


def test_two_splits_are_refused(described):
    with pytest.raises(ValueError, match="tiny has 2 splits, but .* name three in benchmark_file"):
        count_interactions(described(benchmark_filename=["train", "test"]))
