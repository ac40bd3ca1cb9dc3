"""Features keyed by item id, in any order of rows, from arrays and tables."""

from __future__ import annotations

import csv
import io
import re
from logging import getLogger
from pathlib import Path
from typing import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute

from recbole_slmrec.data.feature_files import listed, open_features
from recbole_slmrec.data.id_forms import common_form, told
from recbole_slmrec.data.layouts import Matrix, Reading, Words
from recbole_slmrec.data.layouts.table_columns import (
    Table,
    encode,
    encode_ids,
    is_name,
    open_table,
)
from recbole_slmrec.data.matrix import open_npy, warn_of_counting
from recbole_slmrec.data.packed import bare, encoding_of

IDS_SUFFIXES = (".ids.txt", ".ids.csv", ".ids.npy")
ARRAY_SUFFIXES = (".npy", ".pt")
TABLE_SUFFIXES = (".csv", ".tsv", ".parquet")
_READ = (
    "features are read from .npy and .pt with ids beside them, and from .csv, .tsv and .parquet "
    "with a column of items"
)
# What pandas calls the numbering of rows when it is written, and when it is made a column.
_NUMBERING = re.compile(r"|Unnamed: 0(\.\d+)*|__index_level_\d+__")
_INDEX = re.compile(r"index|level_\d+")


def found(
    folder: Path, interactions: Path, item_column: str, reading: Reading
) -> tuple[dict[str, Path], list[str]]:
    """Every file of features in a folder, as a modality that is called by the file's name.

    An ending ``_feat`` or ``_features`` is not part of the modality's name.

    Args:
        folder: the folder.
        interactions: the file in it that holds the interactions.
        item_column: the name of its column of items.
        reading: the encoding of tables, where it is not to be recognised.

    Returns:
        The files by modality, and a line for each file that holds no features or is not read.

    Raises:
        ValueError: if two files would be one modality, or a table is damaged.
    """
    files: dict[str, Path] = {}
    left_out, unread = [], []
    for path in sorted(folder.iterdir()):
        if path == interactions or path.name.startswith("."):
            continue
        name = bare(path)
        suffix = name.suffix.lower()
        if name.stem.endswith(".ids") and name.name.endswith(IDS_SUFFIXES):
            continue
        if path.is_dir() or suffix not in (*ARRAY_SUFFIXES, *TABLE_SUFFIXES):
            unread.append(path.name)
            continue
        if suffix in TABLE_SUFFIXES:
            table = open_table(path, reading.encoding)
            obstacle = _obstacle(table, _item_column(table, item_column))
            if obstacle:
                left_out.append(f"{path.name} is left out: {obstacle}")
                continue
        modality = re.sub("_feat(ures)?$", "", name.stem)
        if modality in files:
            raise ValueError(
                f"{files[modality]} and {path} would both be the modality {modality}; say which "
                f"with --feature {modality}=FILE"
            )
        files[modality] = path
    if unread:
        left_out.append(f"{listed(unread)} is left out: {_READ}")
    return files, left_out


def read(
    files: dict[str, Path], item_column: str, items: np.ndarray, encoding: str | None
) -> tuple[dict[str, Matrix | Words], list[str]]:
    """Reads features and finds the row of each item by its id.

    Args:
        files: the file of each modality.
        item_column: the name of the column of items in the interactions.
        items: shape (n_items,), strings: the items' ids.
        encoding: of tables and lists of ids; None means recognise it.

    Returns:
        The features by modality, and a line about each.

    Raises:
        ValueError: if a file is not as it must be, or none of its ids is among ``items``.
    """
    features, remarks = {}, []
    for modality, path in files.items():
        features[modality], remark = _read(modality, path, item_column, items, encoding)
        remarks.append(f"modality {modality}: {remark}")
    return features, remarks


