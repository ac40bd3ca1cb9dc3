"""The description of a data set as tables for a terminal."""

from __future__ import annotations

from typing import Sequence

import numpy as np

from recbole_slmrec.describe.interactions import Interactions
from recbole_slmrec.describe.modalities import ModalityFacts
from recbole_slmrec.report import table

_QUANTILES = {
    "min": 0, "25 %": 0.25, "median": 0.5, "75 %": 0.75, "90 %": 0.9, "99 %": 0.99, "max": 1
}  # fmt: skip


def describe_as_text(
    name: str, interactions: Interactions, modalities: Sequence[ModalityFacts]
) -> str:
    """Table I's row first, then splits, degrees and modalities.

    Args:
        name: the data set's name.
        interactions: its interactions.
        modalities: its modalities; there may be none.
    """
    parts = [_table_one(name, interactions, modalities), _splits(interactions)]
    parts.append(_degrees(interactions))
    if modalities:
        parts.append(_modalities(modalities))
    if any(facts.norms is not None for facts in modalities):
        parts.append(_norms(modalities))
    return "\n\n".join(parts)


def _table_one(name: str, interactions: Interactions, modalities) -> str:
    header = ["data set", "interactions", "users", "items", "sparsity"]
    row = [
        name,
        f"{interactions.n_interactions:,}",
        f"{len(interactions.user_degrees):,}",
        f"{len(interactions.item_degrees):,}",
        f"{interactions.sparsity:.2%}",
    ]
    for facts in modalities:
        header.append(facts.name)
        row.append(facts.dimension)
    return table(header, [row])


def _splits(interactions: Interactions) -> str:
    header = ["split", "interactions", "users", "items", "cold users", "cold items", "repeated"]
    rows = []
    for name, split in interactions.splits.items():
        counts = (
            split.n_interactions, split.n_users, split.n_items, split.n_cold_users,
            split.n_cold_items, split.n_repeated,
        )  # fmt: skip
        rows.append([name, *(f"{count:,}" for count in counts)])
    degrees = interactions.user_degrees, interactions.item_degrees
    rows.append(
        [
            "data set",
            f"{interactions.n_interactions:,}",
            *(f"{len(each):,}" for each in degrees),
            *(f"{(each == 0).sum():,}" for each in degrees),
            f"{sum(split.n_repeated for split in interactions.splits.values()):,}",
        ]
    )
    return (
        f"{table(header, rows)}\n"
        "cold: without an interaction in training; repeated: a pair of user and item once more in "
        f"one split\npairs in more than one split: {interactions.n_in_two_splits:,}"
    )


def _degrees(interactions: Interactions) -> str:
    degrees = {"users": interactions.user_degrees, "items": interactions.item_degrees}
    rows = [[side, *_quantiles(each, "{:,.0f}")] for side, each in degrees.items()]
    return table(["degree in training", *_QUANTILES], rows)


def _modalities(modalities: Sequence[ModalityFacts]) -> str:
    header = ["modality", "dimension", "missing", "zero", "duplicate", "not finite"]
    rows = [
        [
            facts.name,
            facts.dimension,
            *(f"{n:,}" for n in (facts.missing, facts.zero, facts.shared, facts.non_finite)),
        ]
        for facts in modalities
    ]
    note = (
        "numbers of items; missing: no features; zero: a vector of zeros; duplicate: another item\n"
        "has the same features; not finite: NaN or infinite"
    )
    if any(facts.non_finite for facts in modalities):
        note += ", which no run accepts: `doctor` names the row"
    return f"{table(header, rows)}\n{note}"


def _norms(modalities: Sequence[ModalityFacts]) -> str:
    rows = [
        [facts.name, *_quantiles(facts.norms, "{:.4g}")]
        for facts in modalities
        if facts.norms is not None
    ]
    note = "of the rows as they stand in the file, those that are not finite apart; a run scales"
    return f"{table(['L2 norm', *_QUANTILES], rows)}\n{note} each to 1"


def _quantiles(values: np.ndarray, form: str) -> list[str]:
    if len(values) == 0:
        return ["-"] * len(_QUANTILES)
    # Values that occur, not means of two.
    quantiles = np.quantile(values, list(_QUANTILES.values()), method="inverted_cdf")
    return [form.format(quantile) for quantile in quantiles]
