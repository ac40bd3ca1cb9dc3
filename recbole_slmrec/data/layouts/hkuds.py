"""The layout of the HKUDS repositories (MMSSL, DiffMM): a matrix or a JSON file for each split."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from recbole_slmrec.data import layouts
from recbole_slmrec.data.feature_files import agreed_rows, feature_files, not_read, open_features
from recbole_slmrec.data.numbered import LARGEST, as_tokens
from recbole_slmrec.data.pickles import load_sparse_matrix

MATRICES = {"train": "trnMat.pkl", "valid": "valMat.pkl", "test": "tstMat.pkl"}
LISTS = {"train": "train.json", "valid": "val.json", "test": "test.json"}
FEATURES = {"v": "image_feat.npy", "a": "audio_feat.npy", "t": "text_feat.npy"}
_USER = re.compile("0|[1-9][0-9]{0,9}")


def matches(source: Path) -> bool:
    """Whether a folder has the file of a split, in either form."""
    return _any_there(source, MATRICES) or _any_there(source, LISTS)


def read(source: Path, reading: layouts.Reading) -> layouts.Source:
    """Reads the interactions and maps the features that are there.

    Interactions are either users x items matrices, where an entry that is not zero is one, or JSON
    files with the list of each user's items. Ids are the numbers in them. Features are optional.

    Args:
        source: the folder with the files under their published names.
        reading: its ``features`` choose the features.

    Returns:
        The data set; its modalities are ``v`` (image), ``a`` (audio) and ``t`` (text), as far as
        they are there, unless features are chosen. There are as many users and items as matrices
        have rows and columns. JSON says it by its largest numbers, but features go before it.

    Raises:
        FileNotFoundError: if the file of a split or a chosen feature file is missing.
        ValueError: if a file is damaged, the matrices differ in shape, a split has no interactions,
            an item's number is out of range, or features are not one row of floats for each item.
    """
    layouts.refuse(reading, "hkuds", ("features",))
    files = _files(source)
    paths = feature_files(source, reading.features, {name: (it,) for name, it in FEATURES.items()})
    matrices = {modality: open_features(modality, path) for modality, path in paths.items()}
    if files is MATRICES:
        interactions, n_users, n_items = _read_matrices(source)
    else:
        interactions, n_users, n_items = _read_lists(source)
        if matrices:
            n_items = agreed_rows(paths, matrices)
            _check_items(source, interactions, n_items)
    features = {}
    for modality, matrix in matrices.items():
        _check_matrix(paths[modality], matrix, n_items, files["train"])
        file = f"{modality}.npy" if reading.features else paths[modality].name
        features[modality] = layouts.Matrix(file, matrix)
    users, items = as_tokens(np.arange(n_users)), as_tokens(np.arange(n_items))
    remarks = not_read(source, [source / file for file in files.values()] + [*paths.values()])
    return layouts.Source("hkuds", users, items, interactions, features, remarks)


def _any_there(source: Path, files: dict[str, str]) -> bool:
    return any((source / file).is_file() for file in files.values())


def _files(source: Path) -> dict[str, str]:
    files = LISTS if matches(source) and not _any_there(source, MATRICES) else MATRICES
    missing = [file for file in files.values() if not (source / file).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{source} lacks {', '.join(missing)}: the HKUDS layout needs "
            f"{', '.join(files.values())}"
        )
    return files


def _read_matrices(source: Path) -> tuple[dict[str, pd.DataFrame], int, int]:
    matrices = {split: load_sparse_matrix(source / file) for split, file in MATRICES.items()}
    if len({matrix.shape for matrix in matrices.values()}) > 1:
        shapes = ", ".join(f"{file} is {matrices[split].shape}" for split, file in MATRICES.items())
        raise ValueError(
            f"the matrices in {source} differ in shape: {shapes}; all three must be (users, items) "
            "of one data set"
        )
    interactions = {}
    for split, matrix in matrices.items():
        there = matrix.data != 0
        interactions[split] = _frame(source / MATRICES[split], matrix.row[there], matrix.col[there])
    return interactions, *matrices["train"].shape


def _read_lists(source: Path) -> tuple[dict[str, pd.DataFrame], int, int]:
    interactions = {split: _read_list(source / file) for split, file in LISTS.items()}
    pooled = pd.concat(interactions.values())
    return interactions, int(pooled["user"].max()) + 1, int(pooled["item"].max()) + 1


def _check_items(source: Path, interactions: dict[str, pd.DataFrame], n_items: int) -> None:
    for split, frame in interactions.items():
        outside = frame[frame["item"] >= n_items]
        if len(outside):
            user, item = outside.iloc[0]
            raise ValueError(
                f"{source / LISTS[split]}: user {user} has the item {item}, but the features have "
                f"rows for the items 0 to {n_items - 1}; get the features that belong to this file"
            )


def _read_list(path: Path) -> pd.DataFrame:
    try:
        with open(path, encoding="utf-8-sig") as file:
            liked = json.load(file, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} cannot be read as JSON: {error}; get an undamaged copy of the file"
        ) from error
    form = '{"0": [3, 5], "1": []} is the form, numbers of items under each number of a user'
    if not isinstance(liked, dict):
        raise ValueError(f"{path} does not hold users; {form}")
    for user, items in liked.items():
        if not _USER.fullmatch(user) or int(user) > LARGEST:
            raise ValueError(f"{path}: the user {user!r} is not a number; {form}")
        if not isinstance(items, list) or not all(map(_is_number, items)):
            raise ValueError(f"{path}: what user {user} has is not a list of numbers; {form}")
    users = np.repeat([int(user) for user in liked], [len(items) for items in liked.values()])
    return _frame(path, users, list(chain.from_iterable(liked.values())))


def _is_number(item: object) -> bool:
    return type(item) is int and 0 <= item <= LARGEST


def _without_repeats(pairs: list[tuple]) -> dict:
    users = dict(pairs)
    if len(users) < len(pairs):
        twice = Counter(user for user, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"user {twice} is there more than once")
    return users


def _frame(path: Path, users: np.ndarray, items: np.ndarray | list[int]) -> pd.DataFrame:
    if len(items) == 0:
        raise ValueError(f"{path} holds no interactions")
    return pd.DataFrame({"user": users, "item": items}, dtype=np.int64)


def _check_matrix(path: Path, matrix: np.ndarray, n_items: int, train_file: str) -> None:
    if matrix.dtype.kind != "f":
        raise ValueError(f"{path} holds values of type {matrix.dtype}; floats are needed")
    if len(matrix) != n_items:
        raise ValueError(
            f"{path} has shape {matrix.shape}; ({n_items}, columns) is needed, one row for each of "
            f"the {n_items:,} items of {train_file}"
        )


LAYOUT = layouts.Layout(
    files=f"{', '.join(MATRICES.values())} (or {', '.join(LISTS.values())})",
    matches=matches,
    read=read,
)
