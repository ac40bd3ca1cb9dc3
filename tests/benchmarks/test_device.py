"""The device that is measured on."""

from __future__ import annotations

import pytest
import torch

from benchmarks import device


def test_the_chosen_one_counts_and_the_cpu_otherwise(monkeypatch):
    monkeypatch.delenv(device._VARIABLE, raising=False)
    assert device.device() == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv(device._VARIABLE, "cpu")
    device.choose("cuda")
    assert device.device() == torch.device("cuda")


def test_one_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="sees no CUDA device here: measure with --device cpu"):
        device.choose("cuda")
