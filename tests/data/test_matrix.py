"""Matrices: alignment, precision, memory and errors."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from recbole_slmrec.data.matrix import BLOCK_ELEMENTS, matrix_modality
from recbole_slmrec.data.modality import ItemRows

ITEMS = ItemRows("tiny.item", np.array(["p", "q", "r"], object), np.array([2, 0, 1]), 4)


@pytest.fixture
def read(tmp_path):
    """A function that saves an array as v.npy and reads it as the modality v of ITEMS."""

    def read(array: np.ndarray):
        np.save(tmp_path / "v.npy", array)
        return matrix_modality("v", str(tmp_path / "v.npy"), ITEMS)

    return read


@pytest.mark.parametrize("dtype", ["<f8", ">f4", "f2", "i8", "u1", "bool"])
def test_rows_go_to_the_internal_ids_with_unit_length(read, dtype):
    modality = read(np.array([[1, 0], [1, 1], [1, 1]]).astype(dtype))
    assert modality.name == "v"
    assert modality.features.dtype == np.float32
    half = np.float32(0.5**0.5)
    # Item 3 has no row in the file, q was filtered out.
    assert modality.features.tolist() == [[0, 0], [half, half], [1, 0], [0, 0]]
    assert modality.missing == 1


def test_a_zero_row_stays_zero_and_is_missing(read):
    modality = read(np.array([[0, 0], [1, 1], [0, -2]]))
    assert modality.features.tolist() == [[0, 0], [0, -1], [0, 0], [0, 0]]
    assert modality.missing == 2


def test_half_precision_sums_do_not_overflow(read):
    width = 1024
    features = read(np.full((3, width), 60000, np.float16)).features
    np.testing.assert_allclose(features[1], width**-0.5, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["f2", "u1", ">i4"])
def test_a_column_that_counts_the_rows_is_warned_of(tmp_path, dtype, caplog):
    counting, other = np.arange(12) + 3, np.arange(12) % 11
    np.save(tmp_path / "v.npy", np.stack([other, counting, other], axis=1).astype(dtype))
    items = ItemRows("tiny.item", np.arange(12).astype(str), np.arange(12) + 1, 13)
    matrix_modality("v", str(tmp_path / "v.npy"), items)
    assert caplog.messages == [
        f"modality v: {tmp_path / 'v.npy'}: column 1 counts the rows, and beside it the others "
        "weigh nothing; take it out of the file if it is no feature"
    ]


def test_a_matrix_of_many_blocks_is_read_whole(tmp_path):
    n_rows, width = 7, BLOCK_ELEMENTS // 3
    matrix = np.zeros((n_rows, width), np.float16)
    matrix[np.arange(n_rows), np.arange(n_rows)] = 2
    np.save(tmp_path / "v.npy", matrix)
    ids = np.arange(n_rows)[::-1] + 1
    items = ItemRows("tiny.item", np.arange(n_rows).astype(str), ids, n_rows + 1)
    features = matrix_modality("v", str(tmp_path / "v.npy"), items).features
    assert np.array_equal(features[ids], matrix / 2)


def test_no_matrix_is_held_twice(tmp_path):
    n_rows, width = 40_000, 256
    np.save(tmp_path / "v.npy", np.ones((n_rows, width), np.float32))
    tokens = np.arange(n_rows).astype(str)
    items = ItemRows("tiny.item", tokens, np.arange(1, n_rows + 1), n_rows + 1)
    tracemalloc.start()
    features = matrix_modality("v", str(tmp_path / "v.npy"), items).features
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.6 * features.nbytes


@pytest.mark.parametrize(
    "array, message",
    [
        (np.ones((2, 5)), "v.npy has too few rows: 2, where tiny.item has 3"),
        (np.ones((4, 5)), "v.npy has too many rows: 4, where tiny.item has 3"),
        (np.ones(3), r"v.npy has shape \(3,\); a matrix \(items, columns\) is needed"),
        (np.ones((3, 2, 2)), r"v.npy has shape \(3, 2, 2\); a matrix"),
        (np.ones((3, 0)), r"v.npy has shape \(3, 0\); a matrix"),
        (np.array([["1"], ["2"], ["3"]]), "values of type <U1, not real numbers; save it as"),
        (np.ones((3, 2), complex), "values of type complex128, not real numbers"),
        (np.array([[1], [None], [2]], object), "cannot be read as a .npy array of numbers.*object"),
        (np.array([[1, 2], [3, np.nan], [np.inf, 1]]), "NaN or infinite in float32 in row 1 .*'q'"),
        (np.array([[1, 2], [3, 4], [-np.inf, 1]]), "NaN or infinite in float32 in row 2 .*'r'"),
        (np.array([[1e300], [1], [1]]), "NaN or infinite in float32 in row 0 .*'p'"),
    ],
)
def test_a_wrong_matrix_is_named(read, array, message):
    with pytest.raises(ValueError, match=f"modality v: .*{message}"):
        read(array)


def test_a_bad_value_in_a_later_block_is_found_at_its_row(tmp_path):
    n_rows = 3 * (BLOCK_ELEMENTS // 4096) + 5
    matrix = np.ones((n_rows, 4096), np.float16)
    matrix[n_rows - 2, 7] = np.nan
    np.save(tmp_path / "v.npy", matrix)
    tokens = np.array([f"item{row}" for row in range(n_rows)], object)
    items = ItemRows("tiny.item", tokens, np.arange(1, n_rows + 1), n_rows + 1)
    with pytest.raises(ValueError, match=f"row {n_rows - 2} .*'item{n_rows - 2}'"):
        matrix_modality("v", str(tmp_path / "v.npy"), items)


@pytest.mark.parametrize("damage", ["cut in the values", "cut in the header", "bad header", "text"])
def test_a_damaged_file_is_named(tmp_path, damage):
    file = tmp_path / "v.npy"
    np.save(file, np.ones((3, 4)))
    whole = file.read_bytes()
    file.write_bytes(
        {
            "cut in the values": whole[:-1],
            "cut in the header": whole[:40],
            "bad header": whole[:10] + whole[10:128].replace(b"}", b"(") + whole[128:],
            "text": b"0.1 0.2\n0.3 0.4\n",
        }[damage]
    )
    with pytest.raises(ValueError, match="modality v: .*v.npy cannot be read.*with numpy.save"):
        matrix_modality("v", str(file), ITEMS)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="modality v: .*v.npy does not exist; put the file"):
        matrix_modality("v", str(tmp_path / "v.npy"), ITEMS)
