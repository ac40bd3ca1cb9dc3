"""The rows of a text table: where each ends, and what its quotation marks mean."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import Callable, Iterator, TextIO

_ENCLOSED = re.compile('"((?:[^"]|"")*)"')

OpenText = Callable[[], TextIOWrapper]


@dataclass(frozen=True)
class Rows:
    """What a look through a table has found.

    Attributes:
        n: its rows below the header, blank lines apart.
        quoted: whether quotation marks enclose fields as in CSV, where a field may hold separators
            and line breaks. Otherwise each line is a row, and a quotation mark is a character like
            any other, but for a pair that encloses a whole field.
        problem: what is wrong with a row; empty if nothing is.
        doubtful: first and last line of what CSV takes for one row, and each line could be one.
        nul: the first line with a NUL character, None where there is none.
        marked: whether it has a quotation mark at all.
    """

    n: int
    quoted: bool = False
    problem: str = ""
    doubtful: list[tuple[int, int]] = field(default_factory=list)
    nul: int | None = None
    marked: bool = False

    def warnings(self, path: Path | str) -> list[str]:
        """A sentence about the first doubtful lines."""
        if not self.doubtful:
            return []
        first, last = self.doubtful[0]
        others = f" (and {len(self.doubtful) - 1:,} more such places)" if self.doubtful[1:] else ""
        if self.quoted:
            how = "one row, for a field in quotation marks goes on over them, and could be rows"
            remedy = f"if the mark in line {first} is part of a text, double it"
        else:
            how = "rows, though a field in quotation marks could go on over them"
            remedy = "if it does, take the line breaks out of the text"
        return [f"{path}: lines {first} to {last} are read as {how}{others}; {remedy}"]


def look_through(open_text: OpenText, separator: str) -> Rows:
    """Counts the rows of a table and finds out what its quotation marks mean.

    Where each line has as many fields as the header and the marks are not those of CSV, or make one
    row of several lines, they are part of the texts: a reader of CSV would swallow all up to the
    next mark.

    Args:
        open_text: opens the table; its first line that is not blank is the header.
        separator: stands between fields.
    """
    try:
        with open_text() as file:
            lines = _look_at_lines(file, separator)
    except UnicodeDecodeError:
        return Rows(0, problem=undecodable(open_text))
    if not lines.marked or len(separator) > 1:
        return Rows(lines.n, problem=lines.problem, nul=lines.nul, marked=lines.marked)
    with open_text() as file:
        records = _look_at_csv(file, separator)
    if not lines.wrong and (records.problem or records.long):
        doubtful = [] if records.problem else records.long
        return Rows(lines.n, doubtful=doubtful, nul=lines.nul, marked=True)
    wrong = set(lines.wrong)
    doubtful = [span for span in records.long if wrong.isdisjoint(range(span[0], span[1] + 1))]
    return Rows(records.n, True, records.problem, doubtful, lines.nul, marked=True)


def parsed(open_text: OpenText, separator: str, quoted: bool) -> Iterator[tuple[int, list[str]]]:
    """Reads a table row by row, the header too; blank lines are passed over.

    Args:
        open_text: opens the table.
        separator: stands between fields.
        quoted: as ``look_through`` tells.

    Yields:
        The number of a row's first line, counted from 1, and its fields.
    """
    with open_text() as file:
        if quoted:
            records = csv.reader(file, delimiter=separator)
            line = 1
            for fields in records:
                if not _is_blank(fields):
                    yield line, fields
                line = records.line_num + 1
            return
        for line, text in enumerate(file, 1):
            fields = text.removesuffix("\n").split(separator)
            if not _is_blank(fields):
                yield line, [unquoted(field) for field in fields]


def unquoted(field: str) -> str:
    """A field without the quotation marks that enclose it, if they do."""
    enclosed = _ENCLOSED.fullmatch(field)
    return enclosed[1].replace('""', '"') if enclosed else field


def undecodable(open_text: OpenText) -> str:
    """Says which line of a file is no text in the encoding that it is opened in."""
    with open_text() as file:
        encoding = file.encoding.removesuffix("-sig").upper()
        file.reconfigure(errors="surrogateescape")
        try:
            lines = (n for n, line in enumerate(file, 1) if not line.isascii() and _escaped(line))
            return f"line {next(lines)} is no text in {encoding}"
        # Encodings of more than one byte a character have no such escape.
        except UnicodeDecodeError:
            return f"it is no text in {encoding}"


def line_of(open_text: OpenText, separator: str, quoted: bool, row: int) -> int:
    """The number of the line, counted from 1, in which a row below the header begins."""
    for number, (line, _) in enumerate(parsed(open_text, separator, quoted)):
        if number == row + 1:
            return line
    raise IndexError(row)


@dataclass
class _Lines:
    n: int = 0
    marked: bool = False
    wrong: list[int] = field(default_factory=list)
    problem: str = ""
    nul: int | None = None


@dataclass
class _Records:
    n: int = 0
    long: list[tuple[int, int]] = field(default_factory=list)
    problem: str = ""


def _look_at_lines(file: TextIO, separator: str) -> _Lines:
    found = _Lines()
    n_separators = None
    for number, line in enumerate(file, 1):
        if '"' in line:
            found.marked = True
        if "\0" in line:
            found.nul = found.nul or number
        count = line.count(separator)
        if count != n_separators or not count:
            if not line.strip(" \n"):
                continue
            if n_separators is None:
                n_separators = count
            elif count != n_separators:
                found.problem = found.problem or _of_another_length(number, count, n_separators)
                found.wrong.append(number)
        found.n += 1
    found.n = max(found.n - 1, 0)
    return found


def _look_at_csv(file: TextIO, separator: str) -> _Records:
    found = _Records()
    records = csv.reader(file, delimiter=separator, strict=True)
    n_fields, line = None, 1
    try:
        for fields in records:
            if not _is_blank(fields):
                n_fields = n_fields or len(fields)
                if len(fields) != n_fields:
                    found.problem = _of_another_length(line, len(fields) - 1, n_fields - 1)
                    return found
                if records.line_num > line:
                    found.long.append((line, records.line_num))
                found.n += 1
            line = records.line_num + 1
    except csv.Error as error:
        found.problem = (
            f"a field in quotation marks that begins in line {line} does not end as in CSV "
            f"({error}, line {records.line_num}); double each mark that is part of a text"
        )
    found.n = max(found.n - 1, 0)
    return found


def _escaped(line: str) -> bool:
    return any("\udc80" <= character <= "\udcff" for character in line)


def _is_blank(fields: list[str]) -> bool:
    return not fields or (len(fields) == 1 and (not fields[0] or fields[0].isspace()))


def _of_another_length(line: int, n_separators: int, in_header: int) -> str:
    return f"line {line} has {n_separators + 1} fields, where the header has {in_header + 1}"
