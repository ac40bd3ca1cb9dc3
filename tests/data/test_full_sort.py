"""Batches of users for the full ranking, as RecBole's own loader makes them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from recbole.data.dataloader import FullSortEvalDataLoader

from recbole_slmrec import quick_start
from recbole_slmrec.config import Config
from recbole_slmrec.data import full_sort
from recbole_slmrec.data.full_sort import FullSortLoader


@pytest.fixture
def loaders(made):
    config = Config("SLMRec", "made", config_dict={"state": "ERROR"})
    return quick_start.load_data(config)[1:]


@pytest.mark.parametrize("split", [0, 1], ids=["validation", "test"])
def test_batches_are_those_of_recboles_loader(loaders, split):
    loader = loaders[split]
    assert isinstance(loader, FullSortLoader)
    n = len(loader.user_df)
    # In order, as evaluation asks; a part; one user; every other one, as processes share them out.
    for index in (range(n), [3, 4, 5], np.array([n // 2]), list(range(0, n, 2)), [1, 0, 1]):
        users, seen, *positives = loader.collate_fn(index)
        expected = FullSortEvalDataLoader.collate_fn(loader, np.array(index))
        assert torch.equal(users["user_id"], expected[0]["user_id"])
        for actual, other in zip((*seen, *positives), (*expected[1], *expected[2:])):
            assert torch.equal(actual, other)


def test_a_user_may_have_nothing():
    lists = full_sort._Lists([torch.tensor([4, 2]), torch.tensor([]).long(), torch.tensor([7])])
    places, items = lists.of(1, 3)
    assert places.tolist() == [1] and items.tolist() == [7]
    places, items = lists.of(1, 2)
    assert len(places) == len(items) == 0
