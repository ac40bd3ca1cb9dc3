"""Whole runs: one command to a result, through this package and through RecBole's own entry points."""

from __future__ import annotations

import logging
import subprocess
import sys

import numpy as np
import pytest
import torch
from recbole.quick_start import objective_function
from recbole.quick_start import run_recbole as recbole_run
from recbole.trainer import HyperTuning

from recbole_slmrec import quick_start
from recbole_slmrec.config import Config
from recbole_slmrec.graph.product import backend_of_sums
from recbole_slmrec.model.ssl import NO_TASK, SSL_TASKS
from recbole_slmrec.training.checkpoint import load_checkpoint
from recbole_slmrec.training.trainer import get_trainer
from tests.backends import BACKENDS
from tests.made import N_ITEMS, make, read_pairs, write

QUICK = {"epochs": 3, "train_batch_size": 64, "show_progress": False, "state": "ERROR"}


def run(model: str = "SLMRec", **settings) -> dict:
    return quick_start.run(model, "made", config_dict={**QUICK, **settings})


@pytest.mark.parametrize("model", ["SLMRec", "LightGCN", "BPR", "Pop", "ItemKNN", "NeuMF"])
def test_ours_and_recboles_models_run_through_the_same_door(made, model):
    result = run(model)
    assert set(result["test_result"]) == {
        f"{metric}@{k}" for metric in ("recall", "ndcg", "precision") for k in (10, 20)
    }
    assert 0 < result["test_result"]["recall@20"] <= 1
    config, loaded, *_, test_data = quick_start.load_data_and_model(result["checkpoint"])
    trainer = get_trainer(config["MODEL_TYPE"], model)(config, loaded)
    trainer.eval_collector.data_collect(test_data)
    assert trainer.evaluate(test_data, load_best_model=False) == result["test_result"]


@pytest.mark.parametrize("ssl_task", [*SSL_TASKS, NO_TASK])
@pytest.mark.parametrize("main_loss", ["info_nce", "sampled", "bpr", "none"])
def test_every_task_with_every_main_loss(made, main_loss, ssl_task):
    if main_loss == ssl_task == "none":
        pytest.skip("nothing would be learnt")
    settings = {"main_loss": main_loss, "ssl_task": ssl_task, "epochs": 1}
    state = load_checkpoint(run(**settings)["checkpoint"])["state_dict"]
    before = Config("SLMRec", "made", config_dict={**QUICK, **settings})
    untrained = quick_start.build_model(before, quick_start.load_data(before)[0]).state_dict()
    moved = {name for name in untrained if not torch.equal(untrained[name], state[name])}
    assert {"encoder.user_embedding.weight", "encoder.item_embedding.weight"} <= moved


def test_the_start_says_what_is_trained_on_what(made, caplog):
    with caplog.at_level(logging.INFO):
        run(state="INFO", modalities=["a", "v"], tau=0.5)
    text = caplog.text
    assert "SLMRec on made" in text
    assert "60 users, 45 items; interactions: 360 training, 60 validation, 120 test" in text
    assert "a: 4 columns, 0 missing; v: 6 columns, 0 missing; id: 64 trainable" in text
    backend = backend_of_sums("auto", "cpu")
    assert f"360 edges, 3 layers, pre adjacency, {backend} products" in text
    assert "tau=0.5" in text and "modalities=['a', 'v']" in text
    assert "main loss" in text and "ssl loss" in text
    assert "validation" in text and "recall@10" in text


def test_an_unknown_setting_is_told_in_the_log(made, caplog):
    run(state="INFO", temperature=0.5, wieght_decay=0)
    assert (
        "the setting [wieght_decay] is unknown and has no effect: did you mean weight"
        in caplog.text
    )


def test_eval_batch_size_follows_the_catalogue_unless_set(made):
    config = Config("SLMRec", "made", config_dict=QUICK)
    quick_start.load_data(config)
    assert config["eval_batch_size"] == 2**24 // (N_ITEMS + 1) // 16 * 16 * (N_ITEMS + 1)
    config = Config("SLMRec", "made", config_dict={**QUICK, "eval_batch_size": 100})
    quick_start.load_data(config)
    assert config["eval_batch_size"] == 100


def test_recboles_own_runner_finds_slmrec_and_its_defaults(made):
    result = recbole_run("SLMRec", "made", config_dict=QUICK)
    assert result["test_result"] == run()["test_result"]


def test_recboles_hyper_tuning_finds_slmrec(made, tmp_path):
    tuning = HyperTuning(
        lambda settings, files: objective_function(
            {**QUICK, "model": "SLMRec", "dataset": "made", **settings}, files
        ),
        params_dict={"choice": {"ssl_task": ["FAC", "FM"]}},
    )
    tuning.run()
    assert set(tuning.params2result) == {"ssl_task:FAC", "ssl_task:FM"}
    assert tuning.best_params["ssl_task"] in ("FAC", "FM")


