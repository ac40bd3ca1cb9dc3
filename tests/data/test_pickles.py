"""Sparse matrices come out of pickles, and nothing in a pickle runs."""

from __future__ import annotations

import os
import pickle
import re
from collections import OrderedDict

import numpy as np
import pytest
from scipy.sparse import coo_matrix, csc_matrix, csr_matrix

from recbole_slmrec.data.pickles import load_sparse_matrix

CELLS = np.array([[0, 3, 0, 0], [0, 0, 0, 0], [1.5, 0, 0, 2]])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "trnMat.pkl"


class Command:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def assert_refused(path, content: bytes, reason: str) -> None:
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"{re.escape(str(path))} cannot be read.*{reason}"):
        load_sparse_matrix(path)


@pytest.mark.parametrize("protocol", [3, 4, 5])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64", "int8", "bool"])
@pytest.mark.parametrize("kind", [coo_matrix, csr_matrix])
def test_every_kind_of_matrix_comes_back(path, kind, dtype, protocol):
    cells = CELLS.astype(dtype)
    # scipy cannot make a matrix of float16 from cells.
    matrix = kind(CELLS)
    matrix.data = matrix.data.astype(dtype)
    path.write_bytes(pickle.dumps(matrix, protocol))
    loaded = load_sparse_matrix(path)
    assert isinstance(loaded, coo_matrix)
    assert loaded.shape == (3, 4)
    assert loaded.data.dtype == ("float32" if dtype == "float16" else dtype)
    assert list(zip(loaded.row, loaded.col)) == [(0, 1), (2, 0), (2, 3)]
    assert loaded.data.tolist() == [cells[0, 1], cells[2, 0], cells[2, 3]]


@pytest.mark.parametrize("kind", ["coo", "csr"])
def test_pickles_of_older_scipy_and_newer_numpy(path, kind):
    matrix = {"coo": coo_matrix, "csr": csr_matrix}[kind](CELLS)
    content = pickle.dumps(matrix, 3)
    content, n = re.subn(rb"cscipy\.sparse\._", b"cscipy.sparse.", content)
    for core in (b"core", b"_core"):
        content, m = re.subn(
            rb"cnumpy\._?core\.multiarray\n", b"cnumpy.%s.multiarray\n" % core, content
        )
        assert n and m
        path.write_bytes(content)
        assert np.array_equal(load_sparse_matrix(path).toarray(), CELLS)


def in_older_form(matrix: coo_matrix) -> coo_matrix:
    """With rows and columns apart, as scipy before 1.13 has them."""
    state = matrix.__dict__
    if "coords" in state:
        state["row"], state["col"] = state.pop("coords")
    return matrix


@pytest.mark.parametrize("coords", [False, True])
def test_pickles_of_newer_scipy_keep_rows_and_columns_as_coords(path, coords):
    matrix = in_older_form(coo_matrix(CELLS))
    if coords:
        state = matrix.__dict__
        state["coords"] = (state.pop("row"), state.pop("col"))
    path.write_bytes(pickle.dumps(matrix))
    assert np.array_equal(load_sparse_matrix(path).toarray(), CELLS)


def test_entries_keep_their_order_and_repetitions(path):
    rows, columns, data = [2, 0, 2, 0], [1, 3, 1, 0], [1.0, 2.0, 3.0, 0.0]
    path.write_bytes(pickle.dumps(coo_matrix((data, (rows, columns)), shape=(5, 6))))
    loaded = load_sparse_matrix(path)
    assert loaded.shape == (5, 6)
    assert [loaded.row.tolist(), loaded.col.tolist()] == [rows, columns]
    assert loaded.data.tolist() == data
    loaded.data[0] = 9
    assert loaded.toarray()[2, 1] == 12


def test_an_empty_matrix_and_a_big_endian_one(path):
    path.write_bytes(pickle.dumps(coo_matrix((2, 3), dtype="float32")))
    assert load_sparse_matrix(path).nnz == 0
    matrix = coo_matrix(CELLS)
    matrix.row, matrix.data = matrix.row.astype(">i4"), matrix.data.astype(">f8")
    path.write_bytes(pickle.dumps(matrix))
    assert np.array_equal(load_sparse_matrix(path).toarray(), CELLS)


