"""Where features are kept, and their rows from there."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch

from recbole_slmrec.data.modality import DenseModality, WordModality
from recbole_slmrec.model import feature_rows
from recbole_slmrec.model.feature_rows import FeatureRows, Place, place_of_features

CPU, GPU = torch.device("cpu"), torch.device("cuda")
TABLE = torch.rand(11, 5)
MODALITIES = [
    DenseModality("v", np.zeros((100, 7), np.float32), missing=0),
    DenseModality("a", np.zeros((100, 3), np.float32), missing=0),
    WordModality("t", np.zeros(1000, np.int64), np.zeros(1000, np.int64), 9, missing=0),
]


@pytest.mark.parametrize("block", [1, 10, 1000])
def test_rows_and_products_are_those_of_the_table_wherever_it_is(monkeypatch, block):
    monkeypatch.setattr(feature_rows, "_BLOCK", block)
    rows, weight = torch.tensor([7, 0, 7]), torch.rand(4, 5, requires_grad=True)
    gradients = []
    for on_host in (False, True):
        kept = FeatureRows(TABLE, Place(CPU, on_host))
        assert kept.width == 5 and len(kept) == 11
        assert torch.equal(kept.all_rows(), TABLE) and torch.equal(kept.rows(rows), TABLE[rows])
        products = kept.products(weight)
        torch.testing.assert_close(products, TABLE @ weight.T)
        torch.testing.assert_close(kept.products(weight, rows), TABLE[rows] @ weight.T)
        gradients += torch.autograd.grad(products.square().sum(), weight)
        assert kept.state_dict() == {} and bool(dict(kept.named_buffers())) != on_host
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("free, on_host", [(2 * 300 * 10 * 4, False), (2 * 300 * 10 * 4 - 1, True)])
def test_auto_is_the_host_where_half_of_a_gpus_free_memory_does_not_suffice(
    monkeypatch, caplog, free, on_host
):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 10**9))
    with caplog.at_level(logging.INFO):
        place = place_of_features({"features_on": "auto"}, MODALITIES, 300, GPU)
    assert place == Place(GPU, on_host)
    assert ("they stay on the host" in caplog.text) == on_host


def test_where_it_is_said_nothing_is_asked():
    for where, device in (("host", GPU), ("device", GPU), ("auto", CPU), ("host", CPU)):
        place = place_of_features({"features_on": where}, MODALITIES, 300, device)
        assert place == Place(device, where == "host")


def test_another_place_is_refused():
    with pytest.raises(ValueError, match=r"features_on \[disk\] is not one of auto, device, host"):
        place_of_features({"features_on": "disk"}, MODALITIES, 300, CPU)
