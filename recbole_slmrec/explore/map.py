"""A map of items: two numbers for each, so that items that are alike lie near each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_matrix
from sklearn.decomposition import PCA, TruncatedSVD

from recbole_slmrec.explore.catalogue import MARKS, Catalogue, Colours, colours_of
from recbole_slmrec.explore.trained import Trained

# Where points are, in whole numbers from 0.
SIDE = 1000

_MOST_POINTS = 10_000


def map_of_items(
    name: str, trained: Trained, known: Catalogue, on_page: np.ndarray
) -> dict[str, Any]:
    """Where items lie, and ways to tell them apart by colour.

    Args:
        name: what to call the model.
        trained: the model.
        known: the items of the data set.
        on_page: rows of the page's items, the most important first.

    Returns:
        Plain values: what the map shows, in words; its points, those of ``on_page`` first, as many as
        a map holds; and for each way to colour them, the groups and the points' places among them.
    """
    rows = on_page[:_MOST_POINTS]
    by, points = _positions(name, trained, rows)
    texts = known.texts.iloc[rows - 1].reset_index(drop=True)
    colours = [Colours("popularity", ["others", *MARKS[1:]], known.marks[rows])]
    colours += [colours_of(field, kind, texts[field]) for field, kind in known.kinds.items()]
    return {
        "by": by,
        "side": SIDE,
        "points": points.tolist(),
        "colours": [
            {"name": each.name, "labels": each.labels, "groups": each.groups.tolist()}
            for each in colours
        ],
    }


def _positions(name: str, trained: Trained, items: np.ndarray) -> tuple[str, np.ndarray]:
    """What the map shows, and the places, whole numbers from 0 to :data:`SIDE`: shape (n, 2)."""
    if not trained.has_vectors:
        flat = TruncatedSVD(2, random_state=0).fit_transform(_users_of(trained, items))
        return f"{name} has no vectors: SVD of who has which item", _whole(flat)
    with torch.inference_mode():
        vectors = trained.recommender.model.likeness(trained.recommender.vectors()[1])[items]
    n_lacking = max(2 - vectors.shape[1], 0)
    method, flat = _flat(np.pad(vectors.float().cpu().numpy(), ((0, 0), (0, n_lacking))))
    return f"{method} of {name}’s vectors of items", _whole(flat)


def _flat(vectors: np.ndarray) -> tuple[str, np.ndarray]:
    try:
        from umap import UMAP
    except ImportError:
        return "PCA", PCA(2, random_state=0).fit_transform(vectors)
    return "UMAP", UMAP(n_components=2, random_state=0).fit_transform(vectors)


def _users_of(trained: Trained, items: np.ndarray) -> csr_matrix:
    users, having = trained.splits[0]
    shape = trained.dataset.item_num, trained.dataset.user_num
    return csr_matrix((np.ones(len(users), np.float32), (having, users)), shape)[items]


def _whole(flat: np.ndarray) -> np.ndarray:
    low, high = flat.min(axis=0), flat.max(axis=0)
    return np.rint((flat - low) / np.where(high > low, high - low, 1) * SIDE).astype(int)
