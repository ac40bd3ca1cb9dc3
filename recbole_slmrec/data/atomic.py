"""RecBole's atomic files, looked at row by row for all that is wrong with them."""

from __future__ import annotations

import codecs
import csv
import math
import re
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Mapping, Sequence

from recbole_slmrec.data.rows import OpenText, look_through, parsed, undecodable, unquoted
from recbole_slmrec.names import did_you_mean

_TYPES = ("token", "float", "token_seq", "float_seq")
_DATE = re.compile(r"\d{4}-\d\d|\d\d?[./]\d\d?[./]\d{2,4}|\d\d?:\d\d")


@dataclass
class AtomicFile:
    """What could be read of a file.

    Attributes:
        path: where it is.
        types: the type of each field that its first line names.
        columns: the cells of the id fields; the other fields are empty.
        n_rows: its rows, without the header.
        problems: what is wrong with it and what to do.
    """

    path: Path
    types: dict[str, str] = field(default_factory=dict)
    columns: dict[str, list[str]] = field(default_factory=dict)
    n_rows: int = 0
    problems: list[str] = field(default_factory=list)


def opener(path: Path, encoding: str | None) -> OpenText:
    """What opens an atomic file as RecBole does, but for a byte order mark, which is left out."""
    return partial(open, path, encoding=without_mark(encoding))


def without_mark(encoding: str | None) -> str:
    """The encoding, UTF-8 by default, in which a byte order mark is none of the text."""
    name = codecs.lookup(encoding or "utf-8").name
    return "utf-8-sig" if name == "utf-8" else name


def read_header(
    path: Path, ids: Sequence[str], loaded: Any, settings: Mapping[str, Any]
) -> AtomicFile:
    """Reads the first line of ``path``.

    Args:
        path: the file.
        ids: the fields that hold ids.
        loaded: what load_col says for files of this kind.
        settings: ``field_separator`` and ``encoding``.
    """
    table = AtomicFile(path)
    open_text = opener(path, settings.get("encoding"))
    try:
        with open_text() as file:
            line = file.readline().removesuffix("\n")
    except UnicodeDecodeError:
        table.problems.append(f"{undecodable(open_text)}; save it anew in UTF-8")
        return table
    for cell in line.split(settings["field_separator"]) if line else []:
        name, _, kind = unquoted(cell).partition(":")
        if kind not in _TYPES:
            table.problems.append(
                f"its first line has {cell!r}, where a field is written name:type; types are "
                f"{', '.join(_TYPES)}: correct it"
            )
        if name in table.types:
            table.problems.append(f"its first line has the field {name} twice; rename one")
        table.types[name] = kind
    wanted = [*ids, *(loaded if isinstance(loaded, list) else [])]
    for name in dict.fromkeys(wanted):
        if name not in table.types:
            table.problems.append(
                f"it has no field {name}{did_you_mean(name, table.types)}; its fields are "
                f"{', '.join(table.types) or 'none'}: correct its first line, or the settings that "
                "name it (load_col, USER_ID_FIELD, ITEM_ID_FIELD)"
            )
    return table


def examine(path: Path, ids: Sequence[str], loaded: Any, settings: Mapping[str, Any]) -> AtomicFile:
    """Reads ``path`` as RecBole does, and goes on where RecBole would stop.

    Args:
        path: the file.
        ids: the fields that hold ids, whose cells are kept.
        loaded: what load_col says for files of this kind.
        settings: ``field_separator``, ``seq_separator``, ``encoding`` and ``TIME_FIELD``.
    """
    if not path.is_file():
        missing = (
            "there is no such file; put it there, or correct the settings of the data set "
            "(benchmark_filename, item_modalities)"
        )
        return AtomicFile(path, problems=[missing])
    table = read_header(path, ids, loaded, settings)
    if table.types and not any("first line has" in problem for problem in table.problems):
        _examine_rows(table, ids, loaded, settings)
    return table


def _examine_rows(
    table: AtomicFile, ids: Sequence[str], loaded: Any, settings: Mapping[str, Any]
) -> None:
    open_text, separator = opener(table.path, settings.get("encoding")), settings["field_separator"]
    look = look_through(open_text, separator)
    table.columns = {name: [] for name in table.types}
    read = {
        name: kind
        for name, kind in table.types.items()
        if not isinstance(loaded, list) or name in loaded
    }
    first: dict[str, int] = {}
    try:
        rows = parsed(open_text, separator, look.quoted)
        _, header = next(rows)
        for line, cells in rows:
            table.n_rows += 1
            if len(cells) != len(header):
                wrong = f"{len(cells)} fields, where the header has {len(header)}; correct it"
                first.setdefault(wrong, line)
                continue
            if cells == header:
                first.setdefault("the header again; take the line out", line)
            for name, cell in zip(table.types, cells):
                if name in ids:
                    table.columns[name].append(cell)
                if name in read or name in ids:
                    problem = _problem(name, table.types[name], cell, name in ids, settings)
                    if problem:
                        first.setdefault(problem, line)
    except (UnicodeDecodeError, csv.Error) as error:
        table.problems.append(f"{look.problem or error}; correct it")
        return
    table.problems += [f"line {line} has {problem}" for problem, line in first.items()]
    if look.nul:
        table.problems.append(f"line {look.nul} has a NUL character; take it out")
    if look.problem and not table.problems:
        table.problems.append(f"{look.problem}; correct it")
    if table.n_rows == 0:
        table.problems.append("it has no rows; write them, or drop the file from the settings")


def _problem(name: str, kind: str, cell: str, is_id: bool, settings: Mapping[str, Any]) -> str:
    if is_id:
        return "" if cell else f"no {name}; correct it"
    if not cell and name == settings["TIME_FIELD"]:
        return f"no {name}; write it, or take {name} out of load_col"
    separator = settings["seq_separator"]
    numbers = cell.split(separator) if kind == "float_seq" else [cell]
    if not kind.startswith("float") or all(map(_is_number, filter(None, numbers))):
        return ""
    remedy = "correct it"
    if kind == "float_seq":
        remedy = f"separate its numbers by {'a space' if separator == ' ' else repr(separator)}"
    elif _DATE.search(cell):
        remedy = "write a time as a number, such as the seconds since 1970"
    return f"{cell!r} as {name}, which is a {kind}; {remedy}"


def _is_number(cell: str) -> bool:
    try:
        return not math.isinf(float(cell)) and "_" not in cell
    except ValueError:
        return False
