"""Interactions are ordered and split by the times that the file has, for every model."""

from __future__ import annotations

import numpy as np
import pytest
import recbole.data.dataset
import torch
from recbole.config import Config
from recbole.data import create_dataset

from recbole_slmrec.data.everything import everything_for_training

NOW = 1_700_000_000
ITEMS = "abcdefghij"
LEAVE_ONE_OUT = {"LS": "valid_and_test"}


def _seconds_apart(tiny, header="user_id:token item_id:token timestamp:float"):
    """Two users who meet the items a to j, a second apart, in a file in another order."""
    rows = [(user, item, NOW + k) for user in "uw" for k, item in enumerate(ITEMS)]
    tiny.write("inter", header, [rows[k] for k in np.random.default_rng(0).permutation(20)])
    tiny.items(*ITEMS, "met-by-nobody")


def _dataset(tiny, model, split, order="TO", **settings):
    config_dict = {
        "data_path": str(tiny.root),
        "load_col": {"inter": ["user_id", "item_id", "timestamp"], "item": ["item_id"]},
        "eval_args": {"split": split, "order": order, "group_by": "user", "mode": "full"},
        "train_neg_sample_args": None,
        **settings,
    }
    return create_dataset(Config(model=model, dataset="tiny", config_dict=config_dict))


def _items(dataset, split) -> dict[str, str]:
    """The items of each user in a split, in its order."""
    interactions = split.inter_feat
    users, items = (
        dataset.id2token(field, interactions[field].numpy()) for field in ("user_id", "item_id")
    )
    return {user: "".join(items[users == user]) for user in "uw"}


@pytest.mark.parametrize("model", ["SLMRec", "LightGCN", "SASRec"])
def test_the_test_item_is_the_last_one_though_times_are_closer_than_float32_tells(tiny, model):
    _seconds_apart(tiny)
    dataset = _dataset(tiny, model, LEAVE_ONE_OUT)
    train, valid, test = (_items(dataset, split) for split in dataset.build())
    # A sequential model's first item has no history to be trained with.
    first = "bcdefgh" if model == "SASRec" else "abcdefgh"
    assert train == {"u": first, "w": first}
    assert (valid, test) == ({"u": "i", "w": "i"}, {"u": "j", "w": "j"})


def test_a_sequential_models_history_is_in_the_order_of_time(tiny):
    _seconds_apart(tiny)
    dataset = _dataset(tiny, "SASRec", LEAVE_ONE_OUT)
    history = dataset.build()[2].inter_feat["item_id_list"][:, : len(ITEMS) - 1]
    for row in history:
        assert "".join(dataset.id2token("item_id", row.numpy())) == ITEMS[:-1]


@pytest.mark.parametrize("order", ["TO", "RO"])
def test_a_split_at_moments_is_at_the_moments_of_the_file(tiny, order):
    _seconds_apart(tiny)
    dataset = _dataset(tiny, "SLMRec", {"TS": [8, 1, 1]}, order)
    splits = [_items(dataset, split) for split in dataset.build()]
    assert splits == [{"u": part, "w": part} for part in ("abcdefgh", "i", "j")]


def test_a_discretised_time_orders_exactly_as_well(tiny):
    _seconds_apart(tiny)
    dataset = _dataset(tiny, "SLMRec", LEAVE_ONE_OUT, numerical_features=["timestamp"])
    train, _, test = dataset.build()
    assert _items(dataset, test) == {"u": "j", "w": "j"}
    assert train.inter_feat["timestamp"].shape == (16, 2)


@pytest.mark.parametrize("model", ["SLMRec", "SASRec"])
def test_models_see_times_in_float32(tiny, model):
    _seconds_apart(tiny)
    for split in _dataset(tiny, model, LEAVE_ONE_OUT).build():
        types = {values.dtype for values in split.inter_feat.interaction.values()}
        assert types == {torch.int64, torch.float32}
    dataset = _dataset(tiny, "SLMRec", LEAVE_ONE_OUT)
    loader = everything_for_training(dataset.config, dataset)
    assert loader._dataset.inter_feat["timestamp"].dtype is torch.float32


def test_random_order_is_what_it_was(tiny):
    _seconds_apart(tiny)
    untouched = recbole.data.dataset.dataset.Dataset
    with_times = _dataset(tiny, "SLMRec", {"RS": [8, 1, 1]}, "RO")
    settings = with_times.config
    orders = []
    for dataset in (with_times, untouched(settings)):
        torch.manual_seed(3)
        orders.append([_items(dataset, split) for split in dataset.build()])
    assert orders[0] == orders[1]


def test_order_by_times_that_are_not_loaded_is_refused(tiny):
    _seconds_apart(tiny)
    load_col = {"inter": ["user_id", "item_id"]}
    dataset = _dataset(tiny, "LightGCN", LEAVE_ONE_OUT, load_col=load_col)
    with pytest.raises(ValueError, match="no field timestamp; add it to load_col under inter"):
        dataset.build()


def test_order_by_times_that_are_tokens_is_refused(tiny):
    _seconds_apart(tiny, "user_id:token item_id:token timestamp:token")
    dataset = _dataset(tiny, "SLMRec", LEAVE_ONE_OUT)
    with pytest.raises(ValueError, match="type token, which has no order; write timestamp:f"):
        dataset.build()
