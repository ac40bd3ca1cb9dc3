"""Published files, made up: a folder in the HKUDS layout."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix

N_USERS, N_ITEMS = 4, 5
INTERACTIONS = {
    "train": [(0, 3), (0, 1), (1, 0), (2, 3), (3, 1)],
    "valid": [(1, 4), (0, 0)],
    "test": [(2, 0), (1, 3)],
}
MATRICES = {"train": "trnMat.pkl", "valid": "valMat.pkl", "test": "tstMat.pkl"}
LISTS = {"train": "train.json", "valid": "val.json", "test": "test.json"}


def publish(folder: Path) -> Path:
    """Writes a folder as the HKUDS repositories have it, without text."""
    folder.mkdir()
    for split, pairs in INTERACTIONS.items():
        write_matrix(folder / MATRICES[split], pairs)
    generator = np.random.default_rng(0)
    for file, width in [("image_feat.npy", 6), ("audio_feat.npy", 3)]:
        np.save(folder / file, generator.normal(size=(N_ITEMS, width)).astype(np.float16))
    return folder


def write_matrix(path: Path, pairs: list[tuple[int, int]], shape=(N_USERS, N_ITEMS)) -> None:
    """Pickles a users x items matrix with these interactions."""
    rows, columns = np.array(pairs, dtype=np.int32).reshape(-1, 2).T
    ones = np.ones(len(pairs), dtype=np.float32)
    with open(path, "wb") as file:
        pickle.dump(coo_matrix((ones, (rows, columns)), shape=shape), file)


def write_lists(path: Path, pairs: list[tuple[int, int]], n_users: int) -> None:
    """Writes the items of each user as JSON, with an empty list for a user who has none."""
    lists = {str(user): [item for other, item in pairs if other == user] for user in range(n_users)}
    path.write_text(json.dumps(lists), encoding="utf-8")


def read_pairs(folder: Path, split: str) -> list[tuple[int, int]]:
    """The interactions of a data set whose ids are numbers."""
    frame = pd.read_csv(folder / f"{folder.name}.{split}.inter", sep="\t")
    assert list(frame.columns) == ["user_id:token", "item_id:token"]
    return list(frame.itertuples(index=False, name=None))
