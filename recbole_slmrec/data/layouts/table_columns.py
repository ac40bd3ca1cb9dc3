"""The columns of a text table or Parquet file: which there are, and the ids that they hold."""

from __future__ import annotations

import csv
import re
from collections import Counter
from functools import cached_property
from io import TextIOWrapper
from logging import getLogger
from pathlib import Path
from typing import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet

from recbole_slmrec.data.packed import ERRORS, bare, encoding_of, open_bytes, open_text
from recbole_slmrec.data.rows import Rows, look_through, undecodable, unquoted
from recbole_slmrec.names import did_you_mean

SEPARATORS = {".csv": ",", ".tsv": "\t", ".txt": "\t", ".inter": "\t"}
# Where a header has no separator of its ending's, the first of these that it has.
_OTHER_SEPARATORS = (";", ",", "\t", "|")
N_NAMED = 12
FLAGS = ("user", "item", "rating", "time")

_USERS = ("user", "visitor", "customer", "reviewer", "account", "member")
_ITEMS = ("item", "product", "movie", "video", "book", "article", "news", "song", "track", "photo")
# In small letters and without separators.
NAMES = {
    "user": {"uid", *_USERS, *(f"{name}id" for name in _USERS)},
    "item": {"iid", "asin", "parentasin", *_ITEMS, *(f"{name}id" for name in _ITEMS)},
    "rating": {"rating", "ratings", "score", "stars", "overall"},
    "time": {
        *("time", "timestamp", "ts", "unixtime", "date", "datetime"),
        *("reviewtime", "unixreviewtime"),
    },
    "split": {"split", "xlabel"},
    "word": {"word", "wordid", "token", "tokenid"},
}
# Goes before others: Amazon's reviews have the day as text beside it.
_SURER = "unixreviewtime"

_FIELD_TYPE = re.compile(":(token|token_seq|float|float_seq)$")
_FLOAT = re.compile(r"[-+]?(\d+\.\d*|\.\d+)([eE][-+]?\d+)?")
_SAY_ENCODING = "; say what it is in with --encoding, such as --encoding=cp1252 or utf-16-le"
# RecBole's files are lines of fields between tabs, and Python 3.10 reads no NUL in them.
_UNUSABLE = re.compile("[\t\n\r\0]")


class Table:
    """A file of rows under named columns.

    Attributes:
        path: the file.
        columns: the columns' names, without the field type that RecBole's files add.
        numeric: those of them that hold numbers or lists of numbers.
        note: how the file was understood, where its name does not say; empty, or in brackets.
    """

    path: Path
    columns: list[str]
    numeric: list[str]
    note = ""

    def row(self, position: int) -> str:
        """Says which row of the file stands at a position counted from 0."""
        raise NotImplementedError

    def batches(self, columns: Sequence[str], numbers: Sequence[str] = ()) -> Iterator[pa.Table]:
        """Reads the file in pieces of some thousand rows.

        Args:
            columns: columns to be read as they are: as text from a text file.
            numbers: further columns, to be read as numbers.

        Raises:
            ValueError: if the file is damaged or a number is not one.
        """
        raise NotImplementedError

    def find(self, role: str, given: str | None = None) -> str | None:
        """The column with a role such as ``user``: the one that is given, or one of a usual name.

        Raises:
            ValueError: if the column that is given is not there, or several have a usual name.
        """
        if given is not None:
            if given in self.columns:
                return given
            raise ValueError(
                f"{self.path} has no column {given!r}{did_you_mean(given, self.columns)}; "
                f"{self.listed()}"
            )
        usual = [column for column in self.columns if is_name(column, role)]
        usual = [column for column in usual if _plain(column) == _SURER] or usual
        if len(usual) > 1:
            remedy = f"say which with --{role}=COLUMN" if role in FLAGS else "rename all but one"
            raise ValueError(
                f"{self.path} has {len(usual)} columns that may be the {role}: "
                f"{', '.join(usual)}; {remedy}"
            )
        return usual[0] if usual else None

    def listed(self) -> str:
        """Lists the columns for a message, and wonders whether the first row is a header at all."""
        listed = ", ".join(self.columns[:N_NAMED])
        if len(self.columns) > N_NAMED:
            listed += f", ... ({len(self.columns):,} in all)"
        if isinstance(self, TextTable) and any(is_number(column) for column in self.columns):
            return f"the file seems to have no header: its first row is {listed}; put one on top"
        return f"its columns are {listed}"


