"""Recommendations as a file, written as they come: CSV, JSON lines or Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Iterable

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from recbole_slmrec.data.files import check_folder, whole_file

# A Parquet file is read a group of rows at a time: small ones cost as much as large ones.
_ROWS_PER_GROUP = 2**17
# What JSON leaves as it is and str.splitlines takes for the end of a line.
_ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in "\x85\u2028\u2029"}


def write(frames: Iterable[pd.DataFrame], path: Path) -> int:
    """Writes frames of the same columns one after the other; the file appears when all are there.

    Args:
        frames: at least one.
        path: ends in ``.csv``, ``.jsonl`` or ``.parquet``.

    Returns:
        The number of rows.

    Raises:
        ValueError: for another ending.
        FileNotFoundError: if the folder is not there.
    """
    check(path)
    with whole_file(path) as partial:
        return _WRITERS[path.suffix](frames, partial)


def check(path: Path) -> None:
    """Raises what :func:`write` would raise for ``path``, before any work is done."""
    if path.suffix not in _WRITERS:
        raise ValueError(f"{path} must end in {', '.join(_WRITERS)}: the ending says the format")
    check_folder(path)


def _write_csv(frames: Iterable[pd.DataFrame], path: Path) -> int:
    n_rows = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        for number, frame in enumerate(frames):
            frame.to_csv(file, index=False, header=number == 0, lineterminator="\n")
            n_rows += len(frame)
    return n_rows


def _write_jsonl(frames: Iterable[pd.DataFrame], path: Path) -> int:
    n_rows = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for frame in frames:
            if len(frame):
                lines = frame.to_json(
                    orient="records", lines=True, force_ascii=False, double_precision=15
                )
                file.write(lines.translate(_ESCAPES))
            n_rows += len(frame)
    return n_rows


def _write_parquet(frames: Iterable[pd.DataFrame], path: Path) -> int:
    n_rows, waiting, writer = 0, [], None
    try:
        for frame in frames:
            table = pa.Table.from_pandas(frame, preserve_index=False)
            writer = writer or pq.ParquetWriter(path, _plain(table.schema))
            waiting.append(table.cast(writer.schema))
            n_rows += len(frame)
            if sum(map(len, waiting)) >= _ROWS_PER_GROUP:
                writer.write_table(pa.concat_tables(waiting))
                waiting = []
        if waiting:
            writer.write_table(pa.concat_tables(waiting))
    finally:
        if writer:
            writer.close()
    return n_rows


def _plain(schema: pa.Schema) -> pa.Schema:
    # A frame without rows has columns of type null, and pandas leaves a note of its own.
    fields = [
        pa.field(field.name, pa.string() if pa.types.is_null(field.type) else field.type)
        for field in schema
    ]
    return pa.schema(fields)


_WRITERS = {".csv": _write_csv, ".jsonl": _write_jsonl, ".parquet": _write_parquet}
