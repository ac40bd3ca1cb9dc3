"""Generated data sets have exactly the shape asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.loaded import Loaded
from benchmarks.shapes import Shape, interactions, written

SHAPE = Shape("generated", 80, 120, 900, {"v": 6, "a": 3}, n_evaluated=20)


def test_pairs_are_distinct_and_as_many_as_asked():
    splits = interactions(SHAPE)
    assert {split: len(pairs) for split, pairs in splits.items()} == {
        "train": 900,
        "valid": 20,
        "test": 20,
    }
    pairs = np.concatenate(list(splits.values()))
    assert len(np.unique(pairs, axis=0)) == 940
    assert set(splits["train"][:, 0]) == set(range(80))
    assert pairs[:, 1].min() >= 0 and pairs[:, 1].max() < 120
    assert len(set(splits["test"][:, 0])) == 20
    assert set(splits["test"][:, 0]) == set(splits["valid"][:, 0])


def test_a_few_items_are_much_more_popular_than_most():
    shape = Shape("popular", 500, 1_000, 10_000, n_evaluated=0)
    counts = np.sort(np.bincount(interactions(shape)["train"][:, 1], minlength=1_000))
    assert counts[-10:].mean() > 8 * np.median(counts)


def test_the_same_pairs_each_time():
    first, second = interactions(SHAPE), interactions(SHAPE)
    assert all(np.array_equal(first[split], second[split]) for split in first)


def test_recbole_loads_the_shape():
    loaded = Loaded(written(SHAPE, Path("sets")), Path("sets"))
    assert loaded.size() == {"users": 80, "items": 120, "interactions": 900}
    assert loaded.test_data.sample_size == 20
    widths = {each.name: each.features.shape[1] for each in loaded.dataset.item_modalities}
    assert widths == {"v": 6, "a": 3}
    assert all(each.missing == 0 for each in loaded.dataset.item_modalities)


def test_a_multiple_grows_in_step():
    doubled = SHAPE.times(2)
    assert (doubled.n_users, doubled.n_items, doubled.n_interactions) == (160, 240, 1_800)
    assert doubled.widths == SHAPE.widths
    assert doubled.name == "generated-x2"