@pytest.mark.parametrize("backend", BACKENDS)
def test_flops_are_counted_only_when_asked_for(made, caplog, backend):
    run(state="INFO")
    assert "FLOPs" not in caplog.text
    run(state="INFO", flops=True, graph_backend=backend)
    assert "FLOPs of one prediction" in caplog.text


def test_interactions_of_the_test_split_change_nothing_that_is_learnt(made):
    first = load_checkpoint(run(eval_step=0)["checkpoint"])["state_dict"]
    path = made / "made.test.inter"
    pairs = read_pairs(path)
    items = [item for _, item in pairs]
    shuffled = [(user, item) for (user, _), item in zip(pairs, items[::-1])]
    write(path, ["user_id:token", "item_id:token"], shuffled)
    second = load_checkpoint(run(eval_step=0)["checkpoint"])["state_dict"]
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_user_without_training_interactions_is_ranked_for_and_told(made, caplog):
    path = made / "made.train.inter"
    pairs = [(user, item) for user, item in read_pairs(path) if user != "u7"]
    write(path, ["user_id:token", "item_id:token"], pairs + pairs[:3])
    result = run(state="INFO")
    assert "1 users have no training interaction" in caplog.text
    assert "3 duplicate interactions in training" in caplog.text
    assert np.isfinite(list(result["test_result"].values())).all()


def test_an_empty_training_split_is_refused(made):
    write(made / "made.train.inter", ["user_id:token", "item_id:token"], [])
    with pytest.raises(ValueError, match="data set made: the training split has no interactions"):
        run()


def test_an_unknown_data_set_is_told_with_the_nearest(made):
    with pytest.raises(FileNotFoundError, match=r"no data set \[mede\].*did you mean made"):
        quick_start.run("SLMRec", "mede")


@pytest.mark.parametrize("first", ["recbole_slmrec", "recbole.quick_start"])
def test_recboles_own_function_loads_a_checkpoint_of_ours(made, first):
    path = run()["checkpoint"]
    code = (
        f"import sys, {first}, recbole_slmrec\n"
        "before = 'recbole.quick_start' in sys.modules\n"
        "from recbole.quick_start import load_data_and_model\n"
        f"print(before, type(load_data_and_model({path!r})[1]).__name__)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == [str(first == "recbole.quick_start"), "SLMRec"], done.stderr


@pytest.mark.parametrize("backend", BACKENDS)
def test_flops_are_counted_by_any_backend(made, caplog, backend):
    with caplog.at_level(logging.INFO):
        result = run(flops=True, graph_backend=backend, state="INFO")
    assert "FLOPs of one prediction: " in caplog.text
    assert result == {**run(graph_backend=backend), **_of_one_run(result)}


def _of_one_run(result: dict) -> dict:
    return {key: result[key] for key in ("checkpoint", "seconds_per_epoch")}


def test_runs_within_a_second_have_a_log_file_each(made, tmp_path, monkeypatch):
    monkeypatch.setattr("recbole.utils.logger.get_local_time", lambda: "noon")
    run(epochs=1)
    run(epochs=1)
    first, second = sorted((tmp_path / "log" / "SLMRec").iterdir())
    assert first.name.startswith("SLMRec-made-noon-")
    assert config_settings_of(first) == config_settings_of(second)


def test_a_run_leaves_the_standard_streams_as_they_were(made):
    before = sys.stdout, sys.stderr
    run("Pop")
    assert (sys.stdout, sys.stderr) == before


def config_settings_of(log) -> list[str]:
    text = log.read_text(encoding="utf-8")
    assert "log_file" not in text
    return [line for line in text.splitlines() if " = " in line]


@pytest.mark.parametrize("place", ["a file", "/proc/nope"])
def test_a_folder_for_checkpoints_that_cannot_be_is_told_before_training(made, tmp_path, place):
    (tmp_path / "a file").touch()
    with pytest.raises(OSError, match=f"{place} cannot be written .* with --checkpoint_dir"):
        run(checkpoint_dir=place)


def test_a_folder_for_logs_that_cannot_be_is_told(made, tmp_path):
    (tmp_path / "log").touch()
    with pytest.raises(
        OSError, match="log/SLMRec cannot be written .*folder in which you give the com"
    ):
        run()


def test_a_model_without_the_negatives_that_it_needs_is_told(made):
    with pytest.raises(ValueError, match="BPR learns from sampled negatives, but train_neg_sample"):
        run("BPR", train_neg_sample_args=None)


def test_a_data_set_that_comes_after_its_settings_were_asked_for_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = Config("SLMRec", "made", config_dict={"show_progress": False})
    make(tmp_path / "dataset")
    with pytest.raises(
        FileNotFoundError, match=r"no data set \[made\] in dataset whose .* run again"
    ):
        quick_start.load_data(config)
