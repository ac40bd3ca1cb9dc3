"""What a model keeps outside its state_dict: what has changed is found, nothing else, and put back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from recbole_slmrec.training import outside


class Model(nn.Module):
    """Of every kind of value, with a part of its own."""

    other_parameter_name = ["saved_elsewhere"]

    def __init__(self):
        super().__init__()
        self.part = nn.Linear(2, 2)
        self.part.calls = 0
        self.history = torch.zeros(3)
        self.replaced = torch.zeros(3)
        self.order = np.arange(5)
        self.cache = None
        self.saved_elsewhere = torch.zeros(3)
        self.rate, self.sets = 0.5, np.array([set(), set()])


def train(model: Model) -> None:
    model.part.calls += 3
    model.history[1] = 7
    model.replaced = torch.ones(3)
    model.order[:] = model.order[::-1].copy()
    model.cache = (model.part.weight * 2).sum(0)
    model.saved_elsewhere += 1
    model.new = True


def test_nothing_has_changed_at_first():
    model = Model()
    assert outside.changed(model, outside.marks(model)) == {}


def test_what_training_changes_is_kept_and_put_back():
    model = Model()
    before = outside.marks(model)
    train(model)
    kept = outside.changed(model, before)
    assert set(kept) == {"part.calls", "history", "replaced", "order", "cache", "new"}
    assert not kept["cache"].requires_grad
    fresh = Model()
    outside.restore(fresh, kept)
    assert fresh.part.calls == 3 and fresh.new is True
    assert fresh.history.tolist() == [0, 7, 0] and fresh.replaced.tolist() == [1, 1, 1]
    assert fresh.order.tolist() == [4, 3, 2, 1, 0]
    # What is kept stays when training goes on.
    train(model)
    model.history[0] = 9
    assert kept["history"].tolist() == [0, 7, 0] and kept["order"].tolist() == [4, 3, 2, 1, 0]


@pytest.mark.parametrize("value", [1, 1.0, True, "1", None])
def test_values_of_another_type_are_other_values(value):
    model = Model()
    model.rate = 1 if value is True else True
    before = outside.marks(model)
    model.rate = value
    assert outside.changed(model, before)["rate"] is value
