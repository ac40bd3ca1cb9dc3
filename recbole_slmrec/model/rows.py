"""The rows of users and items that a batch needs, each computed once."""

from __future__ import annotations

import torch
from torch import Tensor


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

    def expand(self, on_users: Tensor, on_items: Tensor) -> tuple[Tensor, Tensor]:
        """Tables on the distinct rows to tables on the batch's rows."""
        return _placed(on_users, self._user_places), _placed(on_items, self._item_places)

    def of(self, on_users: Tensor, on_items: Tensor) -> tuple[Tensor, Tensor]:
        """Tables of all users and all items to tables on the batch's rows."""
        users, items = self._ids
        return _placed(on_users, users), _placed(on_items, items)


def _distinct(ids: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
    return (None, None) if ids is None else torch.unique(ids, return_inverse=True)


def _placed(table: Tensor, places: Tensor | None) -> Tensor:
    return table if places is None else table.index_select(0, places)


ALL = Rows()
