"""The files of a data set hold each item's features in its row, and all of them are numbers."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from recbole.config import Config

from recbole_slmrec.data import write
from recbole_slmrec.data.dataset import MultimodalDataset
from recbole_slmrec.data.layouts import Matrix, Source, Words
from recbole_slmrec.data.write import check_ids, writers

NONE_COLD = np.empty(0, dtype=np.int64)


def made(items: list[str], features: dict, users=("anna",), **columns: list[float]) -> Source:
    """The first user has met every item, in every split."""
    frame = pd.DataFrame({"user": 0, "item": np.arange(len(items)), **columns})
    return Source(
        "table",
        np.array(users, dtype=object),
        np.array(items, dtype=object),
        {split: frame for split in ("train", "valid", "test")},
        features,
    )


def write_all(source: Source, folder: Path, cold=NONE_COLD) -> Path:
    folder.mkdir(parents=True)
    for file, write_to in writers(folder.name, source, cold).items():
        write_to(folder / file)
    return folder


def written(values: np.ndarray, rows, tmp_path: Path, n_items: int | None = None) -> np.ndarray:
    n_items = n_items or len(values if rows is None else rows)
    source = made([str(item) for item in range(n_items)], {"v": Matrix("v.npy", values, rows)})
    return np.load(write_all(source, tmp_path / "made") / "v.npy")


def test_the_files(tmp_path):
    matrix = Matrix("v.npy", np.ones((3, 2)))
    words = Words("t_words.npy", np.array([2, 0, 2]), np.array([7, 0, 7]))
    source = replace(
        made(
            ["x", "y", "z"],
            {"v": matrix, "t": words},
            rating=[4.0, np.nan, 0.5],
            timestamp=[881250949.0, 1.5, 1e18],
        ),
        remarks=["one thing", "and another\nin two lines"],
    )
    folder = write_all(source, tmp_path / "made", cold=np.array([1, 2]))
    assert sorted(path.name for path in folder.iterdir()) == [
        *("made.cold", "made.item", "made.test.inter", "made.train.inter", "made.valid.inter"),
        *("made.yaml", "t_words.npy", "v.npy"),
    ]
    assert (folder / "made.valid.inter").read_text() == (
        "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
        "anna\tx\t4.0\t881250949.0\n"
        "anna\ty\t\t1.5\n"
        "anna\tz\t0.5\t1e+18\n"
    )
    assert (folder / "made.item").read_text() == "item_id:token\nx\ny\nz\n"
    assert (folder / "made.cold").read_text() == "item_id:token\ny\nz\n"
    pairs = np.load(folder / "t_words.npy")
    assert pairs.dtype == np.int64 and pairs.tolist() == [[2, 0, 2], [7, 0, 7]]
    text = (folder / "made.yaml").read_text()
    assert text.splitlines()[:4] == [
        "# Made by `python -m recbole_slmrec prepare` from the layout table.",
        *("# one thing", "# and another", "# in two lines"),
    ]
    assert yaml.safe_load(text) == {
        "load_col": {
            "inter": ["user_id", "item_id", "rating", "timestamp"],
            "item": ["item_id"],
        },
        "benchmark_filename": ["train", "valid", "test"],
        "item_modalities": {"v": "v.npy", "t": {"words": "t_words.npy"}},
    }


@settings(max_examples=8, deadline=None)
@given(
    items=st.lists(
        st.one_of(st.sampled_from(["1", "01", "1.0", "1e3", "é", "日本"]), st.text("aä\"' ,#\\☃")),
        min_size=3,
        max_size=8,
        unique=True,
    ).filter(lambda items: all(item.strip() for item in items)),
    seed=st.integers(0, 2**32 - 1),
)
def test_recbole_reads_ids_and_vectors_as_they_are(items, seed, tmp_path_factory):
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(len(items) + 2, 3))
    rows = generator.permutation(len(items) + 2)[: len(items)]
    rows[0] = -1
    source = made(items, {"v": Matrix("v.npy", values, rows)}, users=[items[-1]])
    check_ids(source)
    root = tmp_path_factory.mktemp("drawn")
    folder = write_all(source, root / "drawn")
    config = Config(
        model="BPR",
        dataset="drawn",
        config_file_list=[str(folder / "drawn.yaml")],
        config_dict={"data_path": str(root)},
    )
    dataset = MultimodalDataset(config)
    assert list(dataset.field2id_token["user_id"][1:]) == [items[-1]]
    tokens = list(dataset.field2id_token["item_id"][1:])
    assert sorted(tokens) == sorted(items)
    features = dataset.item_modalities[0].features[1:]
    for item, row in zip(items, rows):
        vector = values[row] / np.linalg.norm(values[row]) if row >= 0 else np.zeros(3)
        assert np.allclose(features[tokens.index(item)], vector, atol=1e-6)


@pytest.mark.parametrize("lost", ["", "NA", "nan", "null", "None", "#N/A"])
def test_ids_that_recbole_would_lose_are_named(lost):
    with pytest.raises(ValueError, match=rf"1 item id\(s\) out of a file: {lost!r}; rename"):
        check_ids(made(["a", lost, "b"], {}))
    with pytest.raises(ValueError, match=rf"1 user id\(s\) out of a file: {lost!r}; rename"):
        check_ids(made(["a"], {}, users=("x", lost)))


@pytest.mark.parametrize(
    "dtype, kept",
    [("<f2", "<f2"), ("<f4", "<f4"), ("<f8", "<f4"), (">f4", "<f4"), (">f8", "<f4")]
    + [("i1", "i1"), ("<u2", "<u2"), ("<i8", "<i8"), ("?", "?")],
)
def test_values_keep_their_type_but_for_float64(dtype, kept, tmp_path):
    values = np.array([[0, 1], [1, 0], [1, 1]]).astype(dtype)
    result = written(values, None, tmp_path)
    assert result.dtype == np.dtype(kept)
    assert np.array_equal(result, values)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("rows", [None, [3, -1, 0, 0, -1, 6]])
def test_rows_go_to_their_items_over_any_number_of_blocks(order, rows, tmp_path, monkeypatch):
    monkeypatch.setattr(write, "BLOCK_ELEMENTS", 6)
    path = tmp_path / "values.npy"
    np.save(path, np.array(np.arange(21, dtype=np.float32).reshape(7, 3), order=order))
    values = np.load(path, mmap_mode="r")
    result = written(values, None if rows is None else np.array(rows), tmp_path)
    expected = [values[row] if row >= 0 else [0, 0, 0] for row in rows or range(7)]
    assert np.array_equal(result, expected)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e39])
def test_a_value_that_is_not_finite_is_named(bad, tmp_path, monkeypatch):
    monkeypatch.setattr(write, "BLOCK_ELEMENTS", 4)
    values = np.ones((6, 2))
    values[4, 1] = bad
    np.save(tmp_path / "published.npy", values)
    values = np.load(tmp_path / "published.npy", mmap_mode="r")
    source = made(["a", "b", "c", "d"], {"v": Matrix("v.npy", values, np.array([5, -1, 0, 4]))})
    match = r"modality v: .*published.npy .* in float32 in row 4 \(counting from 0\), item 'd'"
    with pytest.raises(ValueError, match=match):
        write_all(source, tmp_path / "made")


def test_a_row_that_no_item_has_may_hold_anything(tmp_path):
    values = np.array([[1.0], [np.nan], [2.0]])
    assert written(values, np.array([2, 0]), tmp_path).tolist() == [[2.0], [1.0]]


@pytest.mark.parametrize("in_order", [True, False])
def test_no_matrix_is_held_whole(in_order, tmp_path):
    shape = (60_000, 200)
    np.lib.format.open_memmap(tmp_path / "v.npy", mode="w+", dtype=np.float32, shape=shape)
    values = np.load(tmp_path / "v.npy", mmap_mode="r")
    rows = None if in_order else np.random.default_rng(0).permutation(len(values))
    source = Source("table", np.array([]), np.arange(len(values)), {}, {})
    matrix = Matrix("v.npy", values, rows)
    tracemalloc.start()
    try:
        write._write_matrix("v", matrix, source.items, tmp_path / "out.npy")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < values.nbytes / 3
