"""The nearest rows of a table by cosine, by blocks so that memory is bounded."""

from __future__ import annotations

from typing import Iterator

import numpy as np
import torch
from torch import Tensor

from recbole_slmrec.model.recommender import VectorRecommender
from recbole_slmrec.recommend.pairs import Pairs
from recbole_slmrec.recommend.ranking import Ranking, rank
from recbole_slmrec.recommend.scores import VectorScores


def nearest(vectors: Tensor, rows: np.ndarray, among: np.ndarray, k: int) -> Iterator[Ranking]:
    """The K others whose vectors have the largest cosine with a row's.

    Args:
        vectors: shape (n, d), of any length.
        rows: those that are asked for, each once.
        among: the rows to choose from, each once.
        k: how many others each gets at most.

    Yields:
        Rankings, whose ``users`` are of ``rows``.
    """
    unit = torch.nn.functional.normalize(vectors, dim=1)
    itself = Pairs(rows, rows, len(unit))
    return rank(
        VectorScores(unit, unit), torch.from_numpy(rows), torch.from_numpy(among), k, itself
    )


def alike(
    model: VectorRecommender, vectors: Tensor, rows: np.ndarray, among: np.ndarray, k: int
) -> Iterator[Ranking]:
    """The K items that are most like others by a model; as :func:`nearest`.

    Args:
        model: says what of the vectors makes items alike.
        vectors: its vectors of all items, shape (n, k), those that came after training last.
    """
    are, content = model.likeness_by_content(vectors)
    by_content = are.cpu().numpy()[rows]
    for chosen, compared in ((~by_content, model.likeness(vectors)), (by_content, content)):
        if chosen.any():
            yield from nearest(compared, rows[chosen], among, k)
