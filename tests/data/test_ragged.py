"""Rows of different lengths come out of .npy files, and nothing in the pickle there runs."""

from __future__ import annotations

import os
import pickle
import re

import numpy as np
import pytest

from recbole_slmrec.data.ragged import read_rows


@pytest.fixture
def path(tmp_path):
    return tmp_path / "val.npy"


class Command:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def objects(*rows) -> np.ndarray:
    array = np.empty(len(rows), dtype=object)
    for number, row in enumerate(rows):
        array[number] = row
    return array


def write(path, content: bytes, shape: tuple = (1,)) -> None:
    """A .npy file of objects, whose pickle is ``content``."""
    header = {"descr": "|O", "fortran_order": False, "shape": shape}
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.write(content)


def rows_of(path) -> list[list[int]]:
    values, lengths = read_rows(path)
    assert values.dtype == lengths.dtype == np.int64
    assert lengths.sum() == len(values)
    return [row.tolist() for row in np.split(values, np.cumsum(lengths)[:-1])]


def assert_refused(path, reason: str) -> None:
    with pytest.raises(ValueError, match=f"val.npy cannot be read as .*{reason}.*; get an undam"):
        read_rows(path)


# numpy wrote such files with protocol 2 up to version 1.16, and writes them with 3 or 4 since.
@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_rows_of_every_form_come_back(path, protocol):
    rows = objects(
        [3, 10, 2**40],
        [1],
        (2, 11),
        np.array([4, 12, 13]),
        np.array([5, 200], dtype=">i4"),
        np.array([6, 200], dtype=np.uint8),
        [np.int64(7), np.int32(14), 15],
        np.array([8, 16], dtype=object),
        np.array([], dtype=int),
    )
    write(path, pickle.dumps(rows, protocol), rows.shape)
    assert rows_of(path) == [
        [3, 10, 2**40],
        [1],
        [2, 11],
        [4, 12, 13],
        [5, 200],
        [6, 200],
        [7, 14, 15],
        [8, 16],
        [],
    ]


@pytest.mark.parametrize("core", [b"core", b"_core"])
def test_files_of_older_and_newer_numpy_name_other_modules(path, core):
    content = pickle.dumps(objects([1, np.int64(2)]), 3)
    content, n = re.subn(
        rb"cnumpy\._?core\.multiarray\n", b"cnumpy.%s.multiarray\n" % core, content
    )
    assert n == 2
    write(path, content)
    assert rows_of(path) == [[1, 2]]


@pytest.mark.parametrize(
    "matrix",
    [
        np.array([[1, 2, 3], [4, 5, 6]]),
        np.array([[1, 2, 3], [4, 5, 6]], dtype=np.uint16),
        np.asfortranarray(np.array([[1, 2, 3], [4, 5, 6]])),
        np.array([[1, 2, 3], [4, 5, 6]], dtype=object),
    ],
)
def test_rows_of_one_length_come_back(path, matrix):
    np.save(path, matrix)
    assert rows_of(path) == [[1, 2, 3], [4, 5, 6]]


def test_no_rows_at_all(path):
    np.save(path, objects())
    values, lengths = read_rows(path)
    assert len(values) == len(lengths) == 0


def test_a_command_is_refused_and_not_run(tmp_path, path):
    marker = tmp_path / "ran"
    for loot in (Command(marker), objects([1, Command(marker)]), [Command(marker)]):
        for protocol in range(6):
            write(path, pickle.dumps(loot, protocol))
            assert_refused(path, "could run code")
    assert not marker.exists()


def test_an_object_at_an_address_of_the_pickle_s_choice_is_refused(path):
    class Address:
        def __reduce__(self):
            return np.ndarray, ((1,), np.dtype("O"), b"\1" * 8)

    write(path, pickle.dumps(objects(Address())))
    assert_refused(path, "not an array of one dimension")


@pytest.mark.parametrize("name", ["_codecs\nencode", "numpy.core.multiarray\nscalar"])
def test_a_pickle_cannot_change_the_classes_that_it_names(path, name):
    named = f"c{name}\n".encode()
    write(path, b"\x80\2" + named + b"(N}X\4\0\0\0rowsK\1stb.")
    assert_refused(path, "__setstate__")


@pytest.mark.parametrize(
    "rows, reason",
    [
        (objects([1, 2], [3, 1.5]), r"row 1 \(counting from 0\) holds 1.5, which is no whole"),
        (objects([1, "4"]), "row 0 .* holds '4'"),
        (objects([True]), "row 0 .* holds True"),
        (objects([[1]]), "row 0 .* holds something else"),
        (objects([np.float64(1)]), "kind"),
        (objects([2**70]), "too large"),
        (objects(np.array([1.5, 2])), "kind"),
        (objects(np.zeros((2, 2), int)), "one dimension"),
        (objects([1], 3), r"row 1 \(counting from 0\) is no list and no array"),
        (np.array({0: [1]}), "something else"),
        (np.zeros((1, 1, 1), dtype=object), "something else"),
        (np.array([[1.5, 2.0]]), "float64 in the shape .1, 2., where a matrix of integers"),
        (np.arange(4), "int64 in the shape .4,."),
    ],
    ids=str,
)
def test_anything_but_rows_of_whole_numbers_is_refused(path, rows, reason):
    np.save(path, rows)
    assert_refused(path, reason)


@pytest.mark.parametrize("rows", [objects([1, 2], [3]), np.arange(6).reshape(3, 2)], ids=str)
def test_every_truncation_is_refused(path, rows):
    np.save(path, rows)
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        assert_refused(path, "")


def test_an_array_that_says_another_length_is_refused(path):
    content = pickle.dumps(objects([1], [2], [3]), 3)
    assert content.count(b"K\3\x85") == 1
    write(path, content.replace(b"K\3\x85", b"K\2\x85"))
    assert_refused(path, "something else")


def test_a_missing_file_is_named(path):
    with pytest.raises(FileNotFoundError, match="val.npy"):
        read_rows(path)
