"""Files that name users, items, or pairs of them."""

from __future__ import annotations

import csv
from pathlib import Path


def read_ids(path: Path) -> list[str]:
    """The ids in a file, one a line; empty lines are left out.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not text, or names nothing.
    """
    ids = [line.strip() for line in _lines(path)]
    ids = [line for line in ids if line]
    if not ids:
        raise ValueError(f"{path} is empty: it must hold one id a line")
    return ids


def read_pairs(path: Path) -> list[tuple[str, str]]:
    """The pairs of user and item in the first two columns of a file.

    A ``.csv`` file has commas, such as one that ``recommend`` wrote; another has tabs, such as
    RecBole's ``.inter`` files. A first line that names columns (``user``, or ``user_id:token``) is
    left out.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not text, or a line has one column only.
    """
    rows = list(csv.reader(_lines(path), dialect="excel" if path.suffix == ".csv" else _TABS))
    for number, row in enumerate(rows, start=1):
        if len(row) == 1:
            raise ValueError(f"{path}, line {number}: {row[0]!r} is no pair of user and item")
    pairs = [(row[0], row[1]) for row in rows if row]
    header = pairs and (pairs[0][0] == "user" or pairs[0][0].endswith(":token"))
    return pairs[1:] if header else pairs


class _TABS(csv.excel_tab):
    quoting = csv.QUOTE_NONE


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise FileNotFoundError(f"there is no file [{path}]")
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not text in UTF-8: {error}") from None