@pytest.mark.parametrize("protocol", [0, 2, 3, 4, 5])
def test_a_command_is_refused_and_not_run(tmp_path, path, protocol):
    marker = tmp_path / "ran"
    command = Command(marker)
    hidden = coo_matrix(CELLS)
    hidden.has_canonical_format = command
    for loot in (command, hidden, [coo_matrix(CELLS), command]):
        assert_refused(path, pickle.dumps(loot, protocol), "could run code")
    assert_refused(path, pickle.dumps(command, protocol), f"it names {os.name}.system")
    assert not marker.exists()


def test_an_object_at_an_address_of_the_pickle_s_choice_is_refused(path):
    class Address:
        def __reduce__(self):
            return np.ndarray, ((1,), np.dtype("O"), b"\1" * 8)

    assert_refused(path, pickle.dumps(Address()), "it holds something else")
    matrix = coo_matrix(CELLS)
    matrix.data = Address()
    assert_refused(path, pickle.dumps(matrix), "is not an array")


def test_a_pickle_cannot_change_the_classes_that_it_names(path):
    name = b"cscipy.sparse._coo\ncoo_matrix\n"
    patch = name + b"(N}X\4\0\0\0rows" + name + b"stb."
    assert_refused(path, b"\x80\3" + patch, "__setstate__")
    assert not hasattr(coo_matrix, "rows")


def of_objects(matrix: coo_matrix) -> coo_matrix:
    matrix.data = matrix.data.astype(object)
    return matrix


@pytest.mark.parametrize(
    "value, reason",
    [
        ([1, 2], "something else"),
        ({"_shape": (1, 1)}, "something else"),
        (np.arange(3), "something else"),
        (np.float64(1), r"numpy\._?core\.multiarray\.scalar"),
        (OrderedDict(), "collections.OrderedDict"),
        (csc_matrix(CELLS), "csc_matrix"),
        (coo_matrix, "something else"),
        (coo_matrix(CELLS.astype(complex)), "kind"),
        (of_objects(coo_matrix(CELLS)), "is not an array"),
    ],
    ids=lambda value: None if isinstance(value, str) else type(value).__name__,
)
def test_anything_but_a_matrix_of_numbers_is_refused(path, value, reason):
    assert_refused(path, pickle.dumps(value), reason)


@pytest.mark.parametrize(
    "part, value, reason",
    [
        ("row", np.array([0, 2, 3]), "(row|axis 0) index.* exceeds"),
        ("col", np.array([0, -1, 3]), "negative (column|axis 1) index"),
        ("col", np.array([0, 1]), "same length"),
        ("row", np.array([0.0, 2.0, 2.0]), "kind"),
        ("row", np.zeros((3, 1), int), "one dimension"),
        ("data", [1.0, 2.0, 3.0], "not an array"),
        ("_shape", (3, "4"), "something else"),
    ],
)
def test_a_matrix_whose_parts_do_not_fit_is_refused(path, part, value, reason):
    matrix = in_older_form(coo_matrix(CELLS))
    matrix.__dict__[part] = value
    assert_refused(path, pickle.dumps(matrix), reason)


@pytest.mark.parametrize("starts", [[0, 2, 1, 3], [0, 1, 1, 2], [0, 1, 1, 1, 3]])
def test_a_csr_matrix_with_wrong_row_starts_is_refused(path, starts):
    matrix = csr_matrix(CELLS)
    matrix.indptr = np.array(starts)
    assert_refused(path, pickle.dumps(matrix), "")


def test_an_array_that_holds_more_than_its_length_is_refused(path):
    content = pickle.dumps(coo_matrix(CELLS), 3)
    three, two = b"K\3\x85", b"K\2\x85"
    assert content.count(three) == 3
    assert_refused(path, content.replace(three, two), "is not 2 numbers")


def test_every_truncation_is_refused(path):
    content = pickle.dumps(coo_matrix(CELLS))
    for length in range(len(content)):
        assert_refused(path, content[:length], "")


def test_text_is_refused(path):
    assert_refused(path, b"<html>404: Not Found</html>", "")


def test_a_missing_file_is_named(path):
    with pytest.raises(FileNotFoundError, match="trnMat.pkl"):
        load_sparse_matrix(path)
