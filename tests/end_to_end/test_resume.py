"""Stopping and resuming: equal parameters bit for bit, and checkpoints that do not fit."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch

from recbole_slmrec import quick_start
from recbole_slmrec.training.checkpoint import load_checkpoint
from tests.made import write

QUICK = {"train_batch_size": 64, "show_progress": False, "state": "ERROR", "learning_rate": 0.01}


def train(model: str, epochs: int, **settings) -> str:
    settings = {"dataset": "made", **QUICK, "epochs": epochs, **settings}
    return quick_start.run(model, settings["dataset"], config_dict=settings)["checkpoint"]


@pytest.mark.parametrize(
    "model, settings",
    [
        ("SLMRec", {"ssl_task": "FAC"}),
        ("SLMRec", {"ssl_task": "FM+FD", "main_loss": "sampled"}),
        ("SLMRec", {"ssl_task": "FD", "fd_level": "layer"}),
        ("SLMRec", {"ssl_task": "ED", "main_loss": "bpr"}),
        ("SLMRec", {"ssl_task": "ND"}),
        ("SLMRec", {"ssl_task": "RW", "adjacency": "mean"}),
        ("LightGCN", {}),
        ("NeuMF", {}),
        # A history of losses, and counters, that are no buffers.
        ("DiffRec", {}),
        ("LDiffRec", {}),
        ("MultiVAE", {}),
        ("MacridVAE", {}),
        # An order of negatives of its own.
        ("LINE", {}),
        # An optimiser for each half.
        ("RecVAE", {}),
    ],
)
@pytest.mark.parametrize("eval_step", [0, 1])
def test_ten_epochs_equal_five_and_five_more(made, model, settings, eval_step):
    settings = {**settings, "eval_step": eval_step}
    whole = load_checkpoint(train(model, 10, **settings))
    half = shutil.copy(train(model, 5, **settings), "half.pth")
    resumed = load_checkpoint(train(model, 10, resume=half, **settings))
    assert resumed["epoch"] == whole["epoch"]
    assert resumed["best_valid_result"] == whole["best_valid_result"]
    for name, value in whole["state_dict"].items():
        assert torch.equal(value, resumed["state_dict"][name]), name
    assert resumed["outside"].keys() == whole["outside"].keys()
    for name, value in whole["outside"].items():
        assert np.array_equal(value, resumed["outside"][name]), name
    for name, optimizer in whole["optimizers"].items():
        for key, value in optimizer["state"][0].items():
            assert torch.equal(value, resumed["optimizers"][name]["state"][0][key]), (name, key)


def test_a_knowledge_based_model_resumes_both_its_loaders(rated):
    links = [(f"i{n}", f"e{n}") for n in range(20)]
    write(rated / "rated.link", ["item_id:token", "entity_id:token"], links)
    facts = [(f"e{n}", f"r{n % 2}", f"e{(7 * n + 3) % 25}") for n in range(60)]
    write(rated / "rated.kg", ["head_id:token", "relation_id:token", "tail_id:token"], facts)
    columns = {
        "inter": ["user_id", "item_id"],
        "kg": ["head_id", "relation_id", "tail_id"],
        "link": ["item_id", "entity_id"],
    }
    settings = {"load_col": columns, "dataset": "rated", "eval_step": 0}
    whole = load_checkpoint(train("CKE", 6, **settings))
    half = shutil.copy(train("CKE", 3, **settings), "half.pth")
    resumed = load_checkpoint(train("CKE", 6, resume=half, **settings))
    for name, value in whole["state_dict"].items():
        assert torch.equal(value, resumed["state_dict"][name]), name


def test_a_pretraining_stage_is_saved_as_a_checkpoint_and_evaluated(made):
    result = quick_start.run(
        "RaCT", "made", config_dict={**QUICK, "pretrain_epochs": 2, "save_step": 2, "epochs": 1}
    )
    assert result["checkpoint"] == "saved/RaCT-made-2.pth"
    assert load_checkpoint(result["checkpoint"])["epoch"] == 1
    assert quick_start.evaluate(result["checkpoint"]) == result["test_result"]


def test_going_on_with_other_settings_is_told(made, caplog):
    path = train("SLMRec", 2, eval_step=0)
    with caplog.at_level("WARNING"):
        train("SLMRec", 3, eval_step=0, resume=path, state="WARNING")
        assert "goes on with other settings" not in caplog.text
        train("SLMRec", 4, eval_step=0, resume=path, alpha=0.2, state="WARNING")
    assert "goes on with other settings than before: alpha was 0.5 and is 0.2" in caplog.text


def test_checkpoints_that_do_not_fit_are_refused(made):
    path = train("BPR", 2)
    with pytest.raises(ValueError, match=r"a checkpoint of the model \[BPR\], .* is \[SLMRec\]"):
        train("SLMRec", 4, resume=path)
    path = train("SLMRec", 2, embedding_size=16, eval_step=0)
    with pytest.raises(
        ValueError, match="does not fit this model; .*embedding_size was 16 and is 64"
    ):
        train("SLMRec", 4, resume=path)
    with pytest.raises(ValueError, match=r"nothing is left to train; raise --epochs"):
        train("SLMRec", 2, embedding_size=16, resume=path)


def test_a_checkpoint_of_an_earlier_version_is_not_gone_on_with(made):
    path = train("BPR", 2)
    state = {k: v for k, v in torch.load(path, weights_only=True).items() if k != "optimizers"}
    torch.save(state, path)
    with pytest.raises(
        ValueError, match="is from another version and does not hold all that train"
    ):
        train("BPR", 4, resume=path)
    assert quick_start.evaluate(path)


def test_a_checkpoint_of_recboles_own_is_refused_with_a_sentence(made):
    torch.save({"config": object(), "state_dict": {}}, "recbole.pth")
    with pytest.raises(
        ValueError, match=r"recbole\.pth is refused: .* as RecBole's own checkpoints"
    ):
        train("SLMRec", 4, resume="recbole.pth")
