"""The HKUDS layout: what stands in its matrices, lists and features is what is read."""

from __future__ import annotations

import os
import pickle
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_matrix

from recbole_slmrec.data.layouts import Reading, recognise
from recbole_slmrec.data.layouts.hkuds import read
from recbole_slmrec.data.prepare import Options, prepare
from tests.data.published import (
    INTERACTIONS,
    LISTS,
    MATRICES,
    N_ITEMS,
    N_USERS,
    publish,
    read_pairs,
    write_lists,
    write_matrix,
)


@pytest.fixture
def source(tmp_path) -> Path:
    return publish(tmp_path / "published")


@pytest.fixture
def lists(source) -> Path:
    """The same data set in MMSSL's JSON form."""
    for split, pairs in INTERACTIONS.items():
        (source / MATRICES[split]).unlink()
        write_lists(source / LISTS[split], pairs, N_USERS)
    return source


@pytest.fixture
def data_path(tmp_path) -> Path:
    return tmp_path / "dataset"


def pairs_of(source, split: str) -> list[tuple[str, str]]:
    frame = source.interactions[split]
    return list(zip(source.users[frame["user"]], source.items[frame["item"]]))


def test_interactions_and_features_are_the_source_s(source):
    data = read(source, Reading())
    for split, pairs in INTERACTIONS.items():
        assert pairs_of(data, split) == [(str(user), str(item)) for user, item in pairs]
    assert list(data.users) == ["0", "1", "2", "3"]
    assert list(data.items) == ["0", "1", "2", "3", "4"]
    assert {name: matrix.file for name, matrix in data.features.items()} == {
        "v": "image_feat.npy",
        "a": "audio_feat.npy",
    }
    for matrix in data.features.values():
        assert isinstance(matrix.values, np.memmap)
        assert np.array_equal(matrix.values, np.load(source / matrix.file))


def test_cells_of_value_zero_are_no_interactions(source):
    matrix = coo_matrix(([1.0, 0.0, 1.0], ([0, 1, 2], [1, 1, 1])), shape=(N_USERS, N_ITEMS))
    (source / "valMat.pkl").write_bytes(pickle.dumps(matrix))
    assert pairs_of(read(source, Reading()), "valid") == [("0", "1"), ("2", "1")]


def test_chosen_features_are_renamed_and_the_others_left_out(source):
    data = read(source, Reading(features={"picture": "image_feat.npy"}))
    assert {name: it.file for name, it in data.features.items()} == {"picture": "picture.npy"}


def test_the_columns_of_a_table_are_refused(source):
    with pytest.raises(ValueError, match="--user is of no use to the layout hkuds"):
        read(source, Reading(user="userID"))


@pytest.mark.parametrize("features", [True, False])
def test_the_json_form(lists, features):
    assert recognise(lists) == "hkuds"
    if not features:
        for path in lists.glob("*.npy"):
            path.unlink()
    data = read(lists, Reading())
    for split, pairs in INTERACTIONS.items():
        assert sorted(pairs_of(data, split)) == sorted((str(u), str(i)) for u, i in pairs)
    assert (len(data.users), len(data.items)) == (N_USERS, N_ITEMS)
    assert list(data.features) == (["v", "a"] if features else [])


def test_a_byte_order_mark_in_json_does_not_matter(lists):
    for path in lists.glob("*.json"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(pairs_of(read(lists, Reading()), "train")) == len(INTERACTIONS["train"])


def test_features_say_how_many_items_the_json_form_has(lists):
    for file in ("image_feat.npy", "audio_feat.npy"):
        np.save(lists / file, np.ones((N_ITEMS + 3, 2), dtype=np.float32))
    assert len(read(lists, Reading()).items) == N_ITEMS + 3


def test_matrices_go_before_lists(lists):
    for split in INTERACTIONS:
        write_matrix(lists / MATRICES[split], [(3, 4)])
    assert pairs_of(read(lists, Reading()), "train") == [("3", "4")]


pairs_strategy = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 8)), min_size=1, max_size=12)


@settings(max_examples=25, deadline=None)
@given(
    splits=st.fixed_dictionaries({split: pairs_strategy for split in MATRICES}),
    dtype=st.sampled_from(["<f2", "<f4", "<f8", ">f4"]),
    seed=st.integers(0, 2**32 - 1),
    form=st.sampled_from(["matrices", "lists"]),
)
def test_a_data_set_says_exactly_what_the_source_says(splits, dtype, seed, form):
    features = np.random.default_rng(seed).normal(size=(9, 3)).astype(dtype)
    with tempfile.TemporaryDirectory() as place:
        source = Path(place) / "published"
        source.mkdir()
        for split, pairs in splits.items():
            if form == "matrices":
                write_matrix(source / MATRICES[split], pairs, (7, 9))
            else:
                write_lists(source / LISTS[split], pairs, 7)
        np.save(source / "text_feat.npy", features)
        folder = prepare("drawn", source, Path(place) / "dataset")
        for split, pairs in splits.items():
            expected = pairs if form == "matrices" else sorted(pairs, key=lambda pair: pair[0])
            assert read_pairs(folder, split) == expected
        items = (folder / "drawn.item").read_text().splitlines()[1:]
        assert items == [str(item) for item in range(9)]
        written = np.load(folder / "text_feat.npy")
        assert written.dtype == (np.float16 if dtype == "<f2" else np.float32)
        assert np.array_equal(written, features.astype(np.float32))


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


class Command:
    """Pickles into a call of os.system."""

    def __init__(self, marker: Path):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


