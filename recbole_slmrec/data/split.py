"""Dividing interactions into training, validation and test."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pandas as pd

from recbole_slmrec.data.layouts import SPLITS, UNSPLIT, Source

DEFAULT = "8:1:1"
NO_ITEMS = np.empty(0, dtype=np.int64)
_FORMS = "8:1:1, time:8:1:1, global-time:8:1:1 and cold-items:0.1"


def divide(source: Source, spec: str | None, seed: int) -> tuple[Source, np.ndarray]:
    """Gives a source the splits train, valid and test.

    Without ``spec``, a split that the source has is kept; if it has no validation, a tenth of each
    user's training interactions becomes it; and if it has no split at all, ``spec`` is 8:1:1. With
    ``spec``, all interactions are divided anew:

    - ``8:1:1``: those of each user in random order, by these ratios.
    - ``time:8:1:1``: those of each user in the order of time, the oldest in train. Those of one
      time are in random order.
    - ``global-time:8:1:1``: those of all users in the order of time. Those of one time are in one
      split, the later one.
    - ``cold-items:0.1``: a tenth (rounded, but at least one) of the items with interactions are
      drawn and kept out of training. Their interactions in random order are one half validation
      (rounded down) and one half test; all others are divided 8:1:1 by user.

    Of n interactions, validation and test get their shares, rounded down; where that is none, test
    and after it validation get one, as long as train keeps one. Train gets the rest: it has at
    least one for each user, and from three on each split may have one.

    What is drawn depends on the seed and on which interactions there are, not on their order nor on
    the numbers of users and items.

    Args:
        source: the source.
        spec: one of the four forms, with any numbers, or None.
        seed: seeds all that is random.

    Returns:
        The source with its three splits, a remark telling of a new one; and the items that
        ``cold-items`` keeps out of training, shape (n_cold,), int64.

    Raises:
        ValueError: if ``spec`` is of another form or needs times that the source does not have, or
            if a split is without interactions.
    """
    cold = NO_ITEMS
    if spec is not None or UNSPLIT in source.interactions:
        source, cold = _anew(source, DEFAULT if spec is None else spec, seed)
    elif "valid" not in source.interactions:
        source = _with_validation(source, seed)
    for split in SPLITS:
        if source.interactions[split].empty:
            raise ValueError(
                f"the split {split} has no interactions, and each needs some: keep more of them, "
                f"or divide them by one of {_FORMS} (--split)"
            )
    return source, cold


def _anew(source: Source, spec: str, seed: int) -> tuple[Source, np.ndarray]:
    pooled = pd.concat(source.interactions.values(), ignore_index=True)
    generator = np.random.default_rng(seed)
    draws = _draws(source, pooled, generator)
    cold = NO_ITEMS
    match spec.split(":"):
        case ["cold-items", share]:
            cold = _draw_items(source, pooled, _number(spec, share), generator)
            labels = _cold_labels(pooled, draws, cold)
            how = f"{len(cold):,} items are kept out of training"
        case ["global-time", *ratios]:
            labels = _labels_by_time(_times(spec, pooled), _shares(spec, ratios))
            how = "all interactions by time, the oldest in train"
        case ["time", *ratios]:
            keys = draws, _times(spec, pooled)
            labels = _labels_by_user(pooled["user"], keys, _shares(spec, ratios))
            how = "each user's interactions by time, the oldest in train"
        case ratios:
            labels = _labels_by_user(pooled["user"], (draws,), _shares(spec, ratios))
            how = "each user's interactions at random"
    remark = f"split {spec} with seed {seed}: {how}"
    if UNSPLIT not in source.interactions:
        remark += "; the split of the source is not used"
    splits = {split: pooled[labels == label] for label, split in enumerate(SPLITS)}
    return replace(source, interactions=splits, remarks=[*source.remarks, remark]), cold


def _with_validation(source: Source, seed: int) -> Source:
    train = source.interactions["train"]
    draws = _draws(source, train, np.random.default_rng(seed))
    labels = _labels_by_user(train["user"], (draws,), (Fraction(9, 10), Fraction(1, 10)))
    splits = {"train": train[labels == 0], "valid": train[labels == 1]}
    remark = (
        "the source has no validation split: a tenth of each user's training interactions, drawn "
        f"with seed {seed}, becomes it"
    )
    splits["test"] = source.interactions["test"]
    return replace(source, interactions=splits, remarks=[*source.remarks, remark])


def _shares(spec: str, ratios: list[str]) -> tuple[Fraction, ...]:
    if len(ratios) != len(SPLITS):
        raise ValueError(f"--split={spec} is none of {_FORMS}")
    numbers = [_number(spec, ratio) for ratio in ratios]
    return tuple(number / sum(numbers) for number in numbers)


def _number(spec: str, text: str) -> Fraction:
    # Fractions, because 10 * 0.1 rounded down must be 1; short ones, to multiply in 64 bits.
    if not re.fullmatch(r"\d{1,4}(\.\d{1,4})?", text, re.ASCII) or Fraction(text) == 0:
        raise ValueError(f"--split={spec} is none of {_FORMS}, with positive numbers")
    return Fraction(text)


def _times(spec: str, pooled: pd.DataFrame) -> np.ndarray:
    if "timestamp" not in pooled:
        raise ValueError(
            f"--split={spec} needs times, and the source has none; divide it at random, or name "
            "the column of a table with --time"
        )
    lacking = int(pooled["timestamp"].isna().sum())
    if lacking:
        raise ValueError(
            f"--split={spec} needs the time of each interaction, and {lacking:,} of "
            f"{len(pooled):,} have none; complete or remove them, or divide at random"
        )
    return pooled["timestamp"].to_numpy()


def _ranks(tokens: np.ndarray) -> np.ndarray:
    """The place of each string among the sorted ones."""
    ranks = np.empty(len(tokens), dtype=np.int64)
    ranks[np.argsort(tokens)] = np.arange(len(tokens))
    return ranks


def _draws(source: Source, frame: pd.DataFrame, generator: np.random.Generator) -> np.ndarray:
    """A random number for each interaction, given out in the order of the ids and values."""
    values = [frame[column] for column in ("rating", "timestamp") if column in frame]
    users, items = _ranks(source.users)[frame["user"]], _ranks(source.items)[frame["item"]]
    draws = np.empty(len(frame))
    draws[np.lexsort((*values, items, users))] = generator.random(len(frame))
    return draws


def _sizes(n: np.ndarray, shares: tuple[Fraction, ...]) -> list[np.ndarray]:
    """How many of n interactions each split gets, as ``divide`` tells; n is of any shape."""
    parts = [n * share.numerator // share.denominator for share in shares[1:]]
    train = n - sum(parts)
    for index in reversed(range(len(parts))):
        lacks = (parts[index] == 0) & (train > 1)
        parts[index] = parts[index] + lacks
        train = train - lacks
    return [train, *parts]


def _labels_by_user(
    users: pd.Series, keys: tuple[np.ndarray, ...], shares: tuple[Fraction, ...]
) -> np.ndarray:
    """The split of each interaction, counted from 0, with a user's sorted by the last key first."""
    users = users.to_numpy()
    n = np.bincount(users)
    order = np.lexsort((*keys, users))
    position = np.empty(len(users), dtype=np.int64)
    position[order] = np.arange(len(users)) - (np.cumsum(n) - n)[users[order]]
    ends = np.cumsum(_sizes(n, shares), axis=0)[:-1]
    return sum(position >= end[users] for end in ends)


