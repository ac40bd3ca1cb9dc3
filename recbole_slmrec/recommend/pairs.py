"""Pairs of user and item that are looked up for a block of users at a time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch import Tensor


class Pairs:
    """The items of each user, as the two index arrays of a CSR matrix.

    Args:
        users: shape (n,), rows of users.
        items: shape (n,), rows of items.
        n_users: one more than the largest row.
    """

    def __init__(self, users: np.ndarray, items: np.ndarray, n_users: int):
        order = np.argsort(users, kind="stable")
        self._users, self._items = users[order], torch.from_numpy(items[order])
        self._counts = torch.from_numpy(np.bincount(users, minlength=n_users))
        self._starts = self._counts.cumsum(0) - self._counts

    def with_more(self, users: np.ndarray, items: np.ndarray, n_users: int) -> Pairs:
        """These pairs and others, of ``n_users`` rows of users in all."""
        users = np.concatenate([self._users, users])
        return Pairs(users, np.concatenate([self._items.numpy(), items]), n_users)

    def within(self, items: np.ndarray) -> Pairs:
        """The pairs whose item is among ``items``, an item given by its place there."""
        places = pd.Index(items).get_indexer(self._items.numpy())
        kept = places >= 0
        return Pairs(self._users[kept], places[kept], len(self._counts))

    def of(self, users: Tensor) -> tuple[Tensor, Tensor]:
        """Places in ``users``, shape (B,), and the items that belong there: shape (n,) each."""
        counts = self._counts[users]
        places = torch.repeat_interleave(counts)
        first = self._starts[users] - counts.cumsum(0) + counts
        return places, self._items[torch.arange(len(places)) + first[places]]
