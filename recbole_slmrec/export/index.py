"""FAISS indexes of the items by inner product: exact, by cells, and by a graph of neighbours."""

from __future__ import annotations

from math import sqrt

import numpy as np

# k-means wants this many points a cell.
_POINTS_PER_CELL = 39
_NEIGHBOURS = 32
_BUILD_DEPTH = 200

# How wide a search is, by kind of index: the parameter that FAISS keeps in the file.
_WIDTHS = {"ivf": "nprobe", "hnsw": "efSearch"}


def faiss():
    """The module.

    Raises:
        ValueError: if it is not installed.
    """
    try:
        import faiss as module
    except ImportError:
        raise ValueError(
            "an index needs FAISS, which is not installed: pip install 'recbole-slmrec[serve]'"
        ) from None
    return module


def build_index(vectors: np.ndarray, kind: str):
    """An index of the rows of ``vectors``, shape (n, d), which are numbered from 0.

    Args:
        vectors: float32.
        kind: ``flat``, exact; ``ivf``, 4 sqrt(n) cells; ``hnsw``, a graph with 32 neighbours a node.
    """
    index = INDEXES[kind](faiss(), *vectors.shape)
    index.train(vectors)
    index.add(vectors)
    return index


def widen(index, kind: str, queries: np.ndarray, exact, k: int, recall: float) -> None:
    """Doubles the width of the index's search until it finds enough of the exact neighbours.

    Norms carry popularity, so that users' vectors lie elsewhere than items' and a width that suits
    other data finds little here.

    Args:
        index: what :func:`build_index` gives, of the kind ``kind``; a ``flat`` one stays as it is.
        queries: users' vectors, float32, shape (n, d).
        exact: a flat index of the same items.
        k: how many neighbours are looked for.
        recall: the share of them that is enough.
    """
    if kind not in _WIDTHS:
        return
    _, wanted = exact.search(queries, k)
    width = 1
    while width < 2 * index.ntotal:
        faiss().ParameterSpace().set_index_parameter(index, _WIDTHS[kind], width)
        _, found = index.search(queries, k)
        if recall_of(found, wanted) >= recall:
            return
        width *= 2


def recall_of(found: np.ndarray, wanted: np.ndarray) -> float:
    """The share of ``wanted`` that is in the same row of ``found``; both of shape (n, k)."""
    return float((found[:, :, None] == wanted[:, None, :]).any(1).mean())


def _flat(faiss, n: int, d: int):
    return faiss.IndexFlatIP(d)


def _ivf(faiss, n: int, d: int):
    n_cells = max(min(int(4 * sqrt(n)), n // _POINTS_PER_CELL), 1)
    cells = faiss.IndexFlatIP(d)
    return faiss.IndexIVFFlat(cells, d, n_cells, faiss.METRIC_INNER_PRODUCT)


def _hnsw(faiss, n: int, d: int):
    index = faiss.IndexHNSWFlat(d, _NEIGHBOURS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = _BUILD_DEPTH
    return index


INDEXES = {"flat": _flat, "ivf": _ivf, "hnsw": _hnsw}
