"""The layout of SLMRec's own release: two lists of pairs, and features by the ids in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from recbole_slmrec.data import layouts
from recbole_slmrec.data.feature_files import (
    agreed_rows,
    feature_files,
    is_word_list,
    not_read,
    open_features,
    word_pairs,
)
from recbole_slmrec.data.numbered import as_tokens, check_rows, read_lines, whole_numbers

SPLITS = ("train", "test")
FEATURES = {
    "v": ("visual_feat.pt", "feat_v.pt", "FeatureVideo_normal.npy"),
    "a": ("audio_feat.pt", "FeatureAudio_avg_normal.npy"),
    "t": ("textual_feat.pt", "FeatureText_stl_normal.npy"),
}


def matches(source: Path) -> bool:
    """Whether a folder has ``<name>.train`` and ``<name>.test``."""
    return source.is_dir() and bool(_names(source))


def read(source: Path, reading: layouts.Reading) -> layouts.Source:
    """Reads the two lists of interactions and opens the features.

    Users and items are those of the interactions, as in the authors' own code; an item's id is its
    row in the features. There is no validation split.

    Args:
        source: the folder.
        reading: its ``features`` choose the features.

    Returns:
        The data set; its modalities are ``v``, ``a`` and ``t`` unless features are chosen.

    Raises:
        FileNotFoundError: if there is no such pair of lists, or a chosen feature file is missing.
        ValueError: if an option is of no use, a file is damaged or not of this form, an id is out
            of range, or a split has no interactions.
    """
    layouts.refuse(reading, "slmrec", ("features",))
    name = _name(source)
    paths = feature_files(source, reading.features, _published(name))
    opened = {modality: open_features(modality, path) for modality, path in paths.items()}
    matrices = {modality: file for modality, file in opened.items() if not is_word_list(file)}
    pairs = {split: _pairs(source / f"{name}.{split}") for split in SPLITS}
    every = pd.concat(pairs.values())
    users, items = np.unique(every["user"]), np.unique(every["item"])
    remarks = []
    if matrices:
        n_rows = agreed_rows(paths, matrices)
        for split, frame in pairs.items():
            check_rows(frame["item"], n_rows, source / f"{name}.{split}")
        if n_rows > len(items):
            remarks.append(
                f"{n_rows - len(items):,} of the {n_rows:,} rows of the features are of items "
                "without an interaction, and left out as in the authors' own code"
            )
    features: dict[str, layouts.Matrix | layouts.Words] = {}
    for modality, values in opened.items():
        if modality in matrices:
            features[modality] = layouts.Matrix(f"{modality}.npy", values, items)
        else:
            features[modality] = _words(modality, paths[modality], values, items, remarks)
    interactions = {
        split: pd.DataFrame(
            {
                "user": np.searchsorted(users, frame["user"]),
                "item": np.searchsorted(items, frame["item"]),
            }
        )
        for split, frame in pairs.items()
    }
    read = [source / f"{name}.{split}" for split in SPLITS]
    remarks += not_read(source, [*read, *paths.values()])
    return layouts.Source(
        "slmrec", as_tokens(users), as_tokens(items), interactions, features, remarks
    )


def _names(source: Path) -> list[str]:
    names = [path.stem for path in sorted(source.glob("*.train"))]
    return [name for name in names if (source / f"{name}.test").is_file()]


def _name(source: Path) -> str:
    names = _names(source)
    if not names:
        raise FileNotFoundError(
            f"{source} lacks <name>.train and <name>.test: the layout slmrec needs both"
        )
    if len(names) > 1:
        raise ValueError(
            f"{source} has more than one data set: {', '.join(names)}; give each its own folder"
        )
    return names[0]


def _pairs(path: Path) -> pd.DataFrame:
    table = read_lines(path, ",", header=None)
    if table.shape[1] != 2:
        raise ValueError(
            f"{path}: line 1 has {table.shape[1]} values; user,item is needed in each line"
        )
    table.columns = ["user", "item"]
    return pd.DataFrame({column: whole_numbers(table[column], path) for column in table})


def _published(name: str) -> dict[str, tuple[str, ...]]:
    return {
        modality: tuple(f"{name}_{file}" for file in files) for modality, files in FEATURES.items()
    }


def _words(
    modality: str, path: Path, values: np.ndarray, items: np.ndarray, remarks: list[str]
) -> layouts.Words:
    numbers, words = word_pairs(modality, path, values)
    there = np.isin(numbers, items)
    if not there.all():
        remarks.append(
            f"modality {modality}: {np.count_nonzero(~there):,} of the {len(words):,} words are of "
            "items without an interaction, and left out with them"
        )
    positions = np.searchsorted(items, numbers[there])
    return layouts.Words(f"{modality}_words.npy", positions, words[there])


LAYOUT = layouts.Layout(
    files="<name>.train and <name>.test with user,item in each line",
    matches=matches,
    read=read,
)
