"""SLMRec's own layout: what stands in the lists and the features is what is read."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_slmrec.data.layouts import Matrix, Reading, Words
from recbole_slmrec.data.layouts.slmrec import LAYOUT

TRAIN = [(7, 2), (1, 5), (7, 0), (3, 2)]
TEST = [(1, 0), (7, 4)]
VISUAL = np.arange(14, dtype=np.float32).reshape(7, 2)
WORDS = np.array([[5, 1, 0, 5, 0], [3, 9, 0, 3, 11]])


class Command:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def write(folder: Path, name="tiktok", train=TRAIN, test=TEST, **features: np.ndarray) -> None:
    for split, pairs in {"train": train, "test": test}.items():
        text = "".join(f"{user},{item}\n" for user, item in pairs)
        (folder / f"{name}.{split}").write_text(text, encoding="utf-8")
    for file, values in features.items():
        torch.save(torch.from_numpy(values), folder / f"{name}_{file}.pt")


def read(folder: Path, **features: str):
    return LAYOUT.read(folder, Reading(features=features))


def named(source, split: str) -> list[tuple[str, str]]:
    frame = source.interactions[split]
    return list(zip(source.users[frame["user"]], source.items[frame["item"]]))


def as_text(pairs) -> list[tuple[str, str]]:
    return [(str(user), str(item)) for user, item in pairs]


def vectors(source, modality: str) -> dict[str, list[float]]:
    matrix = source.features[modality]
    return {item: matrix.values[row].tolist() for item, row in zip(source.items, matrix.rows)}


def assert_refused(folder: Path, reason: str, error=ValueError, **features: str) -> None:
    with pytest.raises(error, match=reason):
        read(folder, **features)


pairs = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 9)), min_size=1, max_size=15)


@settings(max_examples=30, deadline=None)
@given(pairs, pairs, st.lists(st.tuples(st.integers(0, 9), st.integers(0, 30)), min_size=1))
def test_interactions_splits_and_vectors_are_those_of_the_source(train, test, words):
    visual = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        write(
            folder,
            train=train,
            test=test,
            visual_feat=visual,
            audio_feat=-visual[:, :1],
            textual_feat=np.array(words).T,
        )
        source = read(folder)
        assert list(source.interactions) == ["train", "test"]
        assert named(source, "train") == as_text(train)
        assert named(source, "test") == as_text(test)
        used = sorted({item for _, item in train + test})
        assert source.items.tolist() == [str(item) for item in used]
        assert set(source.users) == {str(user) for user, _ in train + test}
        assert vectors(source, "v") == {str(item): visual[item].tolist() for item in used}
        assert vectors(source, "a") == {str(item): [-visual[item, 0]] for item in used}
        text = source.features["t"]
        expected = [(str(item), word) for item, word in words if item in used]
        assert list(zip(source.items[text.items], text.words.tolist())) == expected


def test_files_of_tiktok(tmp_path):
    write(tmp_path, visual_feat=VISUAL, audio_feat=VISUAL[:, :1], textual_feat=WORDS)
    source = read(tmp_path)
    v, a, t = (source.features[modality] for modality in "vat")
    assert isinstance(v, Matrix) and isinstance(a, Matrix) and isinstance(t, Words)
    assert [feature.file for feature in (v, a, t)] == ["v.npy", "a.npy", "t_words.npy"]
    assert source.items.tolist() == ["0", "2", "4", "5"]
    assert source.users.tolist() == ["1", "3", "7"]
    assert t.items.tolist() == [3, 0, 3, 0]
    assert t.words.tolist() == [3, 0, 3, 11]
    assert (
        "3 of the 7 rows of the features are of items without an interaction" in source.remarks[0]
    )
    assert "t: 1 of the 5 words are of items without an interaction" in source.remarks[1]


def test_nothing_is_remarked_when_every_item_has_an_interaction(tmp_path):
    write(tmp_path, train=[(0, 0), (0, 1)], test=[(0, 2)], visual_feat=VISUAL[:3])
    assert read(tmp_path).remarks == []


def test_files_of_kwai(tmp_path):
    write(tmp_path, "kwai", feat_v=VISUAL)
    source = read(tmp_path)
    assert list(source.features) == ["v"]
    assert vectors(source, "v")["5"] == [10.0, 11.0]


def test_files_of_movielens_stay_mapped(tmp_path):
    write(tmp_path, "movielens")
    for sign, file in enumerate(["FeatureVideo", "FeatureAudio_avg", "FeatureText_stl"]):
        np.save(tmp_path / f"movielens_{file}_normal.npy", VISUAL + sign)
    source = read(tmp_path)
    assert list(source.features) == ["v", "a", "t"]
    for sign, matrix in enumerate(source.features.values()):
        assert isinstance(matrix.values, np.memmap)
        assert np.array_equal(matrix.values, VISUAL + sign)
        assert matrix.rows.tolist() == [0, 2, 4, 5]


def test_features_can_be_chosen(tmp_path):
    write(tmp_path, visual_feat=VISUAL)
    torch.save(torch.from_numpy(WORDS), tmp_path / "words.pt")
    source = read(tmp_path, tags="words.pt")
    assert list(source.features) == ["tags"]
    assert source.features["tags"].file == "tags_words.npy"


def test_it_is_recognised_by_its_two_lists(tmp_path):
    (tmp_path / "tiktok.train").write_text("1,2\n")
    assert not LAYOUT.matches(tmp_path)
    (tmp_path / "tiktok.test").write_text("1,2\n")
    assert LAYOUT.matches(tmp_path)
    assert not LAYOUT.matches(tmp_path / "tiktok.train")


@pytest.mark.parametrize(
    "line, reason",
    [
        ("1.5,2", "line 5 has 1.5 in the column user, where a whole number from 0"),
        ("u,2", "line 5 has u in the column user"),
        ("1,-2", "line 5 has -2 in the column item"),
        ("1,", "line 5 has nan in the column item"),
        ("1,2,3", "cannot be read as lines .*line 5, saw 3"),
        ("1,7", "line 5 has 7 in the column item, but the features have rows for the items 0 to 6"),
    ],
)
@pytest.mark.parametrize("split", ["train", "test"])
def test_a_line_that_is_not_as_it_must_be_is_named(tmp_path, split, line, reason):
    write(tmp_path, test=TRAIN, visual_feat=VISUAL)
    path = tmp_path / f"tiktok.{split}"
    path.write_text(path.read_text() + line + "\n")
    assert_refused(tmp_path, f"tiktok.{split}.*{reason}")


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize(
    "text, reason",
    [("", "is empty"), ("1\n", "line 1 has 1 values; user,item"), ("1,2,3\n", "line 1 has 3")],
)
def test_an_empty_split_and_other_columns_are_refused(tmp_path, split, text, reason):
    write(tmp_path)
    (tmp_path / f"tiktok.{split}").write_text(text)
    assert_refused(tmp_path, f"tiktok.{split}.*{reason}")


def test_missing_lists_and_two_data_sets_are_refused(tmp_path):
    assert_refused(tmp_path, "lacks <name>.train and <name>.test", FileNotFoundError)
    write(tmp_path)
    write(tmp_path, "kwai")
    assert_refused(tmp_path, "more than one data set: kwai, tiktok; give each its own folder")


def test_matrices_that_differ_in_rows_are_refused(tmp_path):
    write(tmp_path, visual_feat=VISUAL, audio_feat=VISUAL[:6])
    assert_refused(tmp_path, "visual_feat.pt has 7, .*audio_feat.pt has 6; each needs one row")


def test_a_negative_number_in_a_word_list_is_refused(tmp_path):
    write(tmp_path, textual_feat=np.array([[0, 2], [1, -4]]))
    assert_refused(tmp_path, r"textual_feat.pt: pair 1 \(counting from 0\) is 2, -4")


def test_damaged_features_and_code_in_them_are_refused(tmp_path):
    write(tmp_path, visual_feat=VISUAL)
    path = tmp_path / "tiktok_visual_feat.pt"
    path.write_bytes(path.read_bytes()[:-30])
    assert_refused(tmp_path, "tiktok_visual_feat.pt cannot be read as a tensor.*is damaged")
    marker = tmp_path / "ran"
    torch.save(Command(marker), path)
    assert_refused(tmp_path, "tiktok_visual_feat.pt cannot be read as a tensor.*could run code")
    assert not marker.exists()


def test_options_for_tables_are_refused(tmp_path):
    write(tmp_path)
    with pytest.raises(ValueError, match="--time is of no use to the layout slmrec"):
        LAYOUT.read(tmp_path, Reading(time="when"))
