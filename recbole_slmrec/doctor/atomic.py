"""An atomic file of RecBole's, read row by row for all that is wrong with it."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Sequence

from recbole_slmrec.doctor.finding import Finding, Findings, said
from recbole_slmrec.names import did_you_mean

_TYPES = ("token", "float", "token_seq", "float_seq")


@dataclass
class AtomicFile:
    """What could be read of a file.

    Attributes:
        path: where it is.
        columns: the cells of the id fields; the other fields that the header names are empty.
        n_rows: its rows, without the header.
        problems: what is wrong with it and what to do.
    """

    path: Path
    columns: dict[str, list[str]] = field(default_factory=dict)
    n_rows: int = 0
    problems: list[str] = field(default_factory=list)

    def findings(self) -> Findings:
        """One for each problem, or one that all is well."""
        for problem in self.problems:
            yield Finding(False, f"{self.path}: {problem}")
        if not self.problems:
            yield Finding(True, f"{self.path}: {self.n_rows:,} rows of {', '.join(self.columns)}")


def read_atomic(path: Path, ids: Sequence[str], loaded: Any, settings: dict) -> AtomicFile:
    """Reads ``path`` as RecBole does, and goes on where RecBole would stop.

    Args:
        path: the file.
        ids: the fields that hold ids, whose cells are kept.
        loaded: what load_col says for files of this kind.
        settings: ``field_separator`` and ``encoding``.
    """
    table = AtomicFile(path)
    if not path.is_file():
        table.problems.append(
            "there is no such file; put it there, or correct the settings of the data set "
            "(benchmark_filename, item_modalities)"
        )
        return table
    try:
        with open(path, encoding=settings.get("encoding"), newline="") as file:
            # RecBole reads with pandas, which treats quotes and empty lines in this way.
            rows = csv.reader(file, delimiter=settings["field_separator"])
            types = _header(table, next(rows, []), ids, loaded)
            if types:
                _rows(table, filter(None, rows), types, ids)
    except (OSError, ValueError, csv.Error) as error:
        table.problems.append(f"it cannot be read, {said(error)}; write it anew")
    return table


def _header(
    table: AtomicFile, header: list[str], ids: Sequence[str], loaded: Any
) -> dict[str, str]:
    """The type of each field; none where the header is so bad that rows cannot be read."""
    types = {}
    for cell in header:
        name, _, kind = cell.partition(":")
        if kind not in _TYPES:
            table.problems.append(
                f"its first line has {cell!r}, where a field is written name:type; types are "
                f"{', '.join(_TYPES)}: correct it"
            )
        if name in types:
            table.problems.append(f"its first line has the field {name} twice; rename one")
        types[name] = kind
    wanted = [*ids, *(loaded if isinstance(loaded, list) else [])]
    for name in dict.fromkeys(wanted):
        if name not in types:
            table.problems.append(
                f"it has no field {name}{did_you_mean(name, types)}; its fields are "
                f"{', '.join(types) or 'none'}: correct its first line, or the settings that name "
                "it (load_col, USER_ID_FIELD, ITEM_ID_FIELD)"
            )
    return types if len(types) == len(header) else {}


def _rows(table: AtomicFile, rows, types: dict[str, str], ids: Sequence[str]) -> None:
    table.columns = {name: [] for name in types}
    kept = {name: table.columns[name] for name in ids if name in types}
    first: dict[str, int] = {}
    for number, cells in enumerate(rows):
        table.n_rows += 1
        if len(cells) != len(types):
            first.setdefault(f"{len(cells)} fields, where the header has {len(types)}", number)
            continue
        for (name, kind), cell in zip(types.items(), cells):
            if name in kept:
                kept[name].append(cell)
                if not cell:
                    first.setdefault(f"no {name}", number)
            elif kind == "float" and cell and not _is_number(cell):
                first.setdefault(f"{cell!r} as {name}, which is a float", number)
    for problem, number in first.items():
        table.problems.append(f"row {number} (counting from 0) has {problem}; correct it")
    if table.n_rows == 0:
        table.problems.append("it has no rows; write them, or drop the file from the settings")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
