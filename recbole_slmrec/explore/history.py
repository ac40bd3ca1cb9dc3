"""What users had."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recbole_slmrec.explore.trained import Trained

MOST_ITEMS = 50


@dataclass(frozen=True)
class Had:
    """What one user had, the last of it.

    Attributes:
        items: rows of distinct items, :data:`MOST_ITEMS` at most, in the order of the data.
        splits: the split of each, a place in :data:`~recbole_slmrec.explore.trained.SPLITS`.
        n: how many distinct ones there are.
    """

    items: np.ndarray
    splits: np.ndarray
    n: int


def had_by(trained: Trained, users: np.ndarray) -> list[Had]:
    """What each of ``users``, rows, had in training, validation and test."""
    everyone = np.concatenate([who for who, _ in trained.splits])
    items = np.concatenate([what for _, what in trained.splits])
    splits = np.repeat(np.arange(len(trained.splits)), [len(who) for who, _ in trained.splits])
    order = np.argsort(everyone, kind="stable")
    everyone, items, splits = everyone[order], items[order], splits[order]
    starts, ends = (np.searchsorted(everyone, users, side) for side in ("left", "right"))
    return [_of_one(items[start:end], splits[start:end]) for start, end in zip(starts, ends)]


def _of_one(items: np.ndarray, splits: np.ndarray) -> Had:
    places = np.sort(np.unique(items, return_index=True)[1])
    last = places[-MOST_ITEMS:]
    return Had(items[last], splits[last], len(places))
