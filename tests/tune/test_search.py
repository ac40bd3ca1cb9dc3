"""The search itself, with a formula in place of training."""

from __future__ import annotations

from pathlib import Path

import pytest

from recbole_slmrec.tune import search
from recbole_slmrec.tune.space import Parameter
from recbole_slmrec.tune.task import Task
from recbole_slmrec.tune.trials import Trial, TrialLog

GRID = [
    Parameter("tau", "choice", tuple(range(10))),
    Parameter("alpha", "choice", tuple(range(10))),
    Parameter("n_layers", "choice", tuple(range(6))),
]
RANGE = [Parameter("tau", "uniform", (0.0, 10.0))]


@pytest.fixture
def trained(monkeypatch):
    """The parameters that were trained with, in order; tau = 5 is best, and tau = 7 diverges."""
    calls = []

    def train(settings, parameters):
        calls.append(parameters)
        if parameters["tau"] == 7:
            return Trial(parameters, None, {}, 1, 0.0, "Training loss is nan")
        return Trial(parameters, abs(parameters["tau"] - 5), {"rmse": 1.0}, 1, 0.0)

    monkeypatch.setattr(search, "train", train)
    return calls


def run(space, path=Path("trials.jsonl"), algo="exhaustive", max_evals=100, early_stop=None):
    task = Task({"model": "BPR", "dataset": "made"}, space, "rmse", False, 1, seed=2020)
    log, lines = TrialLog(path), []
    search.hyperopt_search(task, log, algo, max_evals, early_stop, lines.append)
    return log, lines


def test_an_exhaustive_search_makes_every_trial_once(trained):
    log, lines = run(GRID)
    assert len(trained) == len(log) == 600
    assert lines[-1].startswith("trial 600 of 600: ") and "(best 0.0000)" in lines[-1]
    assert log.best(bigger=False).parameters["tau"] == 5


@pytest.mark.parametrize("algo, space", [("random", RANGE), ("bayes", RANGE), ("bayes", GRID)])
def test_a_search_that_starts_over_goes_on_where_it_ended(trained, algo, space):
    whole, _ = run(space, Path("whole.jsonl"), algo, 30)
    made = list(trained)
    trained.clear()
    run(space, Path("part.jsonl"), algo, 12)
    log, lines = run(space, Path("part.jsonl"), algo, 30)
    assert trained == made
    assert list(log) == list(whole)
    trained.clear()
    _, lines = run(space, Path("part.jsonl"), algo, 30)
    assert trained == lines == []


def test_bayes_draws_nearer_to_the_best_than_random(trained):
    distances = {}
    for algo in ("random", "bayes"):
        log, _ = run(RANGE, Path(f"{algo}.jsonl"), algo, 60)
        distances[algo] = sum(trial.score for trial in list(log)[30:])
    assert distances["bayes"] < 0.9 * distances["random"]


def test_a_search_without_progress_stops_early(trained):
    log, _ = run(RANGE, algo="random", max_evals=100, early_stop=5)
    scores = [trial.score for trial in log]
    assert len(scores) < 100
    assert min(scores) == min(scores[:-4])


def test_a_failed_first_trial_does_not_pass_for_the_best(monkeypatch):
    calls = []

    def train(settings, parameters):
        calls.append(parameters)
        score = None if len(calls) == 1 else 1 / len(calls)
        return Trial(parameters, score, {}, 1, 0.0, None if score else "Training loss is nan")

    monkeypatch.setattr(search, "train", train)
    log, _ = run(RANGE, algo="random", max_evals=10, early_stop=3)
    assert len(log) == 10


def test_a_search_in_which_every_trial_fails_ends_quietly(trained):
    log, lines = run([Parameter("tau", "choice", (7,))])
    assert log.best(bigger=False) is None
    assert "tau=7: Training loss is nan (best none)" in lines[0]


def test_ranges_cannot_be_searched_exhaustively(trained):
    with pytest.raises(ValueError, match="tau is a range: pass --algo=bayes --max_evals=N"):
        run(RANGE)


def test_recboles_constructor_does_not_run_the_file(tmp_path):
    path = tmp_path / "a.hyper"
    path.write_text("tau choice [__import__('pathlib').Path('ran').touch()]\n")
    with pytest.raises(ValueError, match=r"a\.hyper, line 1"):
        search.Tuning._build_space_from_file(str(path))
    assert not (tmp_path / "ran").exists()
