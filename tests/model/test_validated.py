"""Weights of a score's parts that validation chooses, a step at a time."""

from __future__ import annotations

import math

import pytest

from recbole_slmrec import report
from recbole_slmrec.model import auto
from recbole_slmrec.recommend import Recommender
from recbole_slmrec.training.checkpoint import load_checkpoint
from recbole_slmrec.training.refit import refit
from recbole_slmrec.training.trainer import PluginTrainer
from tests.model.fast import fast_model, problem_of
from tests.trained import train

BEST = {"popularity": 1.25, "linear": 1 / 1.5**2, "linear.form": 1}


def nearer_is_better(bigger: bool):
    """A validation in place of a ranking: the nearer both weights are to the best, the better."""

    def validated(trainer, valid_data, show_progress=False):
        model = trainer.model
        distance = abs(model.popularity.weight.item() - BEST["popularity"])
        distance += abs(math.log(model.linear.weight.item() / BEST["linear"]))
        distance += 1 - model.linear.form.weight.item()
        return (-distance if bigger else distance), {"recall@10": -distance}

    return validated


@pytest.fixture
def dense(monkeypatch):
    """Takes the data for such as have many interactions an item."""
    monkeypatch.setattr(auto, "_FEW_INTERACTIONS", 0)


@pytest.mark.parametrize("bigger", [True, False])
def test_validation_moves_each_weight_a_step_at_a_time_to_the_best_and_keeps_it(
    made, dense, monkeypatch, bigger
):
    monkeypatch.setattr(PluginTrainer, "_validated", nearer_is_better(bigger))
    metric = "Recall@10" if bigger else "AveragePopularity@10"
    path = train("SLMRec", epochs=8, negatives="in_batch", valid_metric=metric)
    state = load_checkpoint(path)["state_dict"]
    loaded, anew = (Recommender.load(each).model for each in (path, refit(path)))
    for name, best in BEST.items():
        assert state[f"{name}.weight"] == pytest.approx(best)
        for model in (loaded, anew):
            assert model.get_submodule(name).weight == pytest.approx(best)


def test_weights_that_are_given_stay(made, monkeypatch):
    monkeypatch.setattr(PluginTrainer, "_validated", nearer_is_better(True))
    path = train("SLMRec", epochs=4, negatives="in_batch", popularity_weight=0.5, linear_weight=3)
    model = Recommender.load(path).model
    assert (model.popularity.weight, model.linear.weight) == (0.5, 3)


def test_what_was_chosen_is_told_and_nothing_where_nothing_is(dense):
    settings = {"score": "cosine", "popularity_weight": "auto"}
    powers = {"linear_user_power": "auto", "linear_item_power": "auto"}
    told = report.chosen_weights(
        fast_model(problem_of(1), linear_weight="auto", **powers, **settings)
    )
    chosen = "popularity 0.5, linear 1, linear.form users by n^-0.5 and items by n^-0.25"
    assert told == f"Weights in the score that validation chose: {chosen}"
    given = fast_model(problem_of(1), score="cosine", popularity_weight=0.5, linear_weight=3.0)
    assert report.chosen_weights(given) == ""
