"""A .npy matrix beside the atomic files, read into features aligned with RecBole's item ids."""

from __future__ import annotations

import os
from logging import getLogger
from tokenize import TokenError
from typing import Sequence

import numpy as np

from recbole_slmrec.data.modality import DenseModality, ItemRows, unit_rows

BLOCK_ELEMENTS = 2**20
# From so many rows on, a column that counts them does so by no accident.
_FEW_ROWS = 10


def matrix_modality(name: str, path: str, items: ItemRows) -> DenseModality:
    """Read a matrix whose row r belongs to row r of ``<name>.item``.

    The file is read once, block by block, so that only the result is ever held whole.

    Args:
        name: the modality's name.
        path: the .npy file: shape (rows of ``<name>.item``, D), any kind of real numbers.
        items: the rows of ``<name>.item``.

    Returns:
        The modality, its features of shape (n_items, D).

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no matrix of finite numbers with one row for each item.
    """
    matrix = open_npy(name, path)
    check_matrix(name, path, matrix, items)
    warn_of_counting(f"modality {name}: {path}", matrix)
    n_rows, width = matrix.shape
    features = np.zeros((items.n_items, width), dtype=np.float32)
    block = max(1, BLOCK_ELEMENTS // width)
    for start in range(0, n_rows, block):
        with np.errstate(over="ignore"):
            rows = matrix[start : start + block].astype(np.float32)
        _check_finite(name, path, rows, start, items)
        ids = items.ids[start : start + block]
        kept = ids > 0
        features[ids[kept]] = unit_rows(rows[kept])
    missing = int(np.count_nonzero(~features[1:].any(axis=1)))
    return DenseModality(name, features, missing)


def open_npy(name: str, path: str) -> np.memmap:
    """Map a .npy file of plain values into memory, read-only.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not a whole .npy file, or holds Python objects.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"modality {name}: {path} does not exist; put the file there or correct its name in "
            "item_modalities"
        )
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except (ValueError, SyntaxError, TokenError) as error:
        # numpy parses the header as Python literals: a damaged one shows itself in all three.
        raise ValueError(
            f"modality {name}: {path} cannot be read as a .npy array of numbers ({error}); "
            "save it anew with numpy.save"
        ) from error


def check_matrix(name: str, path: str, matrix: np.ndarray, items: ItemRows) -> None:
    """Raises ValueError unless ``matrix``, read from ``path``, has a row of numbers for each item."""
    where = f"modality {name}: {path}"
    if matrix.dtype.kind not in "biuf":
        raise ValueError(
            f"{where} holds values of type {matrix.dtype}, not real numbers; "
            "save it as float32 or float16"
        )
    if matrix.ndim != 2 or matrix.shape[1] == 0:
        raise ValueError(
            f"{where} has shape {matrix.shape}; a matrix (items, columns) is needed, with one row "
            f"for each row of {items.file}"
        )
    n_rows, n_items = len(matrix), len(items.tokens)
    if n_rows != n_items:
        raise ValueError(
            f"{where} has too {'few' if n_rows < n_items else 'many'} rows: {n_rows:,}, where "
            f"{items.file} has {n_items:,}; row r of the one belongs to row r of the other, so "
            "give each item one row (zeros where it has no features)"
        )


def warn_of_counting(where: str, matrix: np.ndarray, columns: Sequence[str] | None = None) -> None:
    """Warns of columns that count the rows, as a table's numbering does that was taken along.

    Args:
        where: names the file.
        matrix: shape (n, D), numbers.
        columns: names of its columns; their positions, by default.
    """
    if len(matrix) < _FEW_ROWS or matrix.shape[1] == 1:
        return
    first, last = (matrix[row].astype(np.float64) for row in (0, -1))
    steps = np.arange(len(matrix))
    for column in np.flatnonzero(last == first + steps[-1]):
        if np.array_equal(matrix[:, column] - first[column], steps):
            name = column if columns is None else columns[column]
            getLogger().warning(
                f"{where}: column {name} counts the rows, and beside it the others weigh nothing; "
                "take it out of the file if it is no feature"
            )


def _check_finite(name: str, path: str, rows: np.ndarray, start: int, items: ItemRows) -> None:
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        row = start + int(np.argmin(finite))
        raise ValueError(
            f"modality {name}: {path} has a value that is NaN or infinite in float32 in row {row} "
            f"(counting from 0), item {str(items.tokens[row])!r}; correct it, or make the whole row "
            "zero if the item has no features"
        )
