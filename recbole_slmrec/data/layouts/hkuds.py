"""The layout of the HKUDS repositories (MMSSL, DiffMM): a pickled matrix for each split."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recbole_slmrec.data import layouts
from recbole_slmrec.data.matrix import open_npy
from recbole_slmrec.data.pickles import load_sparse_matrix

MATRICES = {"train": "trnMat.pkl", "valid": "valMat.pkl", "test": "tstMat.pkl"}
FEATURES = {"v": "image_feat.npy", "a": "audio_feat.npy", "t": "text_feat.npy"}
NEEDED = tuple(MATRICES.values())


def read(source: Path) -> layouts.Source:
    """Reads the users x items matrices and looks at the features that are there.

    An entry that is not zero is an interaction. Feature files are optional.

    Args:
        source: the folder with the files under their published names.

    Returns:
        The data set; its modalities are ``v`` (image), ``a`` (audio) and ``t`` (text).

    Raises:
        FileNotFoundError: if a matrix is missing.
        ValueError: if a file is damaged, the matrices differ in shape, a split has no interactions,
            or features are not one row of floats for each item.
    """
    missing = [file for file in NEEDED if not (source / file).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{source} lacks {', '.join(missing)}: the HKUDS layout needs {', '.join(NEEDED)}"
        )
    matrices = {split: load_sparse_matrix(source / file) for split, file in MATRICES.items()}
    if len({matrix.shape for matrix in matrices.values()}) > 1:
        shapes = ", ".join(f"{file} is {matrices[split].shape}" for split, file in MATRICES.items())
        raise ValueError(
            f"the matrices in {source} differ in shape: {shapes}; all three must be (users, items) "
            "of one data set"
        )
    splits = {split: _interactions(matrix) for split, matrix in matrices.items()}
    for split, interactions in splits.items():
        if len(interactions) == 0:
            raise ValueError(f"{source / MATRICES[split]} holds no interactions")
    n_users, n_items = matrices["train"].shape
    features = {
        modality: source / file for modality, file in FEATURES.items() if (source / file).is_file()
    }
    for modality, path in features.items():
        _check_features(modality, path, n_items)
    return layouts.Source("hkuds", splits, n_users, n_items, features)


def _interactions(matrix) -> np.ndarray:
    there = matrix.data != 0
    return np.column_stack([matrix.row[there], matrix.col[there]]).astype(np.int64)


def _check_features(modality: str, path: Path, n_items: int) -> None:
    features = open_npy(modality, str(path))
    if features.dtype.kind != "f":
        raise ValueError(f"{path} holds values of type {features.dtype}; floats are needed")
    if features.ndim != 2 or len(features) != n_items:
        raise ValueError(
            f"{path} has shape {features.shape}; ({n_items}, columns) is needed, one row for each "
            f"of the {n_items:,} items (columns) of {MATRICES['train']}"
        )
