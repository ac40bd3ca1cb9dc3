"""RecBole's loader for full-sort evaluation, without a Python step for each user of each batch."""

from __future__ import annotations

from typing import Sequence

import torch
from recbole.data.dataloader import FullSortEvalDataLoader
from torch import Tensor


class FullSortLoader(FullSortEvalDataLoader):
    """RecBole's loader, whose batches of users in order are slices of what all users have.

    RecBole makes and joins two tensors a user in each batch.
    """

    def __init__(self, config, dataset, sampler, shuffle: bool = False):
        super().__init__(config, dataset, sampler, shuffle)
        if not self.is_sequential:
            users = self.uid_list.tolist()
            self._seen = _Lists(self.uid2history_item[users])
            self._positives = _Lists(self.uid2positive_item[users])

    def collate_fn(self, index):
        """As RecBole's: the users at ``index``, what they have seen, and their positives."""
        first = index[0]
        if self.is_sequential or list(index) != list(range(first, first + len(index))):
            return super().collate_fn(index)
        end = first + len(index)
        return self.user_df[first:end], self._seen.of(first, end), *self._positives.of(first, end)


class _Lists:
    """A list of items for each user, all one after another.

    Args:
        lists: shape (n,) each.
    """

    def __init__(self, lists: Sequence[Tensor]):
        counts = torch.tensor([0, *map(len, lists)])
        self.starts = counts.cumsum(0).tolist()
        self.owners = torch.arange(len(lists)).repeat_interleave(counts[1:])
        self.items = torch.cat([counts[:0], *lists])

    def of(self, first: int, end: int) -> tuple[Tensor, Tensor]:
        """Of the lists ``first`` to ``end``: the list of each item, counted from ``first``, and the item."""
        part = slice(self.starts[first], self.starts[end])
        return self.owners[part] - first, self.items[part]
