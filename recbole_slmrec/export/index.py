"""FAISS indexes of the items by inner product: exact, by cells, and by a graph of neighbours."""

from __future__ import annotations

from math import sqrt

import numpy as np

# k-means wants this many points a cell.
_POINTS_PER_CELL = 39
_SHARE_OF_CELLS = 16
_NEIGHBOURS = 32
_BUILD_DEPTH, _SEARCH_DEPTH = 200, 128


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
        kind: ``flat``, exact; ``ivf``, 4 sqrt(n) cells of which a sixteenth is searched;
            ``hnsw``, a graph with 32 neighbours a node.
    """
    index = INDEXES[kind](faiss(), *vectors.shape)
    index.train(vectors)
    index.add(vectors)
    return index


def _flat(faiss, n: int, d: int):
    return faiss.IndexFlatIP(d)


def _ivf(faiss, n: int, d: int):
    n_cells = max(min(int(4 * sqrt(n)), n // _POINTS_PER_CELL), 1)
    cells = faiss.IndexFlatIP(d)
    index = faiss.IndexIVFFlat(cells, d, n_cells, faiss.METRIC_INNER_PRODUCT)
    index.nprobe = max(n_cells // _SHARE_OF_CELLS, 1)
    return index


def _hnsw(faiss, n: int, d: int):
    index = faiss.IndexHNSWFlat(d, _NEIGHBOURS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction, index.hnsw.efSearch = _BUILD_DEPTH, _SEARCH_DEPTH
    return index


INDEXES = {"flat": _flat, "ivf": _ivf, "hnsw": _hnsw}
