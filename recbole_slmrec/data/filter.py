"""Which interactions stay: those that are rated well enough, and those of the k-core."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from recbole_slmrec.data.layouts import Matrix, Source, Words


def rated_at_least(source: Source, least: float) -> Source:
    """Keeps the interactions that are rated ``least`` or more, and all users and items.

    Raises:
        ValueError: if the source has no ratings, or nothing is left.
    """
    option = f"--min-rating={least:g}"
    if any("rating" not in frame for frame in source.interactions.values()):
        raise ValueError(
            f"{option} needs ratings, and the source has none; leave it out, or name the column of "
            "a table with --rating"
        )
    interactions = {
        split: frame[frame["rating"] >= least] for split, frame in source.interactions.items()
    }
    remark = f"{option}: {_how_many(option, source.interactions, interactions)}"
    return replace(source, interactions=interactions, remarks=[*source.remarks, remark])


def k_core(source: Source, k: int) -> Source:
    """Keeps the users and items with at least ``k`` interactions with others that are kept.

    The splits count together, and a pair that occurs twice counts twice. Interactions keep their
    split. Users and items outside the core leave, and the items' features with them.

    Raises:
        ValueError: if ``k`` is less than 1, or nothing is left.
    """
    option = f"--k-core={k}"
    if k < 1:
        raise ValueError(f"{option} is not a whole number of at least 1")
    pooled = pd.concat(source.interactions.values())
    users, items = pooled["user"].to_numpy(), pooled["item"].to_numpy()
    n_before = None
    while len(users) != n_before:
        n_before = len(users)
        user_stays = np.bincount(users, minlength=len(source.users)) >= k
        item_stays = np.bincount(items, minlength=len(source.items)) >= k
        stays = user_stays[users] & item_stays[items]
        users, items = users[stays], items[stays]
    interactions = {
        split: frame[user_stays[frame["user"]] & item_stays[frame["item"]]]
        for split, frame in source.interactions.items()
    }
    remark = (
        f"{option}: {_how_many(option, source.interactions, interactions)}, of "
        f"{user_stays.sum():,} of {len(source.users):,} users and {item_stays.sum():,} of "
        f"{len(source.items):,} items"
    )
    core = replace(source, interactions=interactions, remarks=[*source.remarks, remark])
    return _only(core, user_stays, item_stays)


def _how_many(option: str, before: dict[str, pd.DataFrame], after: dict[str, pd.DataFrame]) -> str:
    n_before, n_after = (sum(map(len, frames.values())) for frames in (before, after))
    if n_after == 0:
        raise ValueError(f"{option} leaves none of the {n_before:,} interactions; ask for less")
    return f"{n_after:,} of {n_before:,} interactions stay"


def _only(source: Source, user_stays: np.ndarray, item_stays: np.ndarray) -> Source:
    """The source with those of its users and items, which have all of its interactions."""
    new_user, new_item = np.cumsum(user_stays) - 1, np.cumsum(item_stays) - 1
    interactions = {
        split: frame.assign(user=new_user[frame["user"]], item=new_item[frame["item"]])
        for split, frame in source.interactions.items()
    }
    features = {
        modality: _features_of(feature, item_stays, new_item)
        for modality, feature in source.features.items()
    }
    return replace(
        source,
        users=source.users[user_stays],
        items=source.items[item_stays],
        interactions=interactions,
        features=features,
    )


def _features_of(
    feature: Matrix | Words, item_stays: np.ndarray, new_item: np.ndarray
) -> Matrix | Words:
    if isinstance(feature, Words):
        kept = item_stays[feature.items]
        return replace(feature, items=new_item[feature.items[kept]], words=feature.words[kept])
    rows = np.arange(len(item_stays)) if feature.rows is None else feature.rows
    return replace(feature, rows=rows[item_stays])
