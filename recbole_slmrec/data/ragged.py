"""Rows of whole numbers of different lengths, as numpy.save keeps them."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np

from recbole_slmrec.data.stand_ins import (
    NUMPY,
    Array,
    StandIn,
    StandInUnpickler,
    array_of,
    from_bytes,
)


def read_rows(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Reads a .npy file that holds a row of whole numbers in each place.

    Rows of one length are a plain matrix of integers. Others make numpy write a pickle of lists or
    arrays into the file; stand-ins that do nothing keep what that pickle says.

    Args:
        path: the .npy file.

    Returns:
        values: shape (n,), int64: the rows, one after the other.
        lengths: shape (n_rows,), int64: how many of the values belong to each row.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged, holds anything else, or its pickle names any class or function
            that such rows do not need.
    """
    with open(path, "rb") as file:
        try:
            return _rows(path, file)
        # A damaged pickle raises nearly anything.
        except Exception as error:
            raise ValueError(
                f"{path} cannot be read as a .npy file with rows of whole numbers: {error}; "
                "get an undamaged copy of the file, from a source that you trust"
            ) from error


class _Number(StandIn):
    pass


class _Bytes(StandIn, bytes):
    """Bytes as pickle protocol 2 writes them: as a call that makes them from text."""

    def __new__(cls, text: str = "", encoding: str = "latin1") -> _Bytes:
        return super().__new__(cls, text.encode(encoding))


class _RowsUnpickler(StandInUnpickler):
    stand_ins = NUMPY | {
        "numpy.core.multiarray.scalar": _Number,
        "numpy._core.multiarray.scalar": _Number,
        "_codecs.encode": _Bytes,
        "__builtin__.bytes": _Bytes,
    }


_READ_HEADER = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def _rows(path: Path, file: BinaryIO) -> tuple[np.ndarray, np.ndarray]:
    _, _, dtype = _READ_HEADER[np.lib.format.read_magic(file)](file)
    if dtype.hasobject:
        rows = [_row(number, row) for number, row in enumerate(_pickled_rows(file))]
        lengths = np.array([len(row) for row in rows], dtype=np.int64)
        return np.concatenate([np.empty(0, dtype=np.int64), *rows]), lengths
    matrix = np.lib.format.open_memmap(path, mode="r")
    if matrix.dtype.kind not in "iu" or matrix.ndim != 2:
        raise ValueError(
            f"it holds values of type {matrix.dtype} in the shape {matrix.shape}, where a matrix "
            "of integers is needed"
        )
    height, width = matrix.shape
    return np.array(matrix, dtype=np.int64).ravel(), np.full(height, width, dtype=np.int64)


def _pickled_rows(file: BinaryIO) -> list:
    match _RowsUnpickler(file).load():
        case Array(state=(_, (int(length),), _, _, list(rows))) if len(rows) == length:
            return rows
        # Rows of one length in an array that was told to hold objects.
        case Array(state=(_, (int(height), int(width)), _, False, list(values))):
            if len(values) == height * width:
                return [values[start : start + width] for start in range(0, len(values), width)]
    raise ValueError("it holds something else")


def _row(number: int, row: object) -> np.ndarray:
    match row:
        case list() | tuple():
            values = row
        case Array(state=(_, (int(),), _, _, list(values))):
            pass
        case Array():
            return array_of(row, "iu").astype(np.int64)
        case _:
            raise ValueError(f"row {number} (counting from 0) is no list and no array")
    return np.array([_whole(number, value) for value in values], dtype=np.int64)


def _whole(number: int, value: object) -> int:
    match value:
        case bool():
            pass
        case int():
            return value
        case _Number(arguments=(dtype, bytes(buffer))):
            return int(from_bytes(buffer, dtype, 1, "iu")[0])
    shown = repr(value) if isinstance(value, (bool, float, str)) else "something else"
    raise ValueError(f"row {number} (counting from 0) holds {shown}, which is no whole number")
