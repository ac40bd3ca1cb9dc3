"""Interactions from a table: which of a folder's files it is, and who met what, when."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from logging import getLogger
from pathlib import Path
from typing import Callable

import numpy as np
import pandas as pd
import pyarrow as pa

from recbole_slmrec.data import layouts
from recbole_slmrec.data.id_forms import in_two_forms, told
from recbole_slmrec.data.layouts.table_columns import Table, encode, encode_ids, open_table
from recbole_slmrec.data.packed import bare
from recbole_slmrec.names import did_you_mean

SPLIT_NAMES = {
    "train": ("train", "training", "0"),
    "valid": ("valid", "validation", "val", "dev", "1"),
    "test": ("test", "testing", "2"),
}
_DECIMALS = re.compile(r"\.\d+")


@dataclass(frozen=True, eq=False)
class Interactions:
    """The interactions of a table.

    Attributes:
        users, items, splits: as ``users``, ``items`` and ``interactions`` of a Source.
        item_column: the name of the column of items.
        remark: which column was taken for what.
    """

    users: np.ndarray
    items: np.ndarray
    splits: dict[str, pd.DataFrame]
    item_column: str
    remark: str


def find(source: Path, reading: layouts.Reading) -> Path:
    """The file of interactions: ``source`` itself, ``interactions.*`` in it, or the only one.

    Raises:
        FileNotFoundError: if ``source`` or a table in it is missing.
        ValueError: if several tables in it have a user and an item.
    """
    if source.is_file():
        return source
    if not source.is_dir():
        raise FileNotFoundError(f"{source} does not exist")
    suffixes = layouts.TABLE_SUFFIXES
    tables = [path for path in sorted(source.iterdir()) if bare(path).suffix.lower() in suffixes]
    named = [path for path in tables if bare(path).stem.lower() == "interactions"]
    # A table that is alone need not prove itself here: reading it says what it lacks.
    fitting = named or (tables if len(tables) == 1 else _with_user_and_item(tables, reading))
    if not fitting:
        raise FileNotFoundError(
            f"{source} has no table with a column of users and one of items: name the file "
            f"interactions{suffixes[0]} (or {', '.join(suffixes[1:])}), or give it as --source, "
            "and say what its columns are with --user=COLUMN and --item=COLUMN"
        )
    if len(fitting) > 1:
        raise ValueError(
            f"{source} has {len(fitting)} tables that may be the interactions: "
            f"{', '.join(path.name for path in fitting)}; give the one as --source, or name it "
            f"interactions{bare(fitting[0]).suffix}; splits belong into one file, with a column "
            "split"
        )
    return fitting[0]


def read(path: Path, reading: layouts.Reading) -> Interactions:
    """Reads the interactions of a table; see ``table.read``."""
    table = open_table(path, reading.encoding)
    columns = _columns(table, reading)
    batches = [batch for batch in table.batches(list(columns.values())) if len(batch)]
    if not batches:
        raise ValueError(f"{path} has columns, but no interactions")
    values = pa.Table.from_batches(batches)

    def column(role: str):
        return values[columns[role]], f"{path}: column {columns[role]}", table.row

    user, users = encode_ids(*column("user"))
    item, items = encode_ids(*column("item"))
    frame = pd.DataFrame({"user": user, "item": item})
    _check_header_is_once(table, columns, {"user": (user, users), "item": (item, items)})
    for role, ids in {"user": users, "item": items}.items():
        forms = told(in_two_forms(ids))
        if forms:
            getLogger().warning(
                f"{path}: column {columns[role]}: {forms}; each counts as one of the {role}s, so "
                "write it in one form if it is one"
            )
    if "rating" in columns:
        frame["rating"] = _numbers(*column("rating"))
    if "time" in columns:
        frame["timestamp"] = _times(*column("time"))
    splits = {layouts.UNSPLIT: frame}
    if "split" in columns:
        splits = _split(frame, *column("split"))
    taken = ", ".join(f"{role} is {column}" for role, column in columns.items())
    remark = f"columns of {path.name}{table.note}: {taken}"
    return Interactions(users, items, splits, columns["item"], remark)


def _with_user_and_item(tables: list[Path], reading: layouts.Reading) -> list[Path]:
    fitting = []
    for path in tables:
        table = open_table(path, reading.encoding)
        given = [column for column in (reading.user, reading.item) if column]
        if all(column in table.columns for column in given) and all(
            getattr(reading, role) or table.find(role) for role in ("user", "item")
        ):
            fitting.append(path)
    return fitting


def _columns(table: Table, reading: layouts.Reading) -> dict[str, str]:
    columns = {}
    for role in ("user", "item", "rating", "time"):
        column = table.find(role, getattr(reading, role))
        if column is not None:
            columns[role] = column
        elif role in ("user", "item"):
            near = did_you_mean(f"{role}_id", table.columns) or "."
            raise ValueError(
                f"{table.path} has no column that is known as the {role}{near} Say which it is "
                f"with --{role}=COLUMN; {table.listed()}"
            )
    split = table.find("split")
    if split is not None:
        columns["split"] = split
    if len(set(columns.values())) < len(columns):
        taken = ", ".join(f"{role} is {column}" for role, column in columns.items())
        raise ValueError(f"{table.path}: one column cannot be two things, but {taken}")
    return columns


def _check_header_is_once(
    table: Table, columns: dict[str, str], coded: dict[str, tuple[np.ndarray, np.ndarray]]
) -> None:
    """Raises ValueError if a row has the names of its columns for a user and an item."""
    again = np.logical_and(
        *(np.isin(codes, _heads(columns[role], ids)) for role, (codes, ids) in coded.items())
    )
    if again.any():
        raise ValueError(
            f"{table.path} has the header again in {table.row(int(np.argmax(again)))}, as where "
            "two files were put together; take the row out"
        )


def _heads(column: str, ids: np.ndarray) -> np.ndarray:
    # RecBole's files add the type to the name.
    return np.flatnonzero((ids == column) | (ids == f"{column}:token"))


def _numbers(values: pa.ChunkedArray, where: str, row: Callable[[int], str]) -> np.ndarray:
    try:
        numbers = values.cast(pa.float64(), safe=False).to_numpy()
    except pa.ArrowException:
        # Slowly, to find the row.
        return _parsed(values, where, row, _number, "a number")
    bad = ~np.isfinite(numbers)
    if bad.any():
        position = int(np.argmax(bad))
        raise _bad(where, values[position].as_py(), row(position), "a number")
    return numbers


def _times(values: pa.ChunkedArray, where: str, row: Callable[[int], str]) -> np.ndarray:
    if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
        if values.null_count:
            position = int(np.argmax(values.is_null().to_numpy()))
            raise _bad(where, None, row(position), "a time")
        return values.cast(pa.timestamp("us"), safe=False).cast(pa.int64()).to_numpy() / 1e6
    first = values[0].as_py()
    if isinstance(first, str) and _number(first) is None:
        return _parsed(values, where, row, _seconds, "an ISO date, such as 2024-05-31T08:15:00")
    return _numbers(values, where, row)


def _parsed(values, where: str, row, parse: Callable[[str], float | None], what: str) -> np.ndarray:
    codes, texts = encode(values, where, row)
    numbers = [parse(text) for text in texts]
    if None in numbers:
        bad = numbers.index(None)
        raise _bad(where, texts[bad], row(int(np.argmax(codes == bad))), what)
    return np.array(numbers, dtype=np.float64)[codes]


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _seconds(text: str) -> float | None:
    # Python 3.10 knows no Z, and decimals only by threes.
    text = _DECIMALS.sub(lambda match: match[0][:7].ljust(7, "0"), text.strip(), count=1)
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


def _bad(where: str, value: object, row: str, what: str) -> ValueError:
    return ValueError(
        f"{where} holds {value!r} in {row}, which is not {what}; correct it, name another column "
        "with --time or --rating, or take this one out of the file"
    )


def _split(frame: pd.DataFrame, values, where: str, row) -> dict[str, pd.DataFrame]:
    codes, texts = encode(values, where, row)
    split_of = {name: split for split, names in SPLIT_NAMES.items() for name in names}
    splits = [split_of.get(text.strip().lower()) for text in texts]
    if None in splits:
        bad = splits.index(None)
        raise ValueError(
            f"{where} holds {texts[bad]!r} in {row(int(np.argmax(codes == bad)))}; a split is "
            "train, valid or test (or 0, 1 or 2): correct it, or rename the column if it says "
            "something else"
        )
    missing = [split for split in ("train", "test") if split not in splits]
    if missing:
        raise ValueError(
            f"{where} has no row with {' or '.join(missing)}; mark some, or take the column out "
            "and split with --split"
        )
    of_row = np.array(splits, dtype=object)[codes]
    return {
        split: frame[of_row == split].reset_index(drop=True)
        for split in layouts.SPLITS
        if split in splits
    }
