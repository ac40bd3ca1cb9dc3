"""Nearest neighbours among items, kept in a file for the next run as propagated features are."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import numpy as np
import torch
from torch import Tensor

from recbole_slmrec.data.modality import DenseModality, Modality
from recbole_slmrec.graph.bipartite import interaction_graph
from recbole_slmrec.graph.nearest import (
    NEIGHBOUR,
    NONE,
    content_neighbours,
    shared_user_neighbours,
)
from recbole_slmrec.graph.product import InteractionBlock
from recbole_slmrec.model.kept import KeptArray, file_stem

# Multiplications from which on a file is read sooner than they are made; dense, and sparse.
_WORTH_A_FILE, _SPARSE_WORTH_A_FILE = 10**10, 10**8


def kept_content_neighbours(name: str, features: Tensor, k: int, folder: Path | None) -> np.ndarray:
    """:func:`~recbole_slmrec.graph.nearest.content_neighbours` of a modality.

    Args:
        name: of the modality.
        features: shape (|I|, D).
        k: at least 1, below |I|.
        folder: where they are kept for the next run; None keeps none.

    Returns:
        As there.

    Raises:
        ValueError: as there.
    """
    n_items, width = features.shape
    if folder is None or n_items**2 * width < _WORTH_A_FILE:
        return content_neighbours(features, k)
    return _kept(
        KeptArray(folder, f"{file_stem(name)}.neighbours", f"{k} {n_items}", features),
        (n_items, k),
        f"neighbours by {name}",
        lambda: content_neighbours(features, k),
    )


def modality_neighbours(
    modality: Modality, n_items: int, k: int, folder: Path | None
) -> np.ndarray:
    """The nearest items in a modality: by the cosine of features or, of word lists, of sets of words.

    Args:
        modality: what items are compared by.
        n_items: |I|.
        k: at least 1, below |I|.
        folder: as for :func:`kept_content_neighbours`.

    Returns:
        As :func:`~recbole_slmrec.graph.nearest.content_neighbours`.

    Raises:
        ValueError: as there.
    """
    if isinstance(modality, DenseModality):
        features = torch.from_numpy(modality.features)
        return kept_content_neighbours(modality.name, features, k, folder)
    # Items share words as they share users.
    words, items = torch.from_numpy(modality.words), torch.from_numpy(modality.items)
    graph = interaction_graph(words, items, modality.n_words, n_items)
    return shared_user_neighbours(InteractionBlock(graph, torch.device("cpu")), k)


def kept_shared_user_neighbours(
    block: InteractionBlock, k: int, shrink: float, folder: Path | None
) -> np.ndarray:
    """:func:`~recbole_slmrec.graph.nearest.shared_user_neighbours`.

    Args:
        block: the interactions.
        k: at least 1, below |I|.
        shrink: 0 or more.
        folder: as for :func:`kept_content_neighbours`.

    Returns:
        As there.

    Raises:
        ValueError: as there.
    """
    edges = block.on_users
    if folder is None or int(edges.degrees.long().square().sum()) < _SPARSE_WORTH_A_FILE:
        return shared_user_neighbours(block, k, shrink)
    settings = f"{k} {shrink} {block.n_users} {block.n_items}"
    return _kept(
        KeptArray(folder, "users.shared_neighbours", settings, edges.starts, edges.columns),
        (block.n_items, k),
        "neighbours by shared users",
        lambda: shared_user_neighbours(block, k, shrink),
    )


def _kept(
    kept: KeptArray, shape: tuple[int, int], what: str, make: Callable[[], np.ndarray]
) -> np.ndarray:
    neighbours = kept.read(shape, NEIGHBOUR)
    if neighbours is None or not _are_items(neighbours["item"]):
        neighbours = make()
        kept.write(what, neighbours)
    return neighbours


def _are_items(ids: np.ndarray) -> bool:
    # A kernel that is given others reads outside of its table.
    return bool(((ids >= NONE) & (ids < len(ids))).all())
