"""The public layouts of multimodal data: which there are, and what is read from each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np

from recbole_slmrec.data.layouts import hkuds


@dataclass(frozen=True, eq=False)
class Source:
    """A data set as it was published.

    Attributes:
        layout: the name of its layout.
        splits: under ``train``, ``valid`` and ``test``, the interactions: shape (n, 2), int64, a
            user and an item, both counted from 0.
        n_users: the number of users.
        n_items: the number of items.
        features: modality name to a .npy file of shape (n_items, D); row r belongs to item r.
    """

    layout: str
    splits: dict[str, np.ndarray]
    n_users: int
    n_items: int
    features: dict[str, Path]


# Each module has NEEDED, the files that it cannot do without, and read(source) -> Source.
LAYOUTS: dict[str, ModuleType] = {"hkuds": hkuds}


def recognise(source: Path) -> ModuleType:
    """The layout of the folder ``source``: the first of which a needed file is there.

    Raises:
        FileNotFoundError: if there is no such folder, or no file in it belongs to a layout.
    """
    if not source.is_dir():
        raise FileNotFoundError(f"{source} is not a folder; give the one that holds the files")
    for layout in LAYOUTS.values():
        if any((source / file).is_file() for file in layout.NEEDED):
            return layout
    known = "; ".join(f"{name} has {', '.join(it.NEEDED)}" for name, it in LAYOUTS.items())
    raise FileNotFoundError(f"{source} has none of the layouts that can be read: {known}")
