"""The vectors of users and items as files that need nothing of this package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from recbole_slmrec.names import first_few

DTYPES = ("float32", "float16")


def write_vectors(
    folder: Path,
    vectors: dict[str, np.ndarray],
    ids: dict[str, np.ndarray],
    about: dict[str, Any],
) -> None:
    """Writes a matrix and its ids for each side, row by row the same, and what they are.

    Args:
        folder: an empty folder; it gets ``user_vectors.npy``, ``user_ids.txt`` (one id a line),
            the same for ``item``, and ``vectors.json``.
        vectors: shape (n, d), by ``user`` and ``item``, without padding.
        ids: n ids each.
        about: plain values for ``vectors.json``.

    Raises:
        ValueError: if an id has a line break, so that it would be two.
    """
    for side, matrix in vectors.items():
        np.save(folder / f"{side}_vectors.npy", matrix)
        broken = [each for each in ids[side] if "\n" in each or "\r" in each]
        if broken:
            raise ValueError(
                f"{len(broken):,} {side} id(s) have a line break, and {side}_ids.txt has one id a "
                f"line: {first_few(broken)}; rename them in the data and train anew"
            )
        with open(folder / f"{side}_ids.txt", "w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{each}\n" for each in ids[side])
    about = {
        **about,
        "dimension": vectors["user"].shape[1],
        "dtype": str(vectors["user"].dtype),
        "users": len(vectors["user"]),
        "items": len(vectors["item"]),
        "similarity": "inner product",
    }
    text = json.dumps(about, indent=2, ensure_ascii=False) + "\n"
    (folder / "vectors.json").write_text(text, encoding="utf-8")


def as_type(matrix: np.ndarray, dtype: str) -> np.ndarray:
    """``matrix`` as ``float32`` or ``float16``.

    Raises:
        ValueError: if a value is beyond what ``dtype`` holds.
    """
    with np.errstate(over="ignore"):
        converted = np.ascontiguousarray(matrix, dtype=dtype)
    if not np.isfinite(converted).all():
        raise ValueError(
            f"the vectors hold {np.abs(matrix).max():.4g}, which {dtype} cannot: "
            "use --dtype=float32"
        )
    return converted
