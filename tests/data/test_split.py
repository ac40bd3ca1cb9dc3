"""Splits have the sizes that are promised, and depend on the seed and the interactions alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_slmrec.data.layouts import SPLITS, UNSPLIT, Source
from recbole_slmrec.data.split import divide

FORMS = ["8:1:1", "time:8:1:1", "global-time:8:1:1", "cold-items:0.1"]


def made(triples: list[tuple[str, str, float]], order=None) -> Source:
    """An unsplit source of (user, item, time); ``order`` renumbers users and items."""
    users, items = (sorted({triple[side] for triple in triples}) for side in (0, 1))
    if order is not None:
        users, items = (list(order.permutation(ids)) for ids in (users, items))
    frame = pd.DataFrame(
        {
            "user": [users.index(user) for user, _, _ in triples],
            "item": [items.index(item) for _, item, _ in triples],
            "timestamp": [time for _, _, time in triples],
        }
    )
    as_ids = [np.array(ids, dtype=object) for ids in (users, items)]
    return Source("table", *as_ids, {UNSPLIT: frame}, {})


def dense(n_users: int = 12, n_items: int = 20) -> Source:
    """Everybody has met everything, each at a time of its own."""
    pairs = [(user, item) for user in range(n_users) for item in range(n_items)]
    times = np.random.default_rng(1).permutation(len(pairs)).astype(float)
    return made([(f"u{user}", f"i{item}", time) for (user, item), time in zip(pairs, times)])


def rows(source: Source, split: str) -> list[tuple]:
    frame = source.interactions[split]
    columns = [source.users[frame["user"]], source.items[frame["item"]], frame["timestamp"]]
    return sorted(zip(*columns))


def sizes_of_one_user(n: int, spec: str) -> list[int]:
    """How many of a user's n interactions are in each split; others keep the splits from empty."""
    others = [("other", f"i{item}", float(item)) for item in range(30)]
    source = made([("u", f"i{item}", float(item)) for item in range(n)] + others)
    source = divide(source, spec, seed=0)[0]
    return [[user for user, *_ in rows(source, split)].count("u") for split in SPLITS]


@pytest.mark.parametrize("prefix", ["", "time:"])
@pytest.mark.parametrize(
    "n, ratios, sizes",
    [
        (1, "8:1:1", [1, 0, 0]),
        (2, "8:1:1", [1, 0, 1]),
        (3, "8:1:1", [1, 1, 1]),
        (9, "8:1:1", [7, 1, 1]),
        (10, "8:1:1", [8, 1, 1]),
        (19, "8:1:1", [17, 1, 1]),
        (20, "8:1:1", [16, 2, 2]),
        (10, "0.8:0.1:0.1", [8, 1, 1]),
        (10, "7:1:2", [7, 1, 2]),
        (10, "1:1:1", [4, 3, 3]),
        (2, "1:8:1", [1, 1, 0]),
        (3, "1:8:1", [1, 2, 0]),
    ],
)
def test_the_sizes_for_a_user(prefix, n, ratios, sizes):
    assert sizes_of_one_user(n, prefix + ratios) == sizes


triples_strategy = st.lists(
    st.tuples(
        st.sampled_from(["ann", "bob", "émile", "10", "9"]),
        st.text("xyz", min_size=1, max_size=2),
        st.integers(0, 5).map(float),
    ),
    min_size=12,
    max_size=40,
)


@pytest.mark.parametrize("spec", FORMS)
@settings(max_examples=15, deadline=None)
@given(triples=triples_strategy, seed=st.integers(0, 5))
def test_only_the_interactions_and_the_seed_decide(spec, triples, seed):
    def attempt(source):
        try:
            divided, cold = divide(source, spec, seed)
        except ValueError as error:
            return str(error)
        return [rows(divided, split) for split in SPLITS], sorted(divided.items[cold])

    order = np.random.default_rng(seed)
    shuffled = [triples[place] for place in order.permutation(len(triples))]
    result = attempt(made(triples))
    assert attempt(made(shuffled, order)) == result
    if not isinstance(result, str):
        splits, _ = result
        assert sorted(sum(splits, [])) == sorted(triples)


@pytest.mark.parametrize("spec", ["8:1:1", "cold-items:0.1"])
def test_another_seed_draws_otherwise(spec):
    one, again, other = (divide(dense(), spec, seed)[0] for seed in (1, 1, 2))
    assert rows(one, "test") == rows(again, "test") != rows(other, "test")


def test_the_oldest_of_each_user_are_in_train():
    source = divide(dense(), "time:8:1:1", seed=0)[0]
    for user in source.users:
        times = [
            [time for other, _, time in rows(source, split) if other == user] for split in SPLITS
        ]
        assert [len(it) for it in times] == [16, 2, 2]
        assert max(times[0]) < min(times[1]) and max(times[1]) < min(times[2])


