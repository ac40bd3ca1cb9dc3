"""The public layouts of multimodal data: which there are, and what is read from each."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Mapping

import numpy as np
import pandas as pd

UNSPLIT = "all"
SPLITS = ("train", "valid", "test")
# Of tables of interactions in a folder; one that is named itself may end in .txt as well.
TABLE_SUFFIXES = (".csv", ".tsv", ".inter", ".parquet")


@dataclass(frozen=True, eq=False)
class Matrix:
    """A vector for each item, as it lies in a file.

    Attributes:
        file: the name under which a data set keeps it, such as ``image_feat.npy``.
        values: shape (n_rows, D), numbers; mapped into memory where the file allows it.
        rows: shape (n_items,), int64: the row of each item, -1 where it has none. None where row r
            belongs to item r.
    """

    file: str
    values: np.ndarray
    rows: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Words:
    """A list of words for each item, as pairs.

    Attributes:
        file: the name under which a data set keeps it, such as ``words.npy``.
        items: shape (n,), int64: the item of each pair, counted from 0.
        words: shape (n,), int64: its word, counted from 0.
    """

    file: str
    items: np.ndarray
    words: np.ndarray


@dataclass(frozen=True, eq=False)
class Source:
    """A data set as it was published.

    Attributes:
        layout: the name of its layout.
        users: shape (n_users,), strings: the users' ids.
        items: shape (n_items,), strings: the items' ids.
        interactions: under ``train``, ``valid`` and ``test``, or under ``train`` and ``test`` where
            validation is still to be cut, or under ``all`` where nothing is split, a frame with the
            columns ``user`` and ``item`` (int64, counted from 0 in ``users`` and ``items``) and, where
            the source has them, ``rating`` and ``timestamp`` (float64).
        features: modality name to a Matrix or Words.
        remarks: what a user should know of how the source was understood, a line each.
    """

    layout: str
    users: np.ndarray
    items: np.ndarray
    interactions: dict[str, pd.DataFrame]
    features: Mapping[str, Matrix | Words]
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Reading:
    """What a user may say of how files are to be read; a layout refuses what it has no use for.

    Attributes:
        user, item, rating, time: names of the columns of a table; None means recognise them.
        encoding: of a table's text; None means that a byte order mark tells, and else UTF-8.
        features: modality name to feature file, relative to the source folder; empty means that the
            layout names them.
    """

    user: str | None = None
    item: str | None = None
    rating: str | None = None
    time: str | None = None
    encoding: str | None = None
    features: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Layout:
    """One way in which data sets are published.

    Attributes:
        files: what it is recognised by, in words, for messages: ``trnMat.pkl, valMat.pkl, ...``.
        matches: whether a source (a folder or a file) looks like it.
        read: reads a source; raises FileNotFoundError for a file that is missing and ValueError for
            one that is not as it must be.
    """

    files: str
    matches: Callable[[Path], bool]
    read: Callable[[Path, Reading], Source]


def refuse(reading: Reading, layout: str, allowed: tuple[str, ...] = ()) -> None:
    """Raises ValueError if ``reading`` sets an option that ``layout`` has no use for.

    Args:
        reading: what the user said.
        layout: the name of the layout.
        allowed: names of the attributes of ``reading`` that it does use.
    """
    for option, value in vars(reading).items():
        if value and option not in allowed:
            flag = "--feature" if option == "features" else f"--{option}"
            raise ValueError(
                f"{flag} is of no use to the layout {layout}, whose files say it themselves; leave "
                "it out, or read the files as a table with --layout=table"
            )


def recognise(source: Path) -> str:
    """The name of the first layout that ``source`` looks like.

    Args:
        source: a folder, or the file of a table.

    Raises:
        FileNotFoundError: if there is no such path, or it looks like none of the layouts.
    """
    if not source.exists():
        raise FileNotFoundError(f"{source} does not exist; give the place where the files lie")
    for name, layout in LAYOUTS.items():
        if layout.matches(source):
            return name
    known = "; ".join(f"{name} has {layout.files}" for name, layout in LAYOUTS.items())
    raise FileNotFoundError(f"{source} has none of the layouts that can be read: {known}")


# Below what they are made of.
from recbole_slmrec.data.layouts import hkuds, mmgcn, mmrec, slmrec, table  # noqa: E402

# In the order in which they are recognised.
LAYOUTS: dict[str, Layout] = {
    "hkuds": hkuds.LAYOUT,
    "mmrec": mmrec.LAYOUT,
    "mmgcn": mmgcn.LAYOUT,
    "slmrec": slmrec.LAYOUT,
    "table": table.LAYOUT,
}