class TextTable(Table):
    """A file of lines with a header, such as CSV; it may be compressed.

    Attributes:
        separator: what stands between the values of a line.
    """

    def __init__(self, path: Path, encoding: str | None):
        self.path = path
        self.separator = SEPARATORS[bare(path).suffix.lower()]
        try:
            self._encoding = encoding_of(path, encoding)
            header, first = self._first_rows()
            if len(header) == 1:
                others = (other for other in _OTHER_SEPARATORS if other in header[0])
                self.separator = next(others, self.separator)
                self.note = f" (separated by {self.separator!r})"
                header, first = self._first_rows()
        except UnicodeDecodeError as error:
            raise _damaged(path, f"{undecodable(self._open)}{_SAY_ENCODING}") from error
        except (csv.Error, *ERRORS) as error:
            raise _damaged(path, error) from error
        if not header:
            raise ValueError(f"{path} is empty; a header with the columns' names is needed")
        self.columns = [_FIELD_TYPE.sub("", column) for column in header]
        _check_distinct(path, self.columns)
        texts = {column for column, value in zip(self.columns, first) if not is_number(value or 0)}
        self.numeric = [column for column in self.columns if column not in texts]

    def row(self, position: int) -> str:
        return f"row {position + 2} (the header is row 1)"

    def batches(self, columns: Sequence[str], numbers: Sequence[str] = ()) -> Iterator[pa.Table]:
        types = {
            **{column: pa.large_string() for column in columns},
            **{column: pa.float32() for column in numbers},
        }
        quoted = self._rows.quoted
        # With threads, errors would not say the row.
        reading = pa.csv.ReadOptions(
            use_threads=False,
            column_names=self.columns,
            skip_rows_after_names=1,
            encoding=self._encoding.removesuffix("-sig"),
        )
        parsing = pa.csv.ParseOptions(
            delimiter=self.separator,
            quote_char='"' if quoted else False,
            newlines_in_values=quoted,
        )
        conversion = pa.csv.ConvertOptions(
            column_types=types, include_columns=list(types), strings_can_be_null=False
        )
        n_read = 0
        try:
            with open_bytes(self.path) as file:
                for batch in pa.csv.open_csv(file, reading, parsing, conversion):
                    n_read += len(batch)
                    yield batch if quoted else _without_marks(batch)
        except pa.ArrowException as error:
            # Arrow counts columns from 0, and rows from the header, which is row 1.
            named = re.sub(
                r"In CSV column #(\d+): Row #(\d+)",
                lambda match: f"column {self.columns[int(match[1])]}, row {match[2]}",
                str(error),
            )
            raise _damaged(self.path, named) from error
        if n_read < self._rows.n:
            raise _damaged(self.path, f"of its {self._rows.n:,} rows, {n_read:,} can be read")

    def _first_rows(self) -> tuple[list[str], list[str]]:
        with self._open() as file:
            # Before Python 3.11 the csv module refuses them itself, and names no encoding.
            if "\0" in file.readline():
                raise _damaged(self.path, f"its first line has NUL characters{_SAY_ENCODING}")
        with self._open() as file:
            rows = csv.reader(file, delimiter=self.separator)
            filled = (row for row in rows if row)
            return next(filled, []), next(filled, [])

    @cached_property
    def _rows(self) -> Rows:
        try:
            rows = look_through(self._open, self.separator)
        except ERRORS as error:
            raise _damaged(self.path, error) from error
        if rows.problem:
            remedy = _SAY_ENCODING if "is no text in" in rows.problem else ""
            raise _damaged(self.path, rows.problem + remedy)
        for warning in rows.warnings(self.path):
            getLogger().warning(warning)
        return rows

    def _open(self) -> TextIOWrapper:
        return open_text(self.path, self._encoding)


class ParquetTable(Table):
    """A Parquet file."""

    def __init__(self, path: Path):
        self.path = path
        try:
            with pa.parquet.ParquetFile(path) as file:
                schema = file.schema_arrow
        except (pa.ArrowException, OSError) as error:
            raise _damaged(path, error) from error
        self.columns = schema.names
        _check_distinct(path, self.columns)
        self.numeric = [field.name for field in schema if _is_numeric(field.type)]

    def row(self, position: int) -> str:
        return f"row {position + 1} (counting from 1)"

    def batches(self, columns: Sequence[str], numbers: Sequence[str] = ()) -> Iterator[pa.Table]:
        try:
            with pa.parquet.ParquetFile(self.path) as file:
                yield from file.iter_batches(columns=[*columns, *numbers])
        except (pa.ArrowException, OSError) as error:
            raise _damaged(self.path, error) from error


