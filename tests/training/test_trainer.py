"""A learning rate that falls with the number of the epoch, what begins an epoch, and patience."""

from __future__ import annotations

import shutil

import pytest

from recbole_slmrec import quick_start
from recbole_slmrec.config import Config
from recbole_slmrec.model.freedom import FREEDOM
from recbole_slmrec.training.checkpoint import load_checkpoint
from recbole_slmrec.training.trainer import PluginTrainer, get_trainer

QUICK = {
    "train_batch_size": 64,
    "show_progress": False,
    "state": "ERROR",
    "learning_rate": 0.01,
    "eval_step": 0,
}


def run(epochs: int, **settings) -> dict:
    settings = {**QUICK, "epochs": epochs, **settings}
    return load_checkpoint(quick_start.run("MGCN", "made", config_dict=settings)["checkpoint"])


def rate(checkpoint: dict) -> float:
    (group,) = checkpoint["optimizers"]["optimizer"]["param_groups"]
    return group["lr"]


@pytest.mark.usefixtures("made")
def test_the_learning_rate_falls_by_its_factor_over_fifty_epochs():
    assert rate(run(1, lr_decay=0.5)) == 0.01
    assert rate(run(4, lr_decay=0.5)) == pytest.approx(0.01 * 0.5 ** (3 / 50), rel=1e-12)
    assert rate(run(4, lr_decay=1)) == 0.01


@pytest.mark.usefixtures("made")
def test_a_resumed_run_goes_on_with_the_rate_of_its_epoch(monkeypatch):
    path = quick_start.run("MGCN", "made", config_dict={**QUICK, "epochs": 2, "lr_decay": 0.5})[
        "checkpoint"
    ]
    half = shutil.copy(path, "half.pth")
    assert rate(run(5, lr_decay=0.5, resume=half)) == rate(run(5, lr_decay=0.5))


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize("decay, range", [(0, " above 0, at"), (1.5, " above 0, at"), ("fast", "")])
def test_a_factor_out_of_range_is_refused(decay, range):
    with pytest.raises(ValueError, match=rf"lr_decay \[{decay}\] must be a number{range}"):
        run(1, lr_decay=decay)


@pytest.mark.usefixtures("made")
def test_every_epoch_is_begun_once(monkeypatch):
    begun = []
    monkeypatch.setattr(FREEDOM, "keep_edges", lambda model: begun.append(model) or all_of(model))

    def all_of(model):
        return model.sub_graphs.users >= 0

    config = Config("FREEDOM", "made", config_dict={**QUICK, "epochs": 3})
    train_data, *_ = quick_start.load_data(config)
    model = quick_start.build_model(config, train_data)
    get_trainer(config["MODEL_TYPE"], "FREEDOM")(config, model).fit(train_data, saved=False)
    assert len(begun) == 3


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize("metric", ["Recall@10", "AveragePopularity@10"])
def test_patience_ends_where_the_score_stays(monkeypatch, metric):
    monkeypatch.setattr(PluginTrainer, "_validated", lambda *_: (0.5, {"recall@10": 0.5}))
    settings = {**QUICK, "eval_step": 1, "epochs": 50, "stopping_step": 3, "valid_metric": metric}
    _, trainer, _ = quick_start.train(Config("BM3", "made", config_dict=settings))
    # RecBole's patience of 3 ends with the fourth epoch that is no better than the first.
    assert len(trainer.epoch_losses) == 5
