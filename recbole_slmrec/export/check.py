"""What an index costs and gains: its recall against the exact ranking, and the speed of both."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

import numpy as np

from recbole_slmrec.export.index import recall_of

_QUERIES = 2000


@dataclass(frozen=True)
class Check:
    """The figures of an index.

    Attributes:
        recall: the share of the exact K nearest items that the index finds.
        queries_per_second: of the index, for all queries in one call.
        exact_queries_per_second: of the exact search, likewise.
        n_queries: how many users asked.
    """

    recall: float
    queries_per_second: float
    exact_queries_per_second: float
    n_queries: int


def check(index, exact, queries: np.ndarray, k: int) -> Check:
    """Asks both indexes for the K nearest items of some users, spread over all.

    Args:
        index: the index.
        exact: one that is exact.
        queries: the users' vectors, float32, shape (n, d).
        k: at most the number of items.
    """
    queries = some_of(queries)
    found, speed = _timed(index, queries, k)
    wanted, exact_speed = _timed(exact, queries, k)
    return Check(recall_of(found, wanted), speed, exact_speed, len(queries))


def some_of(queries: np.ndarray) -> np.ndarray:
    """2,000 rows at most, spread over all."""
    return queries[:: -(-len(queries) // _QUERIES)]


def _timed(index, queries: np.ndarray, k: int) -> tuple[np.ndarray, float]:
    index.search(queries[:1], k)
    start = perf_counter()
    _, rows = index.search(queries, k)
    return rows, len(queries) / (perf_counter() - start)
