"""The files of a data set that RecBole reads, each written from a source."""

from __future__ import annotations

import io
import mmap
from functools import partial
from pathlib import Path
from typing import Callable

import numpy as np
import pandas as pd
import yaml

from recbole_slmrec.data.layouts import SPLITS, Matrix, Source, Words
from recbole_slmrec.data.matrix import BLOCK_ELEMENTS


def writers(name: str, source: Source, cold: np.ndarray) -> dict[str, Callable[[Path], None]]:
    """What writes each file of a data set, by the file's name.

    Row r of ``<name>.item`` is item r, and row r of each matrix. Matrices keep their type, except
    that float64 becomes float32, and have zeros for items without features.

    Args:
        name: name of the data set.
        source: what it is made of, with the splits train, valid and test.
        cold: shape (n_cold,), int64: items to be listed in ``<name>.cold``; no such file for none.

    Returns:
        Functions that take the path to write to. They raise ValueError for an id that RecBole could
        not read back and for features that are not finite, or are none.
    """
    files: dict[str, Callable[[Path], None]] = {
        f"{name}.{split}.inter": partial(_write_interactions, source, split) for split in SPLITS
    }
    files[f"{name}.item"] = partial(_write_items, source.items)
    for modality, feature in source.features.items():
        write: Callable[..., None] = _write_words if isinstance(feature, Words) else _write_matrix
        files[feature.file] = partial(write, modality, feature, source.items)
    if len(cold):
        files[f"{name}.cold"] = partial(_write_items, source.items[cold])
    files[f"{name}.yaml"] = partial(_write_declaration, source)
    return files


def check_ids(source: Source) -> None:
    """Reads the ids as RecBole will, for it takes some strings for none: an empty one, NA, null.

    Raises:
        ValueError: if an id would not come back as it is.
    """
    for kind, ids in {"user": source.users, "item": source.items}.items():
        text = io.StringIO()
        _to_csv(pd.DataFrame({"id": ids}), text)
        text.seek(0)
        read = pd.read_csv(text, sep="\t", dtype=str, engine="python")["id"].to_numpy()
        if not np.array_equal(read, ids):
            lost = sorted(set(ids) - set(read))
            raise ValueError(
                f"RecBole cannot read {len(lost):,} {kind} id(s) out of a file: "
                f"{', '.join(map(repr, lost[:5]))}; rename them in the source (pandas takes an "
                "empty string, NA, null and the like for a missing value)"
            )


def _to_csv(frame: pd.DataFrame, target: Path | io.StringIO) -> None:
    frame.to_csv(target, sep="\t", index=False, lineterminator="\n", encoding="utf-8")


def _write_interactions(source: Source, split: str, path: Path) -> None:
    frame = source.interactions[split]
    columns = {
        "user_id:token": source.users[frame["user"]],
        "item_id:token": source.items[frame["item"]],
    }
    for column in _numbers(source):
        columns[f"{column}:float"] = frame[column].to_numpy()
    _to_csv(pd.DataFrame(columns), path)


def _numbers(source: Source) -> list[str]:
    return [column for column in ("rating", "timestamp") if column in source.interactions["train"]]


def _write_items(items: np.ndarray, path: Path) -> None:
    _to_csv(pd.DataFrame({"item_id:token": items}), path)


def _write_words(modality: str, words: Words, items: np.ndarray, path: Path) -> None:
    np.save(path, np.stack([words.items, words.words]))


def _write_matrix(modality: str, matrix: Matrix, items: np.ndarray, path: Path) -> None:
    width = matrix.values.shape[1]
    rows = np.arange(len(items)) if matrix.rows is None else matrix.rows
    dtype = kept_dtype(matrix.values)
    header = {
        "descr": np.lib.format.dtype_to_descr(dtype),
        "fortran_order": False,
        "shape": (len(items), width),
    }
    step = max(1, BLOCK_ELEMENTS // width)
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, len(items), step):
            block_rows = rows[start : start + step]
            block = _block(matrix.values, block_rows, dtype)
            _check_finite(modality, matrix, block, block_rows, items[start : start + step])
            file.write(block)
            _release(matrix.values)


def kept_dtype(values: np.ndarray) -> np.dtype:
    """The type in which a matrix is written: its own, but no float wider than float32."""
    wide = values.dtype.kind == "f" and values.dtype.itemsize > 4
    return np.dtype(np.float32) if wide else values.dtype.newbyteorder("=")


def _block(values: np.ndarray, rows: np.ndarray, dtype: np.dtype) -> np.ndarray:
    block = np.zeros((len(rows), values.shape[1]), dtype=dtype)
    there = rows >= 0
    # What float32 cannot hold is reported as not finite.
    with np.errstate(over="ignore"):
        block[there] = values[rows[there]]
    return block


def _check_finite(
    modality: str, matrix: Matrix, block: np.ndarray, rows: np.ndarray, items: np.ndarray
) -> None:
    finite = np.isfinite(block).all(axis=1)
    if not finite.all():
        bad = int(np.argmin(finite))
        raise ValueError(
            f"modality {modality}: {getattr(matrix.values, 'filename', matrix.file)} has a value "
            f"that is NaN or infinite in {block.dtype} in row {rows[bad]} (counting from 0), item "
            f"{str(items[bad])!r}; correct it, or make the whole row zero if the item has no features"
        )


def _release(values: np.ndarray) -> None:
    """Gives the pages of a mapped file back, which else count as this process's memory."""
    while isinstance(values, np.ndarray):
        values = values.base
    if isinstance(values, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        values.madvise(mmap.MADV_DONTNEED)


def _write_declaration(source: Source, path: Path) -> None:
    declaration = {
        "load_col": {"inter": ["user_id", "item_id", *_numbers(source)], "item": ["item_id"]},
        "benchmark_filename": list(SPLITS),
        "item_modalities": {
            modality: {"words": feature.file} if isinstance(feature, Words) else feature.file
            for modality, feature in source.features.items()
        },
    }
    made_from = f"Made by `python -m recbole_slmrec prepare` from the layout {source.layout}."
    lines = [line for remark in [made_from, *source.remarks] for line in remark.splitlines()]
    comment = "".join(f"# {line}\n" for line in lines)
    text = yaml.safe_dump(declaration, default_flow_style=None, sort_keys=False)
    path.write_text(comment + text, encoding="utf-8")
