"""The K best items of each user, by blocks of users so that memory is bounded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator

import torch
from torch import Tensor

from recbole_slmrec.recommend.pairs import Pairs
from recbole_slmrec.recommend.scores import SCORES_PER_BLOCK, Scores

_GROUP = 64


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
        values, columns = best(found, k)
        yield Ranking(block, items[columns.cpu()], values.cpu())


def best(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """``scores.topk(k)``, several times as fast on long rows: values and columns, shape (B, k).

    The K best of a row lie in the K groups of columns with the largest maxima, so that only these
    groups, and the columns that fill no group, are sorted.
    """
    n_rows, n_columns = scores.shape
    n_groups = n_columns // _GROUP
    if n_groups < 4 * k:
        return scores.topk(k)
    grouped = n_groups * _GROUP
    maxima = scores[:, :grouped].view(n_rows, n_groups, _GROUP).amax(2)
    members = maxima.topk(k).indices.unsqueeze(2) * _GROUP + _arange(0, _GROUP, scores)
    rest = _arange(grouped, n_columns, scores).expand(n_rows, -1)
    columns = torch.cat([members.flatten(1), rest], dim=1)
    values, places = scores.gather(1, columns).topk(k)
    return values, columns.gather(1, places)


def _arange(start: int, end: int, like: Tensor) -> Tensor:
    return torch.arange(start, end, device=like.device)