def read_keyed(modality: str, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Reads one array with ids beside it, or one table of numbers.

    Args:
        modality: its name, for messages.
        path: the file.

    Returns:
        The values, shape (n, D), and the item id of each row, shape (n,), each once.

    Raises:
        ValueError: if the file is not as it must be.
    """
    if path.suffix.lower() in ARRAY_SUFFIXES:
        return _from_array(modality, path, None)
    table, column = _open(modality, path, "item_id", None)
    if table.find("word"):
        raise ValueError(f"modality {modality}: {path} is a list of words; numbers are needed")
    return _from_table(table, column)


def _read(
    modality: str, path: Path, item_column: str, items: np.ndarray, encoding: str | None
) -> tuple[Matrix | Words, str]:
    if path.suffix.lower() in ARRAY_SUFFIXES:
        return _aligned(modality, path, *_from_array(modality, path, encoding), items)
    table, column = _open(modality, path, item_column, encoding)
    if table.find("word"):
        return _words(modality, table, column, items)
    return _aligned(modality, path, *_from_table(table, column), items)


def _open(modality: str, path: Path, item_column: str, encoding: str | None) -> tuple[Table, str]:
    table = open_table(path, encoding)
    column = _item_column(table, item_column)
    obstacle = _obstacle(table, column)
    if obstacle:
        raise ValueError(f"modality {modality}: {path} holds no features: {obstacle}")
    return table, column


def _item_column(table: Table, item_column: str) -> str | None:
    return item_column if item_column in table.columns else table.find("item")


def _value_columns(table: Table, item_column: str) -> list[str]:
    return [
        column
        for column in table.columns
        if column != item_column and not _is_numbering(table, column)
    ]


def _is_numbering(table: Table, column: str) -> bool:
    if _NUMBERING.fullmatch(column):
        return True
    if not _INDEX.fullmatch(column):
        return False
    try:
        batches = [batch.column(column).cast(pa.int64()) for batch in table.batches([column])]
    # Text that is no whole number, or values of another kind.
    except pa.ArrowException:
        return False
    return all(pa.compute.all(pa.compute.greater_equal(batch, 0)).as_py() for batch in batches)


def _obstacle(table: Table, item_column: str | None) -> str | None:
    if item_column is None:
        return f"it has no column that is known as the item; {table.listed()}"
    user = table.find("user")
    if user:
        return f"its column {user} speaks of users"
    columns = _value_columns(table, item_column)
    if not columns:
        return "it has no column beside the items"
    if table.find("word"):
        if len(columns) > 1:
            return f"a list of words has an item and a word in a row, and not {', '.join(columns)}"
        return None
    for column in columns:
        if column not in table.numeric:
            return (
                f"its column {column} holds no numbers; `python -m recbole_slmrec featurize` makes "
                "features of text"
            )
    return None


def _aligned(
    modality: str, path: Path, values: np.ndarray, ids: np.ndarray, items: np.ndarray
) -> tuple[Matrix, str]:
    positions = _positions(path, ids, items)
    known = np.flatnonzero(positions >= 0)
    rows = np.full(len(items), -1, dtype=np.int64)
    rows[positions[known]] = known
    remark = (
        f"{path.name} has {len(known):,} of {len(items):,} items (missing: "
        f"{len(items) - len(known):,}; left out, not in the interactions: "
        f"{len(ids) - len(known):,})"
    )
    return Matrix(f"{modality}.npy", values, rows), remark


def _positions(path: Path, ids: np.ndarray, items: np.ndarray) -> np.ndarray:
    positions = pd.Index(items, dtype=object).get_indexer(pd.Index(ids, dtype=object))
    if (positions < 0).all():
        raise ValueError(
            f"{path} has features of {ids[0]!r} and {len(ids) - 1:,} others, and the interactions "
            f"name {items[0]!r} and {len(items) - 1:,} others, but no item is in both; ids must be "
            "the same text in both files, leading zeros included"
        )
    _warn_of_forms(path, ids[positions < 0], items)
    return positions


def _warn_of_forms(path: Path, unknown: np.ndarray, items: np.ndarray) -> None:
    if not len(unknown):
        return
    known = {common_form(item): item for item in items}
    pairs = [(known.get(common_form(name)), name) for name in unknown]
    forms = told([(item, name) for item, name in pairs if item is not None])
    if forms:
        getLogger().warning(
            f"{path}: {forms}, of the interactions and of this file, and are left out; write an id "
            "in one form everywhere"
        )


def _from_array(modality: str, path: Path, encoding: str | None) -> tuple[np.ndarray, np.ndarray]:
    values = open_features(modality, path)
    beside = [path.with_name(path.stem + suffix) for suffix in IDS_SUFFIXES]
    there = [other for other in beside if other.is_file()]
    if len(there) != 1:
        has = " and ".join(other.name for other in there) or "no file of item ids"
        raise ValueError(
            f"modality {modality}: {path} has {has} beside it; rows are matched with items by id, "
            f"never by their order, so put the id of each row, one a line, into {beside[0].name} "
            f"(or {beside[1].name}, or an array into {beside[2].name}). To leave the file out, "
            "name the others with --feature NAME=FILE"
        )
    ids = _listed_ids(modality, there[0], len(values), encoding)
    if len(ids) != len(values):
        raise ValueError(
            f"modality {modality}: {there[0]} has {len(ids):,} ids, and {path} has "
            f"{len(values):,} rows; one id for each row is needed"
        )
    return values, _distinct(ids, str(there[0]), lambda k: f"entry {k + 1} (counting from 1)")


def _listed_ids(modality: str, path: Path, n_rows: int, encoding: str | None) -> pa.Array:
    if path.suffix == ".npy":
        ids = open_npy(modality, str(path))
        if ids.ndim != 1 or ids.dtype.kind not in "Uiuf":
            raise ValueError(
                f"modality {modality}: {path} holds {ids.dtype} of shape {ids.shape}; an array of "
                "texts or whole numbers, one for each row, is needed"
            )
        return pa.array(ids.tolist())
    try:
        text = path.read_bytes().decode(encoding_of(path, encoding))
        if path.suffix == ".csv":
            entries = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
        else:
            entries = [[line.removesuffix("\r")] for line in text.removesuffix("\n").split("\n")]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(
            f"modality {modality}: {path} cannot be read ({error}); save it anew, in UTF-8"
        ) from error
    wide = [position for position, entry in enumerate(entries) if len(entry) > 1]
    if wide:
        raise ValueError(
            f"modality {modality}: {path} has more than one column in row {wide[0] + 1}; only "
            "the item ids, one a line, are needed"
        )
    if len(entries) == n_rows + 1 and is_name(entries[0][0], "item"):
        del entries[0]
    return pa.array([entry[0] for entry in entries], pa.large_string())


def _from_table(table: Table, item_column: str) -> tuple[np.ndarray, np.ndarray]:
    columns = _value_columns(table, item_column)
    widths: dict[str, int] = {}
    ids, blocks, n_rows = [], [], 0
    for batch in table.batches([item_column], columns):
        if len(batch):
            ids.append(batch.column(item_column))
            blocks.append(_block(table, batch, columns, widths, n_rows))
            n_rows += len(batch)
    if not blocks:
        raise ValueError(f"{table.path} has columns, but no rows")
    where = f"{table.path}: column {item_column}"
    values = np.concatenate(blocks)
    left_out = [name for name in table.columns if name not in (item_column, *columns)]
    if left_out:
        getLogger().info(
            f"{table.path.name}: {', '.join(map(repr, left_out))} is left out, for pandas calls "
            "the numbers of rows so; name it otherwise if it is a feature"
        )
    if values.shape[1] == len(columns):
        warn_of_counting(str(table.path), values, columns)
    return values, _distinct(pa.chunked_array(ids), where, table.row)


def _block(
    table: Table, batch: pa.RecordBatch, columns: list[str], widths: dict[str, int], start: int
) -> np.ndarray:
    parts, labels = [], []
    for name in columns:
        values = batch.column(name)
        if pa.types.is_nested(values.type):
            width = _width(table, name, values, widths, start)
            values = values.flatten()
            labels += [f"{name}[{k}]" for k in range(width)]
        else:
            width = 1
            labels.append(name)
        numbers = values.cast(pa.float32(), safe=False).to_numpy(zero_copy_only=False)
        parts.append(numbers.reshape(len(batch), width))
    block = np.concatenate(parts, axis=1)
    finite = np.isfinite(block)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        raise ValueError(
            f"{table.path}: column {labels[column]} holds nothing, NaN or what is infinite in "
            f"float32 in {table.row(start + int(row))}; correct it, or leave the row out if the "
            "item has no features"
        )
    return block


def _width(table: Table, name: str, lists: pa.Array, widths: dict[str, int], start: int) -> int:
    lengths = pa.compute.fill_null(pa.compute.list_value_length(lists), 0).to_numpy()
    width = widths.setdefault(name, max(1, int(lengths[0])))
    wrong = np.flatnonzero(lengths != width)
    if len(wrong):
        raise ValueError(
            f"{table.path}: column {name} holds a list of {lengths[wrong[0]]} numbers in "
            f"{table.row(start + int(wrong[0]))}; all need one length, here {width}. Leave the row "
            "out if the item has no features"
        )
    return width


def _words(modality: str, table: Table, item_column: str, items: np.ndarray) -> tuple[Words, str]:
    word_column = table.find("word")
    batches = [batch for batch in table.batches([item_column, word_column]) if len(batch)]
    if not batches:
        raise ValueError(f"{table.path} has columns, but no rows")
    pairs = pa.Table.from_batches(batches)
    item_codes, ids = encode_ids(
        pairs[item_column], f"{table.path}: column {item_column}", table.row
    )
    word_codes, words = encode(pairs[word_column], f"{table.path}: column {word_column}", table.row)
    positions = _positions(table.path, ids, items)
    pair_items = positions[item_codes]
    kept = pair_items >= 0
    vocabulary = np.unique(word_codes[kept])
    number = np.empty(len(words), dtype=np.int64)
    number[vocabulary[np.argsort(words[vocabulary])]] = np.arange(len(vocabulary))
    n_known = np.count_nonzero(positions >= 0)
    remark = (
        f"{table.path.name} has {kept.sum():,} words of a vocabulary of {len(vocabulary):,} for "
        f"{n_known:,} of {len(items):,} items (missing: {len(items) - n_known:,}; left out, not in "
        f"the interactions: {len(ids) - n_known:,})"
    )
    return Words(f"{modality}_words.npy", pair_items[kept], number[word_codes[kept]]), remark


def _distinct(ids: pa.Array | pa.ChunkedArray, where: str, row: Callable[[int], str]) -> np.ndarray:
    codes, distinct = encode_ids(ids, where, row)
    if len(distinct) < len(codes):
        # Until the first repeat, codes count up by one.
        repeat = int(np.argmax(codes != np.arange(len(codes))))
        first = int(np.argmax(codes == codes[repeat]))
        raise ValueError(
            f"{where} has the id {distinct[codes[repeat]]!r} more than once: in {row(first)} and "
            f"{row(repeat)}; keep one row for each item"
        )
    return distinct