def open_table(path: Path, encoding: str | None = None) -> Table:
    """Looks at the columns of a file.

    Args:
        path: the file.
        encoding: of its text; None means that a byte order mark tells, and else UTF-8.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no table, or two of its columns have one name.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist")
    if path.suffix.lower() == ".parquet":
        return ParquetTable(path)
    if bare(path).suffix.lower() in SEPARATORS:
        return TextTable(path, encoding)
    raise ValueError(
        f"{path} is no table that can be read: its name must end in {', '.join(SEPARATORS)} (and "
        "there may follow .gz, .bz2, .xz, .zip or .zst) or in .parquet"
    )


def encode(values: pa.Array | pa.ChunkedArray, where: str, row: Callable[[int], str]):
    """Numbers the distinct texts of a column in the order of their first appearance.

    Args:
        values: n texts or whole numbers; a whole number counts as the text that it is written as.
        where: names the column in messages.
        row: says which row stands at a position.

    Returns:
        codes: shape (n,), int64: the number of each value's text.
        distinct: shape (n_distinct,), strings: the texts.

    Raises:
        ValueError: if the column holds something else, or a row nothing.
    """
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    kind = values.type
    if values.null_count:
        raise ValueError(f"{where} holds nothing in {row(_first(values.is_null()))}; fill it in")
    if pa.types.is_floating(kind):
        raise ValueError(_floats(where, values[0].as_py(), row(0)))
    if not (
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind)
    ):
        raise ValueError(f"{where} holds values of type {kind}; text or whole numbers are needed")
    encoded = values.cast(pa.large_string()).dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    distinct = np.array(encoded.dictionary.to_pylist(), dtype=object)
    return encoded.indices.to_numpy().astype(np.int64), distinct


def encode_ids(values: pa.Array | pa.ChunkedArray, where: str, row: Callable[[int], str]):
    """Numbers the distinct ids of a column, each the string that stands there; see ``encode``.

    Raises:
        ValueError: if an id is empty or unusable in RecBole's files, or all of them are floats.
    """
    codes, distinct = encode(values, where, row)
    for code, name in enumerate(distinct):
        if not name or _UNUSABLE.search(name):
            what = f"the id {name!r}, with a tab, a line break or a NUL" if name else "an empty id"
            raise ValueError(
                f"{where} holds {what}, in {row(_first(codes == code))}; RecBole's files cannot "
                "hold it: correct it, or leave the row out"
            )
    if len(distinct) and all(_FLOAT.fullmatch(name) for name in distinct):
        raise ValueError(_floats(where, distinct[0], row(0)))
    return codes, distinct


def is_name(column: str, role: str) -> bool:
    """Whether a column's name is usual for a role, whatever its capitals and separators."""
    return _plain(column) in NAMES[role]


def _plain(column: str) -> str:
    return re.sub("[^a-z0-9]", "", column.lower())


def is_number(text: str | float) -> bool:
    """Whether a text can be read as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_numeric(kind: pa.DataType) -> bool:
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        kind = kind.value_type
    return (
        pa.types.is_floating(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_decimal(kind)
    )


def _without_marks(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Takes quotation marks off that enclose a whole field."""
    columns = [
        pa.array(map(unquoted, column.to_pylist()), column.type) if _has_marks(column) else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _has_marks(column: pa.Array) -> bool:
    if not pa.types.is_large_string(column.type):
        return False
    return pa.compute.any(pa.compute.starts_with(column, '"')).as_py() is True


def _first(mask) -> int:
    return int(np.argmax(np.asarray(mask)))


def _floats(where: str, value: object, row: str) -> str:
    return (
        f"{where} holds floats ({value} in {row}); ids are text or whole numbers, so save it as "
        "such (in pandas, astype('Int64') or astype(str))"
    )


def _check_distinct(path: Path, columns: list[str]) -> None:
    twice = [column for column, count in Counter(columns).items() if count > 1]
    if twice:
        raise ValueError(f"{path} has more than one column {twice[0]!r}; rename all but one")


def _damaged(path: Path, error: Exception | str) -> ValueError:
    return ValueError(
        f"{path} cannot be read as the table that its name promises ({error}); correct it there, "
        "or save it anew, in UTF-8 if it is text"
    )
