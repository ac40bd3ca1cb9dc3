"""The K best items of each user, by blocks of users so that memory is bounded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator

import torch
from torch import Tensor

from recbole_slmrec.evaluation.top_k import top_k
from recbole_slmrec.recommend.pairs import Pairs
from recbole_slmrec.recommend.scores import SCORES_PER_BLOCK, Scores


@dataclass(frozen=True)
class Ranking:
    """The best items of a block of users, the best first.

    Attributes:
        users: shape (B,), rows of users.
        items: shape (B, k), rows of items.
        scores: shape (B, k); minus infinity where a user has fewer than k items left.
    """

    users: Tensor
    items: Tensor
    scores: Tensor


def block_size(scores: Scores, items: Tensor) -> int:
    """How many users are ranked at a time."""
    return max(SCORES_PER_BLOCK // max(scores.width(items), 1), 1)


def rank(
    scores: Scores, users: Tensor, items: Tensor, k: int, excluded: Pairs | None
) -> Iterator[Ranking]:
    """Ranks ``items`` for ``users``, block by block.

    Args:
        scores: what scores them.
        users: rows of users, shape (n,).
        items: rows of the candidates, each once.
        k: how many items each user gets at most.
        excluded: pairs that are left out, None for none.
    """
    score = scores.against(items)
    k = min(k, len(items))
    if excluded is not None:
        excluded = excluded.within(items.numpy())
    for block in users.split(block_size(scores, items)):
        found = score(block)
        if excluded is not None:
            places, columns = excluded.of(block)
            found[places.to(found.device), columns.to(found.device)] = -torch.inf
        values, columns = top_k(found, k)
        yield Ranking(block, items[columns.cpu()], values.cpu())