def test_one_cut_in_time_for_all():
    source = divide(dense(), "global-time:8:1:1", seed=0)[0]
    times = [[time for *_, time in rows(source, split)] for split in SPLITS]
    assert [sorted(it) for it in times] == [
        list(range(192)),
        list(range(192, 216)),
        list(range(216, 240)),
    ]


def test_interactions_of_one_time_are_not_cut_apart():
    times = [0.0] * 5 + [1.0] * 4 + [2.0]
    source = made([("u", f"i{number}", time) for number, time in enumerate(times)])
    source = divide(source, "global-time:8:1:1", seed=0)[0]
    assert [len(rows(source, split)) for split in SPLITS] == [5, 4, 1]


def test_cold_items_are_kept_out_of_training():
    source = dense(n_users=11)
    divided, cold = divide(source, "cold-items:0.1", seed=3)
    assert len(cold) == 2
    counts = {split: int(divided.interactions[split]["item"].isin(cold).sum()) for split in SPLITS}
    assert counts == {"train": 0, "valid": 11, "test": 11}
    # Of each user's other 18 interactions one is validation and one test.
    assert [len(rows(divided, split)) for split in SPLITS] == [11 * 16, 22, 22]
    assert "2 items are kept out of training" in divided.remarks[-1]


def test_items_without_interactions_are_never_the_cold_ones():
    source = dense(n_items=4)
    items = np.concatenate([source.items, np.array([f"silent{k}" for k in range(96)], object)])
    cold = divide(replace(source, items=items), "cold-items:0.1", seed=0)[1]
    assert len(cold) == 1 and cold[0] < 4


def test_a_split_that_is_there_is_kept_unless_another_is_asked_for():
    given_split = divide(dense(), "time:8:1:1", seed=0)[0]
    kept, cold = divide(given_split, None, seed=5)
    assert kept is given_split and len(cold) == 0
    anew = divide(given_split, "1:1:1", seed=5)[0]
    assert [len(rows(anew, split)) for split in SPLITS] == [12 * 8, 12 * 6, 12 * 6]
    assert anew.remarks[-1] == (
        "split 1:1:1 with seed 5: each user's interactions at random; the split of the source is "
        "not used"
    )


def test_what_is_not_split_is_split_8_1_1():
    divided = divide(dense(), None, seed=4)[0]
    assert rows(divided, "test") == rows(divide(dense(), "8:1:1", seed=4)[0], "test")
    assert divided.remarks == ["split 8:1:1 with seed 4: each user's interactions at random"]


def test_validation_is_cut_from_train_where_there_is_none():
    source = dense()
    everything = source.interactions[UNSPLIT]
    has_met = everything["item"] < 15
    source = replace(
        source, interactions={"train": everything[has_met], "test": everything[~has_met]}
    )
    divided = divide(source, None, seed=0)[0]
    assert rows(divided, "test") == rows(source, "test")
    assert sorted(rows(divided, "train") + rows(divided, "valid")) == rows(source, "train")
    assert list(divided.interactions["valid"]["user"].value_counts()) == [1] * 12
    assert "the source has no validation split: a tenth" in divided.remarks[-1]
    assert "seed 0" in divided.remarks[-1]


@pytest.mark.parametrize(
    "spec",
    ["", "8:1", "8:1:1:1", "8:1:0", "8:-1:1", "8:1:x", "8:1:1e400", "٨:1:1", "day:8:1:1"]
    + ["time", "time:8:1", "cold-items", "cold-items:0", "cold-items:0.1:2", "cold-items:1/0"],
)
def test_other_forms_are_refused(spec):
    with pytest.raises(ValueError, match="is none of 8:1:1, time:8:1:1, global-time:8:1:1 and"):
        divide(dense(), spec, seed=0)


@pytest.mark.parametrize("spec", ["time:8:1:1", "global-time:8:1:1"])
def test_times_are_needed_for_splits_in_time(spec):
    source = dense()
    frame = source.interactions[UNSPLIT]
    untimed = replace(source, interactions={UNSPLIT: frame.drop(columns="timestamp")})
    with pytest.raises(ValueError, match=f"--split={spec} needs times, and the source has none"):
        divide(untimed, spec, seed=0)
    gaps = replace(source, interactions={UNSPLIT: frame.replace({"timestamp": {0.0: np.nan}})})
    with pytest.raises(ValueError, match="needs the time of each .*, and 1 of 240 have none"):
        divide(gaps, spec, seed=0)


@pytest.mark.parametrize(
    "spec, empty", [("8:1:1", "valid"), ("cold-items:1", "train"), ("global-time:8:1:1", "train")]
)
def test_an_empty_split_is_an_error(spec, empty):
    source = made([("u", "i", 1.0), ("u", "j", 1.0)])
    with pytest.raises(ValueError, match=f"the split {empty} has no interactions"):
        divide(source, spec, seed=0)
