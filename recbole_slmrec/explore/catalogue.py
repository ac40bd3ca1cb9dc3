"""The items of the data set: fields, pictures, sounds, and how many have each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

import numpy as np
import pandas as pd

from recbole_slmrec.data.item_files import IMAGES, SOUNDS, files_of_items
from recbole_slmrec.explore.trained import Trained

# Items that can be looked at closely, with what is similar to them; others are named only.
MOST_ITEMS = 5000

_POPULAR = 0.9
MARKS = ("", "popular", "cold")


@dataclass(frozen=True, eq=False)
class Catalogue:
    """What the data say of their items, by row; row 0 is the padding.

    Attributes:
        ids: shape (|I|,).
        texts: a column a field, the titles' too; a row an item, without padding.
        kinds: the type of each field of ``show``, such as ``token_seq``.
        taken: the training interactions of each item, shape (|I|,).
        marks: of each item, places in :data:`MARKS`: shape (|I|,).
        images: files of items that have one.
        sounds: likewise.
    """

    ids: np.ndarray
    texts: pd.DataFrame
    kinds: dict[str, str]
    taken: np.ndarray
    marks: np.ndarray
    images: dict[int, Path]
    sounds: dict[int, Path]

    @classmethod
    def read(
        cls,
        trained: Trained,
        title: str | None,
        show: Sequence[str],
        images: Path | None,
        sounds: Path | None,
    ) -> Catalogue:
        """Reads what is asked for.

        Args:
            trained: a checkpoint and its data.
            title: a field; None for none.
            show: more fields.
            images: a folder; None for none.
            sounds: likewise.

        Raises:
            FileNotFoundError, ValueError: if a field or a folder is not there, or no file in it is an
                item's; names the flag.
        """
        source, ids = trained.recommender.item_fields, trained.recommender.items.tokens
        titles = [title] if title else []
        types = {**source.check("--title", titles), **source.check("--show", show)}
        texts = source.read(list(dict.fromkeys([*titles, *show])), ids[1:])
        kinds = {name: types[name] for name in show}
        taken = trained.taken
        return cls(
            ids, texts, kinds, taken, marks_of(taken),
            _files("image", ids, images, IMAGES), _files("sound", ids, sounds, SOUNDS),
        )  # fmt: skip


def _files(
    kind: str, ids: np.ndarray, folder: Path | None, suffixes: Sequence[str]
) -> dict[int, Path]:
    if folder is None:
        return {}
    found = files_of_items(kind, ids[1:], folder, suffixes, "the data set")
    return {place + 1: file for place, file in found.items()}


def most_shown(shown: np.ndarray, n_items: int) -> np.ndarray:
    """The items that can be looked at closely: those that are shown most, then others.

    Args:
        shown: rows of items, as often as the page shows them.
        n_items: how many there are, without padding.

    Returns:
        Distinct rows, :data:`MOST_ITEMS` at most.
    """
    times = np.bincount(shown, minlength=n_items + 1)[1:]
    return (np.argsort(-times, kind="stable") + 1)[:MOST_ITEMS]


def marks_of(taken: np.ndarray) -> np.ndarray:
    """The mark of each item, a place in :data:`MARKS`: shape (|I|,), the padding in row 0.

    An item without training interactions is cold; one with more of them than nine of ten items is
    popular.

    Args:
        taken: training interactions of each item, shape (|I|,).
    """
    most = np.quantile(taken[1:], _POPULAR, method="inverted_cdf")
    return np.where(taken == 0, 2, (taken > most).astype(int))


@dataclass(frozen=True)
class Colours:
    """A way to tell the items of the map apart.

    Attributes:
        name: of the field.
        labels: of the groups, in order.
        groups: the group of each item.
    """

    name: str
    labels: list[str]
    groups: np.ndarray


_MOST_GROUPS = 9
_OTHER, _NONE = "other", "none"


def colours_of(name: str, kind: str, texts: pd.Series) -> Colours:
    """Groups of items by a field: its commonest values, or ranges of a number.

    Args:
        name: of the field.
        kind: its type, such as ``token_seq``, of which the first token counts.
        texts: of each item; empty where it has none.
    """
    if kind == "float":
        return _by_range(name, pd.to_numeric(texts, errors="coerce"))
    values = texts.str.split().str[0].fillna("") if kind.endswith("_seq") else texts
    commonest = values[values != ""].value_counts()
    # Those of one count in the order of the alphabet.
    commonest = sorted(commonest.index, key=lambda value: (-commonest[value], value))[:_MOST_GROUPS]
    labels = sorted(commonest)
    groups = pd.Index(labels).get_indexer(values)
    for label, members in ((_OTHER, (groups < 0) & (values != "")), (_NONE, values == "")):
        if members.any():
            groups[members] = len(labels)
            labels = [*labels, label]
    return Colours(name, labels, groups)


def _by_range(name: str, values: pd.Series) -> Colours:
    known = values.notna().to_numpy()
    groups, labels = np.zeros(len(values), np.int64), []
    if known.any():
        # Values that occur, so that each range has some.
        edges = np.unique(np.quantile(values[known], np.linspace(0, 1, 6), method="inverted_cdf"))
        groups[known] = np.searchsorted(edges[1:-1], values[known])
        lows = edges if len(edges) == 1 else edges[:-1]
        labels = [f"{low:g} to {high:g}" for low, high in zip(lows, edges[-len(lows) :])]
    if not known.all():
        groups[~known] = len(labels)
        labels.append(_NONE)
    return Colours(name, labels, groups)
