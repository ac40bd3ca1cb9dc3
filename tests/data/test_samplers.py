"""The items that users have up to each split, as RecBole's own sampler has them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from recbole.data.interaction import Interaction
from recbole.sampler import Sampler

from recbole_slmrec.data.samplers import QuickSampler

PHASES = ["train", "valid", "test"]
N_USERS, N_ITEMS = 6, 9


class Split:
    """What a sampler reads of a data set."""

    uid_field, iid_field = "user_id", "item_id"
    user_num, item_num = N_USERS, N_ITEMS

    def __init__(self, *pairs: tuple[int, int]):
        users, items = torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).unbind(1)
        self.inter_feat = Interaction({"user_id": users, "item_id": items})

    def id2token(self, field: str, row: int) -> str:
        return f"u{row}"


# A pair twice, users without any, one whose first pair is in a later split, and a split of none.
SPLITS = {
    "train": Split((3, 8), (1, 2), (3, 1), (1, 2), (1, 5)),
    "valid": Split(),
    "test": Split((4, 2), (1, 7), (4, 1)),
}


def test_used_items_are_those_of_recboles_sampler():
    ours, theirs = (
        kind(PHASES, list(SPLITS.values())).used_ids for kind in (QuickSampler, Sampler)
    )
    assert list(ours) == PHASES
    for phase in PHASES:
        assert [set(own) for own in ours[phase]] == theirs[phase].tolist()


def test_negatives_are_those_of_recboles_sampler():
    drawn = []
    for kind in (QuickSampler, Sampler):
        np.random.seed(0)
        sampler = kind(PHASES, list(SPLITS.values())).set_phase("test")
        drawn.append(sampler.sample_by_user_ids(np.array([1, 3, 4]), np.array([2, 8, 2]), 40))
    assert torch.equal(*drawn)


def test_a_user_who_has_all_items_is_named():
    everything = Split(*((2, item) for item in range(1, N_ITEMS)))
    with pytest.raises(
        ValueError, match="^user u2 has interacted with all items.*user_inter_num_in"
    ):
        QuickSampler(PHASES, [everything, Split(), Split()])
