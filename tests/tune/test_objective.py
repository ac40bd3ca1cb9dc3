"""One trial: its score, its course, and how it may fail."""

from __future__ import annotations

import pytest
import torch

from recbole_slmrec import quick_start
from recbole_slmrec.training.trainer import PluginTrainer
from recbole_slmrec.tune.objective import train

SETTINGS = {
    "model": "SLMRec",
    "dataset": "made",
    "epochs": 4,
    "train_batch_size": 64,
    "state": "ERROR",
    "show_progress": False,
}


def test_the_score_is_that_of_a_run_with_the_same_settings(made, tmp_path):
    trial = train(SETTINGS, {"tau": 0.4, "modalities": ("v", "a")})
    assert not list(tmp_path.glob("saved/*"))
    run = quick_start.run(
        "SLMRec", "made", config_dict={**SETTINGS, "tau": 0.4, "modalities": ["v", "a"]}
    )
    assert trial.parameters == {"tau": 0.4, "modalities": ["v", "a"]}
    assert trial.score == run["best_valid_score"]
    assert trial.valid_result == run["best_valid_result"]
    assert (trial.epochs, trial.error) == (4, None)


def test_each_validation_tells_the_best_so_far(made):
    course = []
    trial = train({**SETTINGS, "eval_step": 2}, {"learning_rate": 0.01}, course.append)
    assert [state.epochs for state in course] == [2, 4]
    assert course[0].score <= course[1].score == trial.score
    assert all(state.valid_result["recall@20"] == state.score for state in course)


@pytest.mark.parametrize(
    "error, message",
    [
        (ValueError("Training loss is nan"), "Training loss is nan"),
        (torch.cuda.OutOfMemoryError("allocate"), "the GPU's memory does not suffice"),
    ],
)
def test_a_trial_that_cannot_be_trained_is_a_failed_one(made, monkeypatch, error, message):
    def fit(self, *args, **kwargs):
        raise error

    monkeypatch.setattr(PluginTrainer, "fit", fit)
    trial = train(SETTINGS, {"tau": 0.4})
    assert (trial.score, trial.error) == (None, message)


def test_other_errors_are_not_a_trials(made):
    with pytest.raises(ValueError, match=r"tau \[0\] must be a number above 0"):
        train(SETTINGS, {"tau": 0})
    with pytest.raises(ValueError, match="no epoch was validated"):
        train({**SETTINGS, "eval_step": 0}, {"tau": 0.4})
