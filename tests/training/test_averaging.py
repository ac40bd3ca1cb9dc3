"""The average of parameters over steps, and that it is what is evaluated, kept and resumed."""

from __future__ import annotations

import pytest
import torch

from recbole_slmrec import quick_start
from recbole_slmrec.training.averaging import ParameterAverage
from recbole_slmrec.training.checkpoint import load_checkpoint
from tests.made import NAME, make
from tests.trained import QUICK


def test_an_average_is_that_of_the_recursion():
    parameter = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    average, expected = ParameterAverage([parameter], 0.3), torch.tensor([1.0, 2.0])
    for n, value in enumerate(([3.0, 5.0], [0.0, 1.0], [7.0, -2.0]), start=1):
        parameter.data = torch.tensor(value)
        average.update()
        decay = min(0.3, (1 + n) / (10 + n))
        expected = decay * expected + (1 - decay) * torch.tensor(value)
    with average.in_place():
        torch.testing.assert_close(parameter.data, expected)
    assert parameter.tolist() == [7.0, -2.0]


@pytest.mark.parametrize("decay", [1, -0.1, "x", float("nan")])
def test_a_decay_out_of_range_is_refused(decay):
    with pytest.raises(ValueError, match=r"ema_decay \[.*\] must be a number from 0 to below 1"):
        ParameterAverage([], decay)


def trained(**settings):
    config = quick_start.Config("SLMRec", NAME, config_dict={**QUICK, "epochs": 3, **settings})
    return quick_start.train(config)


@pytest.fixture
def made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "dataset")


def test_the_checkpoint_holds_the_average_and_the_tested_model_is_it(made):
    result, trainer, _ = trained(stopping_step=5)
    saved = load_checkpoint(result["checkpoint"])
    name = "encoder.user_embedding.weight"
    trainer.model.load_state_dict(saved["state_dict"])
    trained_values = saved["average"]["trained"]
    place = [key for key, _ in trainer.model.named_parameters()].index(name)
    assert not torch.equal(saved["state_dict"][name], trained_values[place])
    assert saved["average"]["n_steps"] % (saved["epoch"] + 1) == 0


def test_unsaved_it_is_the_average_that_is_tested(made):
    kept, _, _ = trained(eval_step=3)
    config = quick_start.Config("SLMRec", NAME, config_dict={**QUICK, "epochs": 3, "eval_step": 3})
    unsaved, _, _ = quick_start.train(config, saved=False)
    assert unsaved["test_result"] == kept["test_result"]
