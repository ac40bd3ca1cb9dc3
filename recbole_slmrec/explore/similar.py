"""Which items are alike: by a model's vectors, and by each modality alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator

import numpy as np
import torch

from recbole_slmrec.data.modality import DenseModality, Modality, WordModality
from recbole_slmrec.explore.trained import Trained
from recbole_slmrec.graph.bipartite import interaction_graph
from recbole_slmrec.graph.nearest import NONE, shared_user_neighbours
from recbole_slmrec.graph.product import InteractionBlock
from recbole_slmrec.recommend.ranking import Ranking
from recbole_slmrec.recommend.similar import alike, nearest

N_SIMILAR = 6


@dataclass(frozen=True, eq=False)
class Similar:
    """The items most similar to some, the nearest first.

    Attributes:
        name: of the model or modality.
        of_model: which of the two.
        found: for each item that was asked for, rows of items and their cosines.
        why_not: why there are none; empty if there are.
    """

    name: str
    of_model: bool
    found: list[list[tuple[int, float]]]
    why_not: str = ""


def by_model(name: str, trained: Trained, items: np.ndarray) -> Similar:
    """By the cosine of the model's vectors, popularity aside.

    Args:
        name: what to call the model.
        trained: the model.
        items: rows of items.
    """
    if not trained.has_vectors:
        return Similar(name, True, [], f"{name} has no vectors of items to compare")
    with torch.inference_mode():
        recommender = trained.recommender
        _, vectors = recommender.vectors()
        found = alike(recommender.model, vectors, items, recommender.items.all_rows(), N_SIMILAR)
        return Similar(name, True, _lists(items, found))


def by_modality(modality: Modality, items: np.ndarray, n_items: int) -> Similar:
    """By the cosine of features or, of word lists, of sets of words.

    Args:
        modality: what they are compared by.
        items: rows of items.
        n_items: |I|, the padding among them.
    """
    if isinstance(modality, WordModality):
        return Similar(modality.name, False, _by_words(modality, items, n_items))
    return Similar(modality.name, False, _by_features(modality, items))


def _by_features(modality: DenseModality, items: np.ndarray) -> list[list[tuple[int, float]]]:
    features = torch.from_numpy(modality.features)
    # A zero row has no features, and is like nothing.
    present = features.any(1).nonzero().squeeze(1).numpy()
    asked = items[np.isin(items, present)]
    return (
        _lists(items, nearest(features, asked, present, N_SIMILAR))
        if len(asked)
        else [[]] * len(items)
    )


def _by_words(
    modality: WordModality, items: np.ndarray, n_items: int
) -> list[list[tuple[int, float]]]:
    # Items share words as they share users.
    words, having = torch.from_numpy(modality.words), torch.from_numpy(modality.items)
    graph = interaction_graph(words, having, modality.n_words, n_items)
    block = InteractionBlock(graph, torch.device("cpu"))
    # One more, for the item itself is always among them.
    neighbours = shared_user_neighbours(block, min(N_SIMILAR + 1, n_items - 1), 0)[items]
    return [
        sorted(
            ((int(n["item"]), float(n["cosine"])) for n in row if n["item"] not in (NONE, item)),
            key=lambda pair: (-pair[1], pair[0]),
        )
        for item, row in zip(items, neighbours)
    ]


def _lists(items: np.ndarray, rankings: Iterator[Ranking]) -> list[list[tuple[int, float]]]:
    found: dict[int, list[tuple[int, float]]] = {}
    for ranking in rankings:
        for item, others, cosines in zip(
            ranking.users.tolist(), ranking.items.tolist(), ranking.scores.tolist()
        ):
            pairs = zip(others, cosines)
            found[item] = [(other, cosine) for other, cosine in pairs if cosine > -np.inf]
    return [found.get(item, []) for item in items.tolist()]