def _labels_by_time(times: np.ndarray, shares: tuple[Fraction, ...]) -> np.ndarray:
    ends = np.cumsum(_sizes(np.array(len(times)), shares))[:-1]
    # Past the last interaction, where there are too few for all splits.
    in_order = np.append(np.sort(times), np.inf)
    return sum(times >= in_order[end] for end in ends)


def _draw_items(
    source: Source, pooled: pd.DataFrame, share: Fraction, generator: np.random.Generator
) -> np.ndarray:
    items = np.unique(pooled["item"])
    items = items[np.argsort(source.items[items])]
    n_cold = max(1, round(share * len(items)))
    return np.sort(generator.permutation(items)[:n_cold])


def _cold_labels(pooled: pd.DataFrame, draws: np.ndarray, cold: np.ndarray) -> np.ndarray:
    is_cold = pooled["item"].isin(cold).to_numpy()
    labels = np.empty(len(pooled), dtype=np.int64)
    warm = pooled[~is_cold]
    labels[~is_cold] = _labels_by_user(
        warm["user"], (draws[~is_cold],), _shares(DEFAULT, DEFAULT.split(":"))
    )
    n_cold = int(is_cold.sum())
    halves = np.where(np.arange(n_cold) < n_cold // 2, 1, 2)
    labels[np.flatnonzero(is_cold)[np.argsort(draws[is_cold])]] = halves
    return labels
