"""Whole runs on a device: what is trained there scores alike on the CPU."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from recbole_slmrec import quick_start
from recbole_slmrec.config import Config
from recbole_slmrec.registry import MODELS
from recbole_slmrec.training.checkpoint import load_checkpoint
from recbole_slmrec.training.trainer import get_trainer
from tests.made import NAME

TOP = Path(__file__).resolve().parents[2]
QUICK = {"epochs": 3, "train_batch_size": 64, "show_progress": False, "state": "ERROR"}

pytestmark = pytest.mark.usefixtures("made")


def run(model: str = "SLMRec", **settings) -> dict:
    return quick_start.run(model, NAME, config_dict={**QUICK, **settings})


def metrics_of(checkpoint, device: torch.device, **settings) -> dict[str, float]:
    """Of a checkpoint, evaluated on a device."""
    settings["use_gpu"] = device.type == "cuda"
    config, model, _, _, _, test_data = quick_start.load_data_and_model(checkpoint, settings)
    assert next(model.parameters()).device.type == device.type
    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
    return dict(trainer.evaluate(test_data, load_best_model=False))


@pytest.mark.parametrize("name", [*sorted(MODELS), "LightGCN"])
def test_a_model_trained_on_a_device_has_the_same_metrics_on_the_cpu(device, name):
    result = run(name)
    there, here = (metrics_of(result["checkpoint"], each) for each in (device, torch.device("cpu")))
    # A tie of float32 scores may fall the other way for a user in sixty.
    assert there == pytest.approx(here, abs=0.02)
    assert there == pytest.approx(dict(result["test_result"]), abs=1e-6)


@pytest.mark.parametrize("ssl_task", ["FAC", "FD", "FM", "FM+FD", "ED", "ND", "RW"])
def test_every_task_lowers_the_loss(device, ssl_task):
    losses = losses_of(ssl_task=ssl_task, epochs=8, learning_rate=0.01)
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("negatives", ["in_batch", "all", "uniform"])
def test_every_kind_of_negatives_lowers_the_loss(device, negatives):
    losses = losses_of(
        negatives=negatives, n_negatives=20, exclude_positives=True, epochs=8, learning_rate=0.01
    )
    assert losses[-1] < losses[0]


def test_autocast_lowers_the_loss_about_as_much(device):
    settings = {"epochs": 8, "learning_rate": 0.01}
    exact, rounded = losses_of(**settings), losses_of(enable_amp=True, **settings)
    assert rounded[-1] == pytest.approx(exact[-1], rel=0.05)


def losses_of(**settings) -> list[float]:
    """The training loss of each epoch."""
    config = Config("SLMRec", NAME, config_dict={**QUICK, **settings})
    train_data, *_ = quick_start.load_data(config)
    model = quick_start.build_model(config, train_data)
    trainer = get_trainer(config["MODEL_TYPE"], "SLMRec")(config, model)
    trainer.fit(train_data, saved=False)
    assert all(map(math.isfinite, trainer.epoch_losses))
    return trainer.epoch_losses


def test_a_resumed_run_goes_on_from_where_it_stood(device):
    whole = load_checkpoint(run(epochs=4, eval_step=0)["checkpoint"])["state_dict"]
    half = run(epochs=2, eval_step=0)["checkpoint"]
    resumed = load_checkpoint(run(epochs=4, eval_step=0, resume=str(half))["checkpoint"])[
        "state_dict"
    ]
    for name, expected in whole.items():
        # Sums may be added in another order there.
        torch.testing.assert_close(resumed[name].cpu(), expected.cpu(), rtol=1e-3, atol=1e-4)


def test_recommendations_are_those_of_the_cpu(device):
    checkpoint = run(epochs=8, learning_rate=0.01)["checkpoint"]
    written = []
    for use_gpu in (True, False):
        output = f"{use_gpu}.csv"
        command(
            "recommend", f"--checkpoint={checkpoint}", f"--output={output}", f"--use_gpu={use_gpu}"
        )
        written.append([line.split(",")[:2] for line in Path(output).read_text().splitlines()])
    same = sum(a == b for a, b in zip(*written))
    assert len(written[0]) == len(written[1]) and same > 0.98 * len(written[0])


def test_as_many_processes_as_there_are_devices(device):
    nproc = max(torch.cuda.device_count(), 1)
    said = command(
        "run", f"--dataset={NAME}", f"--nproc={nproc}", f"--gpu_id={','.join(map(str, range(nproc)))}",
        "--epochs=2", "--train_batch_size=64", "--show_progress=False",
    )  # fmt: skip
    assert "recall@10" in said


def command(verb: str, *arguments: str) -> str:
    """What a command prints, in a process of its own that sees all devices."""
    # RecBole's Config hides all but the first from this process and its children.
    environment = {k: value for k, value in os.environ.items() if k != "CUDA_VISIBLE_DEVICES"}
    finished = subprocess.run(
        [sys.executable, "-m", "recbole_slmrec", verb, *arguments],
        env={**environment, "PYTHONPATH": str(TOP)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout + finished.stderr
