"""All that a page shows, as plain values: its script draws them and works nothing out anew."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Sequence

import numpy as np
import pandas as pd

from recbole_slmrec.explore import catalogue
from recbole_slmrec.explore.catalogue import Catalogue
from recbole_slmrec.explore.history import Had, had_by
from recbole_slmrec.explore.map import map_of_items
from recbole_slmrec.explore.media import Pictures, link, pictures
from recbole_slmrec.explore.ranked import Ranked, rank_all
from recbole_slmrec.explore.similar import Similar, by_modality, by_model
from recbole_slmrec.explore.trained import SPLITS, Trained, check_same_data
from recbole_slmrec.explore.users import chosen_users
from recbole_slmrec.recommend.ids import Ids


@dataclass(frozen=True)
class Wanted:
    """What a page is asked to show.

    Attributes:
        checkpoints: one, or two to stand side by side.
        page: where the page will lie, which links are relative to.
        users: as :func:`~recbole_slmrec.explore.users.chosen_users` takes them.
        k: how many items a user gets, at most.
        title: the field that items are called by; None for their ids.
        show: further fields of items.
        images: a folder of pictures.
        sounds: a folder of sounds.
        embed_bytes: what the pictures inside the page may have together.
    """

    checkpoints: Sequence[Path]
    page: Path
    users: str = "sample:200"
    k: int = 10
    title: str | None = None
    show: Sequence[str] = ()
    images: Path | None = None
    sounds: Path | None = None
    embed_bytes: float = 8e6


@dataclass(frozen=True, eq=False)
class _OnPage:
    """The items of a page.

    Attributes:
        rows: of distinct items; those that can be looked at closely stand first.
        n_close: how many of these there are.
        places: of each item in ``rows``, shape (|I|,).
    """

    rows: np.ndarray
    n_close: int
    places: np.ndarray

    @classmethod
    def of(cls, close: np.ndarray, others: Sequence[np.ndarray], n_items: int) -> _OnPage:
        rows = pd.unique(np.concatenate([close, *others]))
        places = np.zeros(n_items, np.int64)
        places[rows] = np.arange(len(rows))
        return cls(rows, len(close), places)


def gather(wanted: Wanted) -> dict[str, Any]:
    """What the page shows.

    Args:
        wanted: what it is asked to show.

    Returns:
        Plain values; items and users are named by their places in ``items`` and ``users``.

    Raises:
        FileNotFoundError, ValueError: as :meth:`~recbole_slmrec.explore.trained.Trained.load`; if the
            checkpoints are of different data, a field or a folder is not there, or no user is known.
    """
    check_same_data(wanted.checkpoints)
    first, *others = trained = [Trained.load(file) for file in wanted.checkpoints]
    names = _names(trained)
    known = Catalogue.read(first, wanted.title, wanted.show, wanted.images, wanted.sounds)
    users = chosen_users(wanted.users, first.recommender.users)
    had = had_by(first, users)
    ranked = [rank_all(each, users, wanted.k) for each in trained]

    ids = first.recommender.items
    recommended = [ids.rows(each.shown["item"]) for each in ranked]
    shown = np.concatenate([*recommended, *(each.items for each in had)])
    close = catalogue.most_shown(shown, len(ids))
    similar = _similar(names, trained, close)
    nearest = [other for each in similar for pairs in each.found for other, _ in pairs]
    items = _OnPage.of(close, [shown, np.array(nearest, np.int64)], len(ids) + 1)
    embedded = pictures(known.images, items.rows, wanted.page, wanted.embed_bytes)
    return {
        "dataset": first.dataset.dataset_name,
        "k": wanted.k,
        "title": wanted.title,
        "n": {"users": len(first.recommender.users), "items": len(ids)},
        "splits": SPLITS[: len(first.splits)],
        "marks": catalogue.MARKS,
        "models": [
            _model(name, each, found, known) for name, each, found in zip(names, trained, ranked)
        ],
        "users": _users(first.recommender.users.tokens[users], had, ranked, items, ids),
        "items": _items(items, known, embedded, ranked, wanted),
        "similar": [_pairs(each, items) for each in similar],
        "map": map_of_items(names[0], first, known, items.rows),
    }


def _names(trained: Sequence[Trained]) -> list[str]:
    names = [each.recommender.name for each in trained]
    times = Counter(names)
    return [
        name if times[name] == 1 else f"{name} ({each.file.stem})"
        for name, each in zip(names, trained)
    ]


def _similar(names: list[str], trained: Sequence[Trained], items: np.ndarray) -> list[Similar]:
    n_items = len(trained[0].recommender.items) + 1
    of_models = [by_model(name, each, items) for name, each in zip(names, trained)]
    return of_models + [by_modality(each, items, n_items) for each in trained[0].modalities()]


def _model(name: str, trained: Trained, ranked: Ranked, known: Catalogue) -> dict[str, Any]:
    """A model and the numbers of its recommendations to all users."""
    n, got = max(ranked.n, 1), ranked.got
    return {
        "name": name,
        "file": trained.file.name,
        "parts": ranked.parts,
        "shares": _plain(ranked.shares.astype(np.float32)),
        "n_recommended": ranked.n,
        "covered": int((got > 0).sum()),
        "taken": float(got @ known.taken / n),
        "marked": [
            float(got[known.marks == mark].sum() / n) for mark in range(len(catalogue.MARKS))
        ],
    }


def _users(
    tokens: np.ndarray, had: list[Had], ranked: list[Ranked], items: _OnPage, ids: Ids
) -> dict[str, Any]:
    return {
        "id": tokens.tolist(),
        "had": [items.places[each.items].tolist() for each in had],
        "split": [each.splits.tolist() for each in had],
        "n_had": [each.n for each in had],
        "recommended": [_recommended(tokens, each.shown, items, ids) for each in ranked],
    }


def _recommended(
    tokens: np.ndarray, shown: pd.DataFrame, items: _OnPage, ids: Ids
) -> list[list[list[float]]]:
    """For each user a row for each item: its place, the score and the shares."""
    numbers = ["score", *shown.filter(regex="^why_")]
    rows = [
        [int(place), *_plain(values)]
        for place, values in zip(items.places[ids.rows(shown["item"])], shown[numbers].to_numpy())
    ]
    of_user: dict[str, list] = {token: [] for token in tokens}
    for user, row in zip(shown["user"], rows):
        of_user[user].append(row)
    return list(of_user.values())


def _items(
    items: _OnPage, known: Catalogue, embedded: Pictures, ranked: list[Ranked], wanted: Wanted
) -> dict[str, Any]:
    rows, places = items.rows, items.places
    texts = known.texts.iloc[rows - 1]
    return {
        "n_close": items.n_close,
        "id": known.ids[rows].tolist(),
        "title": texts[wanted.title].to_list() if wanted.title else None,
        "fields": {name: texts[name].to_list() for name in wanted.show},
        "taken": known.taken[rows].tolist(),
        "mark": known.marks[rows].tolist(),
        "got": [each.got[rows].tolist() for each in ranked],
        "image": {int(places[item]): source for item, source in embedded.sources.items()},
        "n_embedded": embedded.n_embedded,
        "n_linked": embedded.n_linked,
        "sound": {
            int(places[item]): link(known.sounds[item], wanted.page)
            for item in rows.tolist()
            if item in known.sounds
        },
    }


def _pairs(similar: Similar, items: _OnPage) -> dict[str, Any]:
    found = [
        [[int(items.places[other]), round(cosine, 4)] for other, cosine in pairs]
        for pairs in similar.found
    ]
    return {
        "name": similar.name,
        "of_model": similar.of_model,
        "found": found,
        "why_not": similar.why_not,
    }


def _plain(values: np.ndarray) -> list[float]:
    """Numbers with as many digits as their own type has."""
    return [float(str(value)) for value in values]
