"""RecBole's split and loaders, without a Python loop over all interactions for what users have."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import recbole.data.utils
from recbole.data import data_preparation
from recbole.sampler import Sampler

from recbole_slmrec.data.full_sort import FullSortLoader


def prepared(config, dataset):
    """``recbole.data.data_preparation``, with :class:`QuickSampler` and :class:`FullSortLoader`."""
    ours = {"Sampler": QuickSampler, "FullSortEvalDataLoader": FullSortLoader}
    with patch.multiple(recbole.data.utils, **ours):
        return data_preparation(config, dataset)


class QuickSampler(Sampler):
    """RecBole's sampler: the items that users have up to each split are sets once a user and change.

    RecBole adds one interaction after another, and copies every user's set for every split; at 947,000
    interactions this takes three times as long.
    """

    def get_used_ids(self) -> dict[str, np.ndarray]:
        """By phase, the set of the items that each user has up to it: shape (|U|,) of objects.

        Raises:
            ValueError: if a user has every item, so that none is left to rank or to sample.
        """
        used, last = {}, no_items(self.user_num)
        for phase, dataset in zip(self.phases, self.datasets):
            # Sets that do not change are shared by the phases.
            used[phase] = last = joined(last, dataset.inter_feat, self.uid_field, self.iid_field)
        full = next((u for u, own in enumerate(last) if len(own) + 1 == self.item_num), None)
        if full is not None:
            token = self.datasets[0].id2token(self.uid_field, full)
            raise ValueError(
                f"user {token} has interacted with all items, so that none is left to rank or to sample: "
                "leave such users out with user_inter_num_interval"
            )
        return used


def no_items(n_users: int) -> np.ndarray:
    """An empty set of items for each user: shape (n_users,) of objects."""
    return np.full(n_users, frozenset(), dtype=object)


def joined(last: np.ndarray, interactions, user_field: str, item_field: str) -> np.ndarray:
    """``last`` with the items of more interactions; the sets of users without any are the same ones."""
    users, items = (interactions[field].numpy() for field in (user_field, item_field))
    order = users.argsort(kind="stable")
    users, starts = np.unique(users[order], return_index=True)
    sets = last.copy()
    for user, own in zip(users.tolist(), np.split(items[order], starts[1:])):
        sets[user] = last[user].union(own.tolist())
    return sets
