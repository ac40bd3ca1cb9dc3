"""The layout of MMGCN's release: numbered pairs, rows of items by user, and features."""

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
from recbole_slmrec.data.numbered import as_tokens
from recbole_slmrec.data.ragged import read_rows

# Where both are there, the first holds the interactions and the second sampled negatives as well.
FILES = {
    "train": ("train.npy",),
    "valid": ("val_full.npy", "val.npy"),
    "test": ("test_full.npy", "test.npy"),
}
FEATURES = {
    "v": ("FeatureVideo_normal.npy", "feat_v.pt"),
    "a": ("FeatureAudio_avg_normal.npy", "feat_a.pt"),
    "t": ("FeatureText_stl_normal.npy", "feat_t.pt"),
}
N_NEGATIVES = 1000


def matches(source: Path) -> bool:
    """Whether a folder has a file for each split."""
    return source.is_dir() and len(_files(source)) == len(FILES)


def read(source: Path, reading: layouts.Reading) -> layouts.Source:
    """Reads the interactions of each split and opens the features.

    Users are numbered from 0, and items from the number of users on. That number is not in the
    files: it is taken to be the largest user id plus one, and checked against items and features.

    Args:
        source: the folder.
        reading: its ``features`` choose the features.

    Returns:
        The data set, its items counted from 0; its modalities are ``v``, ``a`` and ``t`` unless
        features are chosen.

    Raises:
        FileNotFoundError: if a split's file or a chosen feature file is missing.
        ValueError: if an option is of no use, a file is damaged or not of this form, an id is out
            of range, or a split has no interactions.
    """
    layouts.refuse(reading, "mmgcn", ("features",))
    files = _files(source)
    missing = [" or ".join(names) for split, names in FILES.items() if split not in files]
    if missing:
        raise FileNotFoundError(f"{source} lacks {', '.join(missing)}: the layout mmgcn needs them")
    remarks: list[str] = []
    pairs, n_users = _interactions(files, remarks)
    paths = feature_files(source, reading.features, FEATURES)
    opened = {modality: open_features(modality, path) for modality, path in paths.items()}
    matrices = {modality: file for modality, file in opened.items() if not is_word_list(file)}
    first = min(frame["item"].min() for frame in pairs.values())
    last = max(frame["item"].max() for frame in pairs.values())
    n_items = agreed_rows(paths, matrices) if matrices else int(last) - n_users + 1
    _check_items(files, pairs, n_users, n_items)
    remarks.append(_offset(n_users, int(first)))
    features: dict[str, layouts.Matrix | layouts.Words] = {}
    for modality, values in opened.items():
        if modality in matrices:
            features[modality] = layouts.Matrix(f"{modality}.npy", values)
        else:
            pair_items, words = word_pairs(modality, paths[modality], values)
            pair_items = _word_items(paths[modality], pair_items, n_users, n_items, remarks)
            features[modality] = layouts.Words(f"{modality}_words.npy", pair_items, words)
    interactions = {
        split: frame.assign(item=frame["item"] - n_users).reset_index(drop=True)
        for split, frame in pairs.items()
    }
    users, items = as_tokens(np.arange(n_users)), as_tokens(np.arange(n_items))
    remarks += not_read(source, [*files.values(), *paths.values()])
    return layouts.Source("mmgcn", users, items, interactions, features, remarks)


def _files(source: Path) -> dict[str, Path]:
    files = {}
    for split, names in FILES.items():
        there = [source / name for name in names if (source / name).is_file()]
        if there:
            files[split] = there[0]
    return files


def _interactions(
    files: dict[str, Path], remarks: list[str]
) -> tuple[dict[str, pd.DataFrame], int]:
    pairs, n_users = {}, 0
    for split, path in files.items():
        values, lengths = read_rows(path)
        _check_lengths(split, path, lengths)
        skipped = 0
        if split != "train" and _has_negatives(lengths):
            skipped = N_NEGATIVES
            remarks.append(
                f"{path.name}: each row has {N_NEGATIVES:,} items or more; the first "
                f"{N_NEGATIVES:,} after the user are taken to be sampled negatives and passed over"
            )
        users, pairs[split] = _pairs(values, lengths, skipped)
        if pairs[split].empty:
            raise ValueError(f"{path} holds no interactions")
        if users.min() < 0:
            row = int(np.argmin(users))
            raise ValueError(
                f"{path}: row {row} (counting from 0) has the user {users[row]}; users are "
                "numbered from 0"
            )
        n_users = max(n_users, int(users.max()) + 1)
    return pairs, n_users


def _check_lengths(split: str, path: Path, lengths: np.ndarray) -> None:
    wrong = lengths != 2 if split == "train" else lengths == 0
    if wrong.any():
        row = int(np.argmax(wrong))
        needed = "user, item" if split == "train" else "user, item, item, ..."
        raise ValueError(
            f"{path}: row {row} (counting from 0) has {lengths[row]} numbers, where {needed} is "
            "needed"
        )


def _has_negatives(lengths: np.ndarray) -> bool:
    lengths = lengths[lengths > 1]
    return len(lengths) > 0 and bool(lengths.min() > N_NEGATIVES)


def _pairs(
    values: np.ndarray, lengths: np.ndarray, skipped: int
) -> tuple[np.ndarray, pd.DataFrame]:
    """The user of each row, and each user and item, by row; ``skipped`` items a row are not."""
    starts = np.cumsum(lengths) - lengths
    users = values[starts]
    row = np.repeat(np.arange(len(lengths)), lengths)
    kept = np.arange(len(values)) - starts[row] > skipped
    return users, pd.DataFrame({"user": users[row[kept]], "item": values[kept]}, index=row[kept])


def _check_items(
    files: dict[str, Path], pairs: dict[str, pd.DataFrame], n_users: int, n_items: int
) -> None:
    for split, frame in pairs.items():
        items = frame["item"]
        outside = (items < n_users) | (items >= n_users + n_items)
        if outside.any():
            row, item = frame.index[int(np.argmax(outside))], items[outside].iloc[0]
            if item < n_users:
                reason = f"users go up to {n_users - 1}, and items are numbered from there on"
            else:
                reason = (
                    f"there are {n_users} users, so the {n_items} rows of the features belong to "
                    f"the items {n_users} to {n_users + n_items - 1}"
                )
            raise ValueError(
                f"{files[split]}: row {row} (counting from 0) has the item {item}, but {reason}; "
                "get interactions and features that belong together"
            )


def _offset(n_users: int, first: int) -> str:
    remark = (
        f"item ids are offset by {n_users:,}, the number of users, which is taken to be the "
        "largest user id plus one"
    )
    if first > n_users:
        remark += (
            f"; nobody has the first item, so any number up to {first:,} would fit: check that "
            f"the publisher counts {n_users:,} users, for else features go to the wrong items"
        )
    return remark


def _word_items(
    path: Path, items: np.ndarray, n_users: int, n_items: int, remarks: list[str]
) -> np.ndarray:
    if items.max() >= n_items and items.min() >= n_users:
        remarks.append(f"{path.name}: its item ids are offset by {n_users:,} as well")
        items = items - n_users
    if items.max() >= n_items:
        pair = int(np.argmax(items >= n_items))
        raise ValueError(
            f"{path}: pair {pair} (counting from 0) has the item {items[pair]}, where there are "
            f"the items 0 to {n_items - 1}; get word lists that belong to these interactions"
        )
    return items


LAYOUT = layouts.Layout(
    files="train.npy, val_full.npy or val.npy, test_full.npy or test.npy",
    matches=matches,
    read=read,
)
