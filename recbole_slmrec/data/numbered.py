"""Tables in text files that number users and items from 0."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd

LARGEST = 2**31 - 1


def read_lines(path: Path, separator: str, header: int | None) -> pd.DataFrame:
    """Reads a text file of separated values; blank lines are passed over.

    Args:
        path: the file, in UTF-8.
        separator: what stands between the values of a line.
        header: 0 if the first line names the columns, None if there is no such line.

    Returns:
        The table; its index holds the line numbers, counted from 1.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it has no values, or a line has too many of them.
    """
    try:
        table = pd.read_csv(
            path, sep=separator, header=header, quoting=csv.QUOTE_NONE, skip_blank_lines=False
        )
        if not isinstance(table.index, pd.RangeIndex):
            raise ValueError("its lines have more values than its first line has names")
    except pd.errors.EmptyDataError as error:
        raise ValueError(f"{path} is empty; get an undamaged copy of the file") from error
    # pandas' own errors, and those of decoding, are of this kind.
    except ValueError as error:
        raise ValueError(
            f"{path} cannot be read as lines with {separator!r} between their values: "
            f"{str(error).strip()}; get an undamaged copy of the file"
        ) from error
    table.index += 1 if header is None else 2
    return table.dropna(how="all")


def whole_numbers(column: pd.Series, path: Path) -> pd.Series:
    """The values of a column that numbers users or items.

    Args:
        column: a column of what ``read_lines`` returns.
        path: the file that it is of.

    Returns:
        The same column, int64.

    Raises:
        ValueError: if a value is not a whole number from 0; names its line.
    """
    numbers = pd.to_numeric(column, errors="coerce")
    fit = (numbers >= 0) & (numbers <= LARGEST) & (numbers % 1 == 0)
    if not fit.all():
        line = fit.idxmin()
        raise ValueError(
            f"{path}: line {line} has {column[line]} in the column {column.name}, where a whole "
            f"number from 0 to {LARGEST:,} is needed"
        )
    return numbers.astype(np.int64)


def check_rows(items: pd.Series, n_rows: int, path: Path) -> None:
    """Raises ValueError if an item has no row in the features; names its line.

    Args:
        items: item numbers; the index holds their lines.
        n_rows: the number of rows of the features.
        path: the file that the items are of.
    """
    outside = items >= n_rows
    if outside.any():
        line = outside.idxmax()
        raise ValueError(
            f"{path}: line {line} has {items[line]} in the column {items.name}, but the features "
            f"have rows for the items 0 to {n_rows - 1}; get the features that belong to this file"
        )


def as_tokens(numbers: np.ndarray) -> np.ndarray:
    """Numbers as the strings that name users or items."""
    return numbers.astype(str).astype(object)