BAD_SOURCES = {
    "nothing": (lambda it: shutil.rmtree(it), FileNotFoundError, "published does not exist"),
    "other files": (
        lambda it: [path.unlink() for path in it.iterdir()],
        FileNotFoundError,
        "published has none of the layouts.*hkuds has trnMat.pkl, valMat.pkl, tstMat.pkl",
    ),
    "two matrices missing": (
        lambda it: [(it / file).unlink() for file in ("trnMat.pkl", "tstMat.pkl")],
        FileNotFoundError,
        "published lacks trnMat.pkl, tstMat.pkl: the HKUDS layout needs",
    ),
    "truncated matrix": (
        lambda it: truncate(it / "valMat.pkl"),
        ValueError,
        "valMat.pkl cannot be read as a pickled scipy",
    ),
    "a pickle with code in it": (
        lambda it: (it / "tstMat.pkl").write_bytes(pickle.dumps(Command(it / "marker"))),
        ValueError,
        "tstMat.pkl cannot be read .* it names posix.system",
    ),
    "matrices of two data sets": (
        lambda it: write_matrix(it / "valMat.pkl", [(0, 0)], (N_USERS, N_ITEMS + 1)),
        ValueError,
        r"differ in shape: trnMat.pkl is \(4, 5\), valMat.pkl is \(4, 6\), tstMat.pkl is \(4, 5\)",
    ),
    "no training": (
        lambda it: write_matrix(it / "trnMat.pkl", []),
        ValueError,
        "trnMat.pkl holds no interactions",
    ),
    "no validation": (
        lambda it: write_matrix(it / "valMat.pkl", []),
        ValueError,
        "valMat.pkl holds no interactions",
    ),
    "too few rows": (
        lambda it: np.save(it / "audio_feat.npy", np.ones((N_ITEMS - 1, 2))),
        ValueError,
        r"audio_feat.npy has shape \(4, 2\); \(5, columns\) is needed",
    ),
    "a vector": (
        lambda it: np.save(it / "audio_feat.npy", np.ones(N_ITEMS)),
        ValueError,
        r"audio_feat.npy holds values of type float64 in the shape \(5,\)",
    ),
    "integers": (
        lambda it: np.save(it / "audio_feat.npy", np.ones((N_ITEMS, 2), dtype=int)),
        ValueError,
        "audio_feat.npy holds values of type int64; floats are needed",
    ),
    "truncated features": (
        lambda it: truncate(it / "image_feat.npy"),
        ValueError,
        "image_feat.npy cannot be read",
    ),
    "features that are Python objects": (
        lambda it: np.save(it / "image_feat.npy", np.array([[None]] * N_ITEMS)),
        ValueError,
        "image_feat.npy cannot be read",
    ),
    "a value that is not finite": (
        lambda it: np.save(it / "audio_feat.npy", np.diag([1.0, 1.0, np.nan, 1.0, 1.0])),
        ValueError,
        "audio_feat.npy has a value that is NaN or infinite in float32 in row 2 .*item '2'",
    ),
}


@pytest.mark.parametrize("spoil, error, match", BAD_SOURCES.values(), ids=BAD_SOURCES)
def test_a_bad_source_is_named_and_leaves_nothing(source, data_path, spoil, error, match):
    spoil(source)
    with pytest.raises(error, match=match):
        prepare("small", source, data_path)
    assert not data_path.exists()
    assert not (source / "marker").exists()


BAD_LISTS = {
    "cut off": ('{"0": [1, 2', "val.json cannot be read as JSON"),
    "nested too deeply": ("[" * 100_000, "val.json cannot be read as JSON"),
    "no text": ("\udcff", "val.json cannot be read as JSON"),
    "a list": ("[[1, 2]]", "val.json does not hold users"),
    "a user that is a name": ('{"anna": [1]}', "val.json: the user 'anna' is not a number"),
    "a user that is negative": ('{"-1": [1]}', "val.json: the user '-1' is not a number"),
    "a user that is too large": ('{"9999999999": [1]}', "the user '9999999999' is not a number"),
    "a user that is a float": ('{"1.0": [1]}', "val.json: the user '1.0' is not a number"),
    "a user twice": ('{"0": [1], "0": [2]}', "user 0 is there more than once"),
    "an item that is negative": ('{"0": [-1]}', "what user 0 has is not a list of numbers"),
    "an item that is a float": ('{"0": [1.5]}', "what user 0 has is not a list of numbers"),
    "an item that is true": ('{"0": [true]}', "what user 0 has is not a list of numbers"),
    "an item that is text": ('{"0": ["1"]}', "what user 0 has is not a list of numbers"),
    "an item that is too large": (f'{{"0": [{10**30}]}}', "user 0 has is not a list of numbers"),
    "an item without features": ('{"2": [1, 5]}', "val.json: user 2 has the item 5, .* 0 to 4"),
    "nothing for anybody": ('{"0": [], "1": []}', "val.json holds no interactions"),
    "nobody": ("{}", "val.json holds no interactions"),
}


@pytest.mark.parametrize("text, match", BAD_LISTS.values(), ids=BAD_LISTS)
def test_bad_lists_are_named_and_leave_nothing(lists, data_path, text, match):
    (lists / "val.json").write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(ValueError, match=match):
        prepare("small", lists, data_path)
    assert not data_path.exists()


def test_a_list_that_is_missing_is_named(lists):
    (lists / "test.json").unlink()
    with pytest.raises(FileNotFoundError, match="lacks test.json: the HKUDS layout needs train.js"):
        read(lists, Reading())


def test_a_feature_file_that_is_missing_is_named(source, data_path):
    options = Options(reading=Reading(features={"v": "picture.npy"}))
    with pytest.raises(FileNotFoundError, match="modality v: .*picture.npy does not exist"):
        prepare("small", source, data_path, options=options)
    assert not data_path.exists()
