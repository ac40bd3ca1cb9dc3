"""MMGCN's layout: what stands in the rows and the features is what is read."""

from __future__ import annotations

import os
import pickle
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_slmrec.data.layouts import Matrix, Reading, Words
from recbole_slmrec.data.layouts.mmgcn import LAYOUT

# Three users, so that items are numbered from 3 on.
TRAIN = [(2, 3), (0, 7), (2, 5)]
VALID = [[0, 4, 3], [1], [2, 7]]
TEST = [[1, 3, 5], [0], [2]]
VIDEO = np.arange(12, dtype=np.float32).reshape(6, 2)


class Command:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def ragged(rows) -> np.ndarray:
    array = np.empty(len(rows), dtype=object)
    for number, row in enumerate(rows):
        array[number] = row
    return array


def write_ragged(path: Path, rows: np.ndarray, protocol: int = 2) -> None:
    """As numpy 1.16 wrote it, with which the release was made: by pickle protocol 2."""
    header = {"descr": "|O", "fortran_order": False, "shape": rows.shape}
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        pickle.dump(rows, file, protocol)


def write(folder: Path, train=TRAIN, valid=VALID, test=TEST, suffix="_full", **features) -> None:
    np.save(folder / "train.npy", np.array(train))
    write_ragged(folder / f"val{suffix}.npy", ragged(valid))
    write_ragged(folder / f"test{suffix}.npy", ragged(test))
    for name, values in features.items():
        if name.startswith("feat_"):
            torch.save(torch.from_numpy(values), folder / f"{name}.pt")
        else:
            np.save(folder / f"{name}.npy", values)


def read(folder: Path, **features: str):
    return LAYOUT.read(folder, Reading(features=features))


def named(source, split: str) -> list[tuple[str, str]]:
    frame = source.interactions[split]
    return list(zip(source.users[frame["user"]], source.items[frame["item"]]))


def as_text(pairs) -> list[tuple[str, str]]:
    return [(str(user), str(item)) for user, item in pairs]


def assert_refused(folder: Path, reason: str, error=ValueError, **features: str) -> None:
    with pytest.raises(error, match=reason):
        read(folder, **features)


