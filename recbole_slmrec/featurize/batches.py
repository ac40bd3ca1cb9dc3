"""Encoding in batches, which goes on where an interrupted run has stopped."""

from __future__ import annotations

import glob
import hashlib
import json
from contextlib import contextmanager
from logging import getLogger
from pathlib import Path
from typing import Any, Iterable, Iterator, Protocol

import numpy as np
from tqdm import tqdm

from recbole_slmrec.data.files import allocate, writing
from recbole_slmrec.data.records import read_record, write_record


class Encoder(Protocol):
    """What turns texts or images into vectors.

    Attributes:
        width: the length of a vector.
    """

    width: int

    def encode(self, batch: list) -> list[np.ndarray | None]:
        """A vector of shape (width,) for each input, None for one that cannot be read."""


@contextmanager
def encoded_rows(
    target: Path,
    made_of: dict[str, Any],
    n_rows: int,
    inputs: dict[int, Any],
    encoder: Encoder,
    batch_size: int,
) -> Iterator[tuple[np.ndarray, list[int]]]:
    """Encodes inputs into a hidden file beside ``target``, batch by batch.

    Beside that file lies a note of what it is made of and how far it is. If the block or the
    encoding is interrupted, both stay, and the next call that is made of the same goes on from
    there; one that is made of something else discards them. When the block ends they are removed.

    Args:
        target: the file that the rows are for; it is not touched.
        made_of: plain values that determine the result.
        n_rows: the number of rows.
        inputs: row number to input; encoded in the order given.
        encoder: encodes them.
        batch_size: how many at a time; >= 1.

    Yields:
        The rows, shape (n_rows, width), float32, zero where there is no input or it cannot be read;
        and the numbers of the rows that cannot be read.

    Raises:
        ValueError: if a vector has a value that is not finite.
    """
    made_of = {**made_of, "rows": n_rows, "width": encoder.width}
    digest = digest_of(json.dumps(made_of, sort_keys=True))
    note_path = target.with_name(f".{target.name}.{digest}.json")
    rows_path = note_path.with_suffix(".unfinished")
    _discard_others(target, note_path, made_of)
    note = _note_of(note_path)
    rows = _rows_so_far(rows_path, (n_rows, encoder.width)) if note else None
    if rows is not None:
        getLogger().info(f"going on after {note['done']:,} of {len(inputs):,}")
    else:
        note = {"made_of": made_of, "done": 0, "unreadable": []}
        rows = _empty_rows(rows_path, (n_rows, encoder.width), target)
    for batch in _batches(inputs, note["done"], batch_size):
        for row, vector in zip(batch, encoder.encode([inputs[row] for row in batch])):
            if vector is None:
                note["unreadable"].append(row)
                continue
            if not np.isfinite(vector).all():
                raise ValueError(f"the model makes NaN or infinite values of {inputs[row]!r:.200}")
            rows[row] = vector
        rows.flush()
        note["done"] += len(batch)
        write_record(note_path, note)
    yield rows, note["unreadable"]
    note_path.unlink(missing_ok=True)
    rows_path.unlink()


def _note_of(path: Path) -> dict[str, Any] | None:
    """What is done so far; None where nothing is, or the file is damaged: then all is done anew."""
    try:
        return read_record(path, "it is made anew") if path.is_file() else None
    except ValueError as error:
        getLogger().warning(str(error))
        return None


def _rows_so_far(path: Path, shape: tuple[int, int]) -> np.memmap | None:
    try:
        rows = np.lib.format.open_memmap(path, mode="r+")
    except Exception:  # a damaged header raises whatever its parser stumbles over
        return None
    return rows if rows.shape == shape and rows.dtype == np.float32 else None


def _empty_rows(path: Path, shape: tuple[int, int], target: Path) -> np.memmap:
    try:
        with writing(target):
            rows = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
            allocate(path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return rows


def digest_of(*parts: Any) -> str:
    """A short digest of values, by how they are written."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:16]


def digest_of_files(files: Iterable[Path]) -> str:
    """A short digest of files by name, size and time of change, for contents take long to read."""
    stats = [(file.name, file.stat()) for file in files]
    return digest_of(*((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats))


def _batches(inputs: dict[int, Any], done: int, batch_size: int) -> Iterator[list[int]]:
    rows = list(inputs)
    with tqdm(total=len(rows), initial=done, unit=" items", disable=None) as progress:
        for start in range(done, len(rows), batch_size):
            batch = rows[start : start + batch_size]
            yield batch
            progress.update(len(batch))


def _discard_others(target: Path, note_path: Path, made_of: dict[str, Any]) -> None:
    for other in target.parent.glob(f".{glob.escape(target.name)}.*.unfinished"):
        note = other.with_suffix(".json")
        if note == note_path:
            continue
        if earlier := _note_of(note):
            found = earlier["made_of"]
            differ = [key for key in {**found, **made_of} if found.get(key) != made_of.get(key)]
            getLogger().warning(
                f"what an earlier run left of {target.name} is discarded, for its "
                f"{' and '.join(differ)} differ"
            )
        note.unlink(missing_ok=True)
        other.unlink()
