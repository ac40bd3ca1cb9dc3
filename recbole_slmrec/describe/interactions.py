"""The interactions of a data set in numbers: split by split, and the degrees in training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from recbole.data.dataset import Dataset

SPLITS = ("training", "validation", "test")


@dataclass(frozen=True)
class Split:
    """One split.

    Attributes:
        n_interactions: its rows.
        n_users: the users that occur in it.
        n_items: the items that occur in it.
        n_cold_users: those of the users that have no training interaction.
        n_cold_items: those of the items that have no training interaction.
        n_repeated: rows beyond the first of a pair of user and item.
    """

    n_interactions: int
    n_users: int
    n_items: int
    n_cold_users: int
    n_cold_items: int
    n_repeated: int


@dataclass(frozen=True, eq=False)
class Interactions:
    """All splits.

    Attributes:
        splits: by name: ``training``, ``validation`` and ``test``.
        n_in_two_splits: pairs of user and item that are in more than one split.
        user_degrees: shape (n_users,), the distinct training items of each user of the data set.
        item_degrees: shape (n_items,), the distinct training users of each item of the data set;
            its index is RecBole's internal id minus 1.
    """

    splits: dict[str, Split]
    n_in_two_splits: int
    user_degrees: np.ndarray
    item_degrees: np.ndarray

    @property
    def n_interactions(self) -> int:
        """The rows of all splits."""
        return sum(split.n_interactions for split in self.splits.values())

    @property
    def sparsity(self) -> float:
        """The share of the pairs of user and item that have no interaction (Table I)."""
        return 1 - self.n_interactions / (len(self.user_degrees) * len(self.item_degrees))


def count_interactions(dataset: Dataset) -> Interactions:
    """Splits ``dataset`` as a run does, and counts.

    Raises:
        ValueError: if there are not three splits, or training has no interactions.
    """
    built = dataset.build()
    if len(built) != len(SPLITS):
        raise ValueError(
            f"data set {dataset.dataset_name} has {len(built)} splits, but {', '.join(SPLITS)} are "
            "needed: name three in benchmark_filename, or give eval_args three shares"
        )
    pairs = [
        (part.inter_feat[part.uid_field].numpy(), part.inter_feat[part.iid_field].numpy())
        for part in built
    ]
    distinct = [np.unique(users * dataset.item_num + items) for users, items in pairs]
    together = np.concatenate(distinct)
    user_degrees = np.bincount(distinct[0] // dataset.item_num, minlength=dataset.user_num)
    item_degrees = np.bincount(distinct[0] % dataset.item_num, minlength=dataset.item_num)
    splits = {}
    for name, (users, items), keys in zip(SPLITS, pairs, distinct):
        in_users, in_items = np.unique(users), np.unique(items)
        splits[name] = Split(
            n_interactions=len(users),
            n_users=len(in_users),
            n_items=len(in_items),
            n_cold_users=int((user_degrees[in_users] == 0).sum()),
            n_cold_items=int((item_degrees[in_items] == 0).sum()),
            n_repeated=len(users) - len(keys),
        )
    n_in_two_splits = int((np.unique(together, return_counts=True)[1] > 1).sum())
    return Interactions(splits, n_in_two_splits, user_degrees[1:], item_degrees[1:])
