"""Sub-graphs of an interaction block: all of its nodes and some of its edges."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from recbole_slmrec.graph.product import Block, NeighbourSums


class SubGraphs:
    """Makes the sub-graph of the edges that are kept, at the cost of two looks at each edge.

    Args:
        block: the whole graph's.

    Attributes:
        users: the user of each edge, shape (E,), ascending.
        items: its item, likewise; ascending for the edges of one user.
    """

    def __init__(self, block: Block):
        self.n_users, self.n_items = block.n_users, block.n_items
        self.user_starts, self.items = block.on_users.starts, block.on_users.columns
        numbers = torch.arange(self.n_users, dtype=self.items.dtype, device=self.items.device)
        self.users = numbers.repeat_interleave(block.user_degrees)
        self.item_starts = block.on_items.starts
        # The edges again, in the order of their items: where each stands, and its user.
        self._by_item = self.items.argsort(stable=True).to(self.items.dtype)
        self._users_by_item = self.users[self._by_item]

    def of(self, keep: Tensor) -> Block:
        """The block of the edges where ``keep`` is true, shape (E,), in both directions."""
        on_users = _kept(keep, self.user_starts, self.items, self.n_items)
        keep = keep.index_select(0, self._by_item)
        return Block(on_users, _kept(keep, self.item_starts, self._users_by_item, self.n_users))


def _kept(keep: Tensor, starts: Tensor, columns: Tensor, n_sources: int) -> NeighbourSums:
    before = F.pad(keep.cumsum(0, dtype=starts.dtype), (1, 0))
    return NeighbourSums(before.index_select(0, starts), columns.masked_select(keep), n_sources)
