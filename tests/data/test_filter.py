"""Filters keep what they say, and features stay with their items."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_slmrec.data.filter import k_core, rated_at_least
from recbole_slmrec.data.layouts import Matrix, Source, Words


def made(splits: dict[str, list[tuple[int, int]]], ratings=None) -> Source:
    interactions = {}
    for split, pairs in splits.items():
        users, items = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
        interactions[split] = pd.DataFrame({"user": users, "item": items})
        if ratings:
            interactions[split]["rating"] = ratings[split]
    users = np.array([f"u{number}" for number in range(6)], dtype=object)
    items = np.array([f"i{number}" for number in range(6)], dtype=object)
    values = np.arange(12.0).reshape(6, 2)
    features = {
        "in_order": Matrix("in_order.npy", values),
        "by_row": Matrix("by_row.npy", values, np.array([5, 4, -1, 2, 1, 0])),
        "words": Words("words.npy", np.array([0, 1, 1, 5]), np.array([7, 8, 9, 7])),
    }
    return Source("table", users, items, interactions, features)


def pairs_of(source: Source, split: str) -> list[tuple[str, str]]:
    frame = source.interactions[split]
    return list(zip(source.users[frame["user"]], source.items[frame["item"]]))


def test_interactions_rated_lower_go():
    source = made(
        {"train": [(0, 1), (1, 2), (1, 1)], "test": [(0, 2)]},
        ratings={"train": [3.5, 4.0, np.nan], "test": [5.0]},
    )
    kept = rated_at_least(source, 4)
    assert pairs_of(kept, "train") == [("u1", "i2")]
    assert list(kept.interactions["train"]["rating"]) == [4.0]
    assert pairs_of(kept, "test") == [("u0", "i2")]
    assert len(kept.items) == 6
    assert kept.remarks == ["--min-rating=4: 2 of 4 interactions stay"]


def test_ratings_are_needed():
    with pytest.raises(ValueError, match="--min-rating=4 needs ratings, and the source has none"):
        rated_at_least(made({"all": [(0, 1)]}), 4)


def test_nothing_left_is_an_error():
    source = made({"all": [(0, 1), (0, 2)]}, ratings={"all": [1.0, 2.0]})
    with pytest.raises(ValueError, match="--min-rating=2.5 leaves none of the 2 interactions"):
        rated_at_least(source, 2.5)
    with pytest.raises(ValueError, match="--k-core=3 leaves none of the 2 interactions"):
        k_core(source, 3)


@pytest.mark.parametrize("k", [0, -1])
def test_a_core_needs_a_number(k):
    with pytest.raises(ValueError, match=f"--k-core={k} is not a whole number of at least 1"):
        k_core(made({"all": [(0, 1)]}), k)


# User 3 leaves with one interaction; then item 4 has one, and after it user 2.
SQUARE = [(0, 1), (0, 5), (1, 1), (1, 5)]
CHAIN = [(3, 4), (2, 4), (2, 1)]


def test_the_core_is_found_by_repetition_over_all_splits():
    source = made({"train": SQUARE[:2] + CHAIN, "test": SQUARE[2:]})
    core = k_core(source, 2)
    assert pairs_of(core, "train") == [("u0", "i1"), ("u0", "i5")]
    assert pairs_of(core, "test") == [("u1", "i1"), ("u1", "i5")]
    assert list(core.users) == ["u0", "u1"]
    assert list(core.items) == ["i1", "i5"]
    assert core.remarks == [
        "--k-core=2: 4 of 7 interactions stay, of 2 of 6 users and 2 of 6 items"
    ]


def test_features_stay_with_their_items():
    core = k_core(made({"all": SQUARE + CHAIN}), 2)
    assert list(core.features["in_order"].rows) == [1, 5]
    assert list(core.features["by_row"].rows) == [4, 0]
    assert list(core.features["words"].items) == [0, 0, 1]
    assert list(core.features["words"].words) == [8, 9, 7]


def test_a_missing_row_stays_missing():
    core = k_core(made({"all": [(0, 2), (0, 3)]}), 1)
    assert list(core.features["by_row"].rows) == [-1, 2]


pairs_strategy = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=30)


@settings(max_examples=50, deadline=None)
@given(train=pairs_strategy, test=pairs_strategy, k=st.integers(1, 4))
def test_the_core_is_the_largest(train, test, k):
    """Against the definition: remove one offender at a time, until there is none."""
    left = [(f"u{user}", f"i{item}") for user, item in train + test]
    while True:
        degrees = Counter(end for pair in left for end in pair)
        offender = next((end for end, degree in degrees.items() if degree < k), None)
        if offender is None:
            break
        left = [pair for pair in left if offender not in pair]
    source = made({"train": train, "test": test})
    if not left:
        with pytest.raises(ValueError, match="leaves none"):
            k_core(source, k)
        return
    core = k_core(source, k)
    assert pairs_of(core, "train") + pairs_of(core, "test") == left
    assert set(core.users) | set(core.items) == {end for pair in left for end in pair}
