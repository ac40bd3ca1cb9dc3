"""The rows of users and items that a batch needs, each computed once."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Part(NamedTuple):
    """A propagated table on the rows that were asked for.

    Attributes:
        on_users: shape (n_users asked for, d).
        on_items: shape (n_items asked for, d).
    """

    on_users: Tensor
    on_items: Tensor


class Rows:
    """Users and items of a batch, in any order and as often as they occur; all of them by default.

    Attributes:
        users: the distinct users, sorted; None means all.
        items: the distinct items, likewise.
    """

    def __init__(self, users: Tensor | None = None, items: Tensor | None = None):
        self._ids = users, items
        self.users, self._user_places = _distinct(users)
        self.items, self._item_places = _distinct(items)

    def expand(self, on_users: Tensor, on_items: Tensor) -> Part:
        """Tables on the distinct rows to tables on the batch's rows."""
        return Part(_placed(on_users, self._user_places), _placed(on_items, self._item_places))

    def of(self, on_users: Tensor, on_items: Tensor) -> Part:
        """Tables of all users and all items to tables on the batch's rows."""
        users, items = self._ids
        return Part(_placed(on_users, users), _placed(on_items, items))

    def of_first_items(self, n: int) -> Rows:
        """All users of the batch and its first ``n`` items."""
        users, items = self._ids
        return Rows(users, items[:n])


def _distinct(ids: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
    return (None, None) if ids is None else torch.unique(ids, return_inverse=True)


def _placed(table: Tensor, places: Tensor | None) -> Tensor:
    return table if places is None else table.index_select(0, places)


ALL = Rows()
