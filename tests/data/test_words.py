"""Word lists: pairs and errors."""

from __future__ import annotations

import numpy as np
import pytest

from recbole_slmrec.data.modality import ItemRows
from recbole_slmrec.data.words import word_modality

ITEMS = ItemRows("tiny.item", np.array(["p", "q", "r"], object), np.array([2, 0, 1]), 4)


@pytest.fixture
def read(tmp_path):
    """A function that saves an array as t.npy and reads it as the modality t of ITEMS."""

    def read(array: np.ndarray):
        np.save(tmp_path / "t.npy", array)
        return word_modality("t", str(tmp_path / "t.npy"), ITEMS)

    return read


@pytest.mark.parametrize("dtype", ["i8", "i4", "u2", ">i4"])
def test_pairs_carry_internal_ids_and_filtered_items_are_skipped(read, dtype):
    modality = read(np.array([[2, 0, 1, 0, 0], [5, 3, 8, 3, 0]], dtype))
    assert modality.name == "t"
    assert modality.items.dtype == modality.words.dtype == np.int64
    assert modality.items.tolist() == [1, 2, 2, 2]
    assert modality.words.tolist() == [5, 3, 3, 0]
    # Word 8 belongs to the filtered q alone; the vocabulary is the file's.
    assert modality.n_words == 9
    assert modality.missing == 1


def test_items_without_words_are_missing(read):
    assert read(np.array([[2], [0]])).missing == 2


@pytest.mark.parametrize(
    "array, message",
    [
        (np.array([[0.0], [1.0]]), "values of type float64, not integers"),
        (np.array([[True], [True]]), "values of type bool, not integers"),
        (np.array([[0, 1], [2, 3], [4, 5]]), r"has shape \(3, 2\); \(2, n\) is needed"),
        (np.zeros((2, 0), int), r"has shape \(2, 0\); \(2, n\) is needed"),
        (np.arange(2), r"has shape \(2,\); \(2, n\) is needed"),
        (np.array([[0, 3], [0, 0]]), "pair 1 .* names row 3, but tiny.item has rows 0 to 2"),
        (np.array([[-1, 0], [0, 0]]), "pair 0 .* names row -1, but tiny.item has rows 0 to 2"),
        (np.array([[0, 1, 2], [0, -4, -5]]), "pair 1 .* has the word id -4; word ids count from 0"),
    ],
)
def test_a_wrong_word_list_is_named(read, array, message):
    with pytest.raises(ValueError, match=f"modality t: .*t.npy.*{message}"):
        read(array)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="modality t: .*t.npy does not exist"):
        word_modality("t", str(tmp_path / "t.npy"), ITEMS)
