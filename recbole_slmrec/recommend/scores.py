"""Scores of a block of users with candidate items: from vectors, or from RecBole's own models."""

from __future__ import annotations

from typing import Callable, Protocol

import torch
from recbole.data.interaction import Interaction
from recbole.model.abstract_recommender import AbstractRecommender, GeneralRecommender
from torch import Tensor

# Scores held at a time: 16 MiB of float32, which the allocator hands out again block after block.
SCORES_PER_BLOCK = 2**22

# Pairs that a model without a full ranking scores at a time: it may hold a feature map for each.
_PAIRS_PER_CALL = 2**16


class Scores(Protocol):
    """What ranks. Users and items are rows, given on the CPU; row 0 is the padding."""

    def against(self, items: Tensor) -> Callable[[Tensor], Tensor]:
        """A function from users, shape (B,), to their scores with ``items``: shape (B, n)."""

    def width(self, items: Tensor) -> int:
        """How many scores of a user are held at a time."""

    def of_pairs(self, users: Tensor, items: Tensor) -> Tensor:
        """The score of each pair: shape (n,)."""


class VectorScores:
    """Inner products of vectors.

    Args:
        users: shape (|U|, d), the padding in row 0.
        items: shape (|I|, d), the padding in row 0.
    """

    def __init__(self, users: Tensor, items: Tensor):
        self.users, self.items = users, items

    def against(self, items: Tensor) -> Callable[[Tensor], Tensor]:
        columns = self.items[items].T
        return lambda users: self.users[users] @ columns

    def width(self, items: Tensor) -> int:
        return len(items)

    def of_pairs(self, users: Tensor, items: Tensor) -> Tensor:
        return (self.users[users] * self.items[items]).sum(1)


class ModelScores:
    """What a general recommender of RecBole's answers to ``full_sort_predict``, or to ``predict``
    where it has no full ranking.

    Args:
        model: the model, in evaluation mode.
    """

    def __init__(self, model: GeneralRecommender):
        self.model = model
        ranks = type(model).full_sort_predict is not AbstractRecommender.full_sort_predict
        self._rows = self._ranked if ranks else self._predicted

    def against(self, items: Tensor) -> Callable[[Tensor], Tensor]:
        return lambda users: self._rows(users, items)

    def width(self, items: Tensor) -> int:
        return self.model.n_items

    def of_pairs(self, users: Tensor, items: Tensor) -> Tensor:
        distinct_users, places = users.unique(return_inverse=True)
        distinct_items, columns = items.unique(return_inverse=True)
        scores = torch.empty(len(users))
        size = max(SCORES_PER_BLOCK // self.model.n_items, 1)
        for start in range(0, len(distinct_users), size):
            rows = self._rows(distinct_users[start : start + size], distinct_items).cpu()
            here = (places >= start) & (places < start + size)
            scores[here] = rows[places[here] - start, columns[here]].to(scores.dtype)
        return scores

    def _ranked(self, users: Tensor, items: Tensor) -> Tensor:
        scores = self.model.full_sort_predict(self._interaction({self.model.USER_ID: users}))
        return scores.reshape(len(users), -1)[:, items]

    def _predicted(self, users: Tensor, items: Tensor) -> Tensor:
        pairs = self._interaction(
            {
                self.model.USER_ID: users.repeat_interleave(len(items)),
                self.model.ITEM_ID: items.repeat(len(users)),
            }
        )
        parts = [
            self.model.predict(pairs[start : start + _PAIRS_PER_CALL]).reshape(-1)
            for start in range(0, len(pairs), _PAIRS_PER_CALL)
        ]
        return torch.cat(parts).view(len(users), -1)

    def _interaction(self, columns: dict[str, Tensor]) -> Interaction:
        return Interaction(columns).to(self.model.device)