lists = st.lists(
    st.tuples(st.integers(0, 6), st.lists(st.integers(0, 9), max_size=4)), min_size=1, max_size=8
)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9)), max_size=15),
    lists,
    lists,
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 30)), min_size=1),
    st.sampled_from([list, np.array, lambda row: list(np.array(row))]),
    st.integers(0, 3),
)
def test_interactions_splits_and_vectors_are_those_of_the_source(
    train, valid, test, words, form, n_unseen
):
    train, valid, test = [*train, (7, 0)], [*valid, (7, [3])], [(2, [9, 0]), *test]
    n_users, n_items = 8, 10 + n_unseen
    video = np.random.default_rng(0).normal(size=(n_items, 3)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        write(
            folder,
            [(user, item + n_users) for user, item in train],
            *(
                [form([user, *(item + n_users for item in items)]) for user, items in rows]
                for rows in (valid, test)
            ),
            feat_v=video,
            feat_t=np.array(words).T,
        )
        source = read(folder)
        assert list(source.interactions) == ["train", "valid", "test"]
        assert named(source, "train") == as_text(train)
        for split, rows in {"valid": valid, "test": test}.items():
            expected = as_text((user, item) for user, items in rows for item in items)
            assert named(source, split) == expected
        assert source.users.tolist() == [str(user) for user in range(n_users)]
        assert source.items.tolist() == [str(item) for item in range(n_items)]
        assert source.features["v"].rows is None
        assert np.array_equal(source.features["v"].values, video)
        text = source.features["t"]
        assert list(zip(text.items.tolist(), text.words.tolist())) == words


def test_files_of_movielens_stay_mapped(tmp_path):
    names = ["FeatureVideo_normal", "FeatureAudio_avg_normal", "FeatureText_stl_normal"]
    write(tmp_path, **{name: VIDEO + sign for sign, name in enumerate(names)})
    features = read(tmp_path).features
    assert list(features) == ["v", "a", "t"]
    for sign, (name, matrix) in enumerate(features.items()):
        assert isinstance(matrix, Matrix) and isinstance(matrix.values, np.memmap)
        assert matrix.file == f"{name}.npy"
        assert np.array_equal(matrix.values, VIDEO + sign)


def test_files_of_tiktok(tmp_path):
    write(tmp_path, feat_v=VIDEO, feat_a=VIDEO, feat_t=np.array([[5, 0, 5], [2, 0, 2]]))
    source = read(tmp_path)
    assert list(source.features) == ["v", "a", "t"]
    text = source.features["t"]
    assert isinstance(text, Words)
    assert text.file == "t_words.npy"
    assert text.items.tolist() == [5, 0, 5] and text.words.tolist() == [2, 0, 2]
    assert source.remarks == [
        "item ids are offset by 3, the number of users, which is taken to be the largest user id "
        "plus one"
    ]


def test_rows_of_one_length_are_a_matrix(tmp_path):
    write(tmp_path)
    np.save(tmp_path / "val_full.npy", np.array([[0, 4, 3], [2, 7, 6]]))
    np.save(tmp_path / "test_full.npy", np.array([[1, 3], [0, 5]], dtype=object))
    source = read(tmp_path)
    assert named(source, "valid") == as_text([(0, 1), (0, 0), (2, 4), (2, 3)])
    assert named(source, "test") == as_text([(1, 0), (0, 2)])


def test_a_user_with_nothing_but_an_empty_row_counts(tmp_path):
    write(tmp_path, valid=[[3], [1, 5]], train=[(0, 4), (2, 6)], test=[[1, 4]])
    source = read(tmp_path)
    assert source.users.tolist() == ["0", "1", "2", "3"]
    assert named(source, "train") == as_text([(0, 0), (2, 2)])


def test_without_features_items_go_up_to_the_largest(tmp_path):
    write(tmp_path)
    assert read(tmp_path).items.tolist() == ["0", "1", "2", "3", "4"]


def test_pairs_that_stand_twice_stay_so(tmp_path):
    write(tmp_path, train=[*TRAIN, TRAIN[0]], valid=[[2, 3, 3]])
    source = read(tmp_path)
    assert named(source, "train") == as_text([(2, 0), (0, 4), (2, 2), (2, 0)])
    assert named(source, "valid") == as_text([(2, 0), (2, 0)])


def test_sampled_negatives_are_passed_over_and_said(tmp_path):
    negatives = list(range(3, 1003))
    valid = [[0, *negatives, 4, 3], [1], [2, *negatives]]
    write(tmp_path, valid=valid, test=[[1, *negatives, 5]], suffix="")
    source = read(tmp_path)
    assert named(source, "valid") == as_text([(0, 1), (0, 0)])
    assert named(source, "test") == as_text([(1, 2)])
    assert "val.npy: each row has 1,000 items or more; the first 1,000" in source.remarks[0]
    assert "test.npy: each row has 1,000 items or more" in source.remarks[1]


def test_a_heavy_user_among_others_has_no_negatives(tmp_path):
    items = list(range(3, 1010))
    write(tmp_path, valid=[[0, *items], [1, 5]], suffix="")
    assert len(read(tmp_path).interactions["valid"]) == len(items) + 1


def test_files_without_sampled_negatives_come_first(tmp_path):
    write(tmp_path, valid=[[0, 4]], test=[[0, 5]], suffix="")
    write(tmp_path)
    assert named(read(tmp_path), "test") == as_text([(1, 0), (1, 2)])


def test_word_lists_that_are_offset_as_well_are_brought_back_and_said(tmp_path):
    write(tmp_path, feat_v=VIDEO, feat_t=np.array([[8, 3], [1, 0]]))
    source = read(tmp_path)
    assert source.features["t"].items.tolist() == [5, 0]
    assert "feat_t.pt: its item ids are offset by 3 as well" in source.remarks


def test_an_offset_that_the_items_do_not_prove_is_said(tmp_path):
    write(tmp_path, [(2, 5), (0, 6)], [[0, 7]], [[1, 8]], feat_v=VIDEO)
    (remark,) = read(tmp_path).remarks
    assert "any number up to 5 would fit: check that the publisher counts 3 users" in remark


def test_features_can_be_chosen(tmp_path):
    write(tmp_path, feat_v=VIDEO, clip=VIDEO + 1)
    source = read(tmp_path, x="clip.npy", w="feat_v.pt")
    assert {name: matrix.file for name, matrix in source.features.items()} == {
        "x": "x.npy",
        "w": "w.npy",
    }
    assert np.array_equal(source.features["x"].values, VIDEO + 1)


def test_it_is_recognised_by_a_file_for_each_split(tmp_path):
    write(tmp_path)
    assert LAYOUT.matches(tmp_path)
    assert not LAYOUT.matches(tmp_path / "train.npy")
    (tmp_path / "val_full.npy").unlink()
    assert not LAYOUT.matches(tmp_path)
    assert_refused(tmp_path, "lacks val_full.npy or val.npy: the layout mmgcn", FileNotFoundError)


@pytest.mark.parametrize(
    "splits, reason",
    [
        ({"train": np.array([(1.5, 4.0)])}, "train.npy .*float64 .* integers is needed"),
        ({"train": [(1, 4, 5)]}, "train.npy: row 0 .* has 3 numbers, where user, item is needed"),
        ({"train": np.empty((0, 2), int)}, "train.npy holds no interactions"),
        ({"train": [(2, 4), (-1, 4)]}, r"train.npy: row 1 \(counting from 0\) has the user -1"),
        ({"train": [(2, 4), (1, 2)]}, r"train.npy: row 1 \(counting from 0\) has the item 2, but "),
        ({"train": [(2, 9)]}, "has the item 9, but there are 3 users, so the 6 rows of the feat"),
        ({"valid": [[0, 4], [1.5, 4]]}, "val_full.npy .* row 1 .* holds 1.5, which is no whole"),
        ({"valid": [[0, 4], []]}, "val_full.npy: row 1 .* has 0 numbers, where user, item, item"),
        ({"valid": [[0], [1]]}, "val_full.npy holds no interactions"),
        ({"valid": []}, "val_full.npy holds no interactions"),
        ({"test": [[0, 3, 5], [0, -1]]}, "test_full.npy: row 1 .* has the item -1, but users go"),
        ({"test": [[0], [0, 5, 9]]}, "test_full.npy: row 1 .* has the item 9, but there are 3"),
    ],
)
def test_a_row_that_is_not_as_it_must_be_is_named(tmp_path, splits, reason):
    write(tmp_path, **splits, feat_v=VIDEO)
    assert_refused(tmp_path, reason)


@pytest.mark.parametrize(
    "features, reason",
    [
        ({"feat_a": VIDEO[:5]}, "feat_v.pt has 6, .*feat_a.pt has 5; each needs one row"),
        ({"feat_a": VIDEO[0]}, r"modality a: .*feat_a.pt holds .* in the shape \(2,\)"),
        ({"FeatureVideo_normal": VIDEO}, "FeatureVideo_normal.npy and feat_v.pt for the modality"),
        ({"feat_t": np.array([[1, 6], [0, 1]])}, r"feat_t.pt: pair 1 .* has the item 6, where"),
        ({"feat_t": np.array([[-1, 0], [0, 1]])}, r"feat_t.pt: pair 0 .* is -1, 0; items and wo"),
    ],
)
def test_features_that_do_not_fit_are_refused(tmp_path, features, reason):
    write(tmp_path, feat_v=VIDEO, **features)
    assert_refused(tmp_path, reason)


@pytest.mark.parametrize("file", ["train.npy", "val_full.npy", "feat_v.pt", "feat_w.npy"])
def test_truncated_files_are_refused(tmp_path, file):
    write(tmp_path, feat_v=VIDEO)
    np.save(tmp_path / "feat_w.npy", VIDEO)
    path = tmp_path / file
    path.write_bytes(path.read_bytes()[:-5])
    assert_refused(tmp_path, f"{file} cannot be read as", v="feat_v.pt", w="feat_w.npy")


@pytest.mark.parametrize("file", ["train.npy", "val_full.npy", "test_full.npy"])
def test_code_in_an_interaction_file_is_refused_and_not_run(tmp_path, file):
    write(tmp_path)
    marker = tmp_path / "ran"
    write_ragged(tmp_path / file, ragged([[0, 4], Command(marker)]))
    assert_refused(tmp_path, f"{file} cannot be read as .* names {os.name}.system.* run code")
    assert not marker.exists()


def test_code_in_a_feature_file_is_refused_and_not_run(tmp_path):
    write(tmp_path)
    marker = tmp_path / "ran"
    torch.save(Command(marker), tmp_path / "feat_v.pt")
    assert_refused(tmp_path, "feat_v.pt cannot be read as a tensor.*could run code")
    write_ragged(tmp_path / "feat_v.npy", ragged([Command(marker)]))
    assert_refused(tmp_path, "feat_v.npy cannot be read as a .npy", v="feat_v.npy")
    assert not marker.exists()


def test_options_for_tables_are_refused(tmp_path):
    write(tmp_path)
    with pytest.raises(ValueError, match="--rating is of no use to the layout mmgcn"):
        LAYOUT.read(tmp_path, Reading(rating="stars"))
