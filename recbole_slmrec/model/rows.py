"""The rows of users and items that a batch needs, each computed once."""

from __future__ import annotations

from copy import copy
from typing import Iterable, NamedTuple

import torch
from torch import Tensor


class Part(NamedTuple):
    """A table of nodes on the rows that were asked for.

    Attributes:
        on_users: shape (n_users asked for, d).
        on_items: shape (n_items asked for, d).
    """

    on_users: Tensor
    on_items: Tensor


def side_by_side(parts: Iterable[Part]) -> Part:
    """The columns of all ``parts``, which have the same rows."""
    return Part(*(torch.cat(side, dim=1) for side in zip(*parts)))


class Rows:
    """Users and items of a batch, in any order and as often as they occur; all of them by default.

    Attributes:
        users: the distinct users, sorted; None means all.
        items: the distinct items, likewise.
        user_places: the place in ``users`` of each user of the batch; None if no batch was given.
        item_places: the place in ``items`` of each item of the batch, likewise.
    """

    def __init__(self, users: Tensor | None = None, items: Tensor | None = None):
        self.users, self.user_places = _distinct(users)
        self.items, self.item_places = _distinct(items)

    @classmethod
    def with_negatives(cls, users: Tensor, positives: Tensor, negatives: Tensor) -> Rows:
        """A batch of users and positives, shape (B,), and sampled negatives, shape (k, B)."""
        return cls(users, torch.cat([positives, negatives.flatten()]))

    @classmethod
    def with_every_item(cls, users: Tensor, items: Tensor) -> Rows:
        """A batch's users, and all items, among which are the batch's."""
        rows = cls(users)
        rows.item_places = items
        return rows

    def with_more_items(self, items: Tensor) -> Rows:
        """The same batch, and ``items`` beside its own."""
        rows = copy(self)
        rows.items = torch.unique(torch.cat([self.items, items.to(self.items.dtype)]))
        rows.item_places = torch.searchsorted(rows.items, self.items)[self.item_places]
        return rows

    def of(self, on_users: Tensor, on_items: Tensor) -> Part:
        """Tables of all users and all items to tables of the distinct ones."""
        return Part(_at(on_users, self.users), _at(on_items, self.items))

    def of_first_items(self, n: int) -> tuple[Rows, Tensor]:
        """The same users with the batch's first ``n`` items, and where in ``items`` these are."""
        kept, places = torch.unique(self.item_places[:n], return_inverse=True)
        rows = copy(self)
        rows.item_places = places
        if self.items is None:
            rows.items = kept
        elif len(kept) < len(self.items):
            rows.items = self.items[kept]
        return rows, kept

    def triples(self, z: Part) -> tuple[Tensor, Tensor, Tensor]:
        """The batch's users and positives, shape (B, d), and negatives, shape (k, B, d).

        Args:
            z: vectors of the distinct users and items; the batch's items are B positives, then k
                times B negatives.
        """
        users, items = _at(z.on_users, self.user_places), _at(z.on_items, self.item_places)
        positives, *negatives = items.split(len(users))
        return users, positives, torch.stack(negatives)


def _distinct(ids: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
    return (None, None) if ids is None else torch.unique(ids, return_inverse=True)


def _at(table: Tensor, rows: Tensor | None) -> Tensor:
    return table if rows is None else table.index_select(0, rows)


ALL = Rows()
