"""The users that a page shows: all, a sample, or those that are named."""

from __future__ import annotations

import re
from logging import getLogger

import numpy as np

from recbole_slmrec.recommend.ids import Ids
from recbole_slmrec.recommend.named import file_or_list, known_rows

MOST_USERS = 2000


def chosen_users(named: str, ids: Ids) -> np.ndarray:
    """Rows of users, ascending where they are not named one by one.

    Args:
        named: ``all``, ``sample:N``, a file with one id a line, or ids with commas.
        ids: the users.

    Raises:
        ValueError: for a sample of no whole number, more users than a page holds, or none that is
            known. Single ones that are unknown are told and left out.
    """
    sample = re.fullmatch(r"sample:(.*)", named)
    if sample:
        return _sample(ids, _size(sample[1]))
    if named == "all":
        if len(ids) > MOST_USERS:
            getLogger().warning(
                f"a page holds {MOST_USERS:,} users at most: of all {len(ids):,}, as many are drawn"
            )
        return _sample(ids, MOST_USERS)
    rows = known_rows(ids, file_or_list(named), strict=False)
    if len(rows) > MOST_USERS:
        raise ValueError(
            f"--users names {len(rows):,} users, and a page holds {MOST_USERS:,} at most: name fewer, "
            f"or take --users=sample:{MOST_USERS}"
        )
    return rows


def _sample(ids: Ids, size: int) -> np.ndarray:
    if size >= len(ids):
        return ids.all_rows()
    return np.sort(np.random.default_rng(0).choice(ids.all_rows(), size, replace=False))


def _size(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_USERS:
        raise ValueError(
            f"--users=sample:{text} must have a whole number from 1 to {MOST_USERS:,}, such as "
            "sample:200"
        )
    return int(text)
