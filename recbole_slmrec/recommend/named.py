"""Users and items that a person has named: their rows, and a word about those that are unknown."""

from __future__ import annotations

from logging import getLogger
from pathlib import Path
from typing import Iterable

import numpy as np

from recbole_slmrec.recommend.ids import Ids
from recbole_slmrec.recommend.read import read_ids


def file_or_list(named: str) -> list[str]:
    """The ids in the file ``named``, one a line, or those between its commas if there is none."""
    return read_ids(Path(named)) if Path(named).is_file() else named.split(",")


def known_rows(ids: Ids, named: Iterable[str], strict: bool) -> np.ndarray:
    """The rows of those that the checkpoint knows; the others are told, or fatal.

    Raises:
        ValueError: if none is known, or one is not and ``strict`` is True.
    """
    rows, unknown = ids.known(named)
    if unknown:
        tell(ids.unknown(unknown), strict)
    if not len(rows):
        raise ValueError(f"none of the named {ids.kind}s is left")
    return rows


def tell(message: str, strict: bool) -> None:
    """Warns that something is skipped, or raises ValueError where ``strict`` is True."""
    if strict:
        raise ValueError(message)
    getLogger().warning(f"{message}; skipped")
