"""What a source holds, said in the log: how much of everything, and what is odd about it."""

from __future__ import annotations

from itertools import combinations
from logging import getLogger

import numpy as np

from recbole_slmrec.data.layouts import Matrix, Source, Words
from recbole_slmrec.data.write import kept_dtype


def log_facts(source: Source, surplus: dict[str, int]) -> None:
    """Logs the source's remarks, its splits, users, items and modalities, and warns of repeats.

    Args:
        source: a source with its splits.
        surplus: for each modality, how many rows of its file belong to no item.
    """
    logger = getLogger()
    for remark in source.remarks:
        logger.info(remark)
    for split, frame in source.interactions.items():
        logger.info(f"{split}: {len(frame):,} interactions")
    for kind, ids in {"user": source.users, "item": source.items}.items():
        n_seen = len(np.unique(np.concatenate([it[kind] for it in source.interactions.values()])))
        silent = f", {len(ids) - n_seen:,} of them with no interaction" if n_seen < len(ids) else ""
        logger.info(f"{kind}s: {len(ids):,}{silent}")
    for modality, feature in source.features.items():
        line = f"modality {modality}: {feature.file}, {_size(feature, len(source.items))}"
        missing = n_missing(feature, len(source.items))
        if missing:
            line += f"; missing for {missing:,} items"
        if surplus[modality]:
            line += f"; surplus rows in the source: {surplus[modality]:,}"
        logger.info(line)
    _warn_of_repeats(source)


def n_missing(feature: Matrix | Words, n_items: int) -> int:
    """How many of the items have no row, or no word."""
    if isinstance(feature, Words):
        return n_items - len(np.unique(feature.items))
    return 0 if feature.rows is None else int((feature.rows < 0).sum())


def n_surplus(feature: Matrix | Words) -> int:
    """How many rows of a matrix belong to no item."""
    if isinstance(feature, Words) or feature.rows is None:
        return 0
    return len(feature.values) - len(np.unique(feature.rows[feature.rows >= 0]))


def _size(feature: Matrix | Words, n_items: int) -> str:
    if isinstance(feature, Words):
        return f"{len(feature.words):,} words, {len(np.unique(feature.words)):,} different ones"
    return f"{n_items:,} x {feature.values.shape[1]:,}, {kept_dtype(feature.values)}"


def _warn_of_repeats(source: Source) -> None:
    pairs = {}
    for split, frame in source.interactions.items():
        pairs[split] = np.unique(frame["user"] * len(source.items) + frame["item"])
        repeats = len(frame) - len(pairs[split])
        if repeats:
            getLogger().warning(
                f"{split}: interactions with the user and item of another one there: {repeats:,} "
                "(all are kept)"
            )
    for one, other in combinations(pairs, 2):
        common = len(np.intersect1d(pairs[one], pairs[other], assume_unique=True))
        if common:
            getLogger().warning(
                f"{one} and {other}: pairs of a user and an item that are in both: {common:,} "
                "(all are kept)"
            )
