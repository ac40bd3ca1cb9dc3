"""The picture of a search: legible axes, every trial, the best marked."""

from __future__ import annotations

import itertools

import pytest

from recbole_slmrec.settings import properties_path
from recbole_slmrec.tune.plot import draw_trials, plot_trials
from recbole_slmrec.tune.space import Parameter, draw_all, read_space
from recbole_slmrec.tune.task import Task
from recbole_slmrec.tune.trials import Trial

SPACE = [
    Parameter("weight_decay", "choice", (0, 0.0001, 0.001, 0.01)),
    Parameter("tau", "choice", (0.1, 0.2, 0.5)),
    Parameter("learning_rate", "loguniform", (-9.0, -1.0)),
    Parameter("modalities", "choice", ("[v,a,t]", "[v,a]", "[acoustic,visual]")),
    Parameter("embedding_size", "quniform", (16.0, 128.0, 1.0)),
]


def searched(space: list[Parameter]) -> tuple[Task, list[Trial]]:
    settings = {"model": "SLMRec", "dataset": "made"}
    task = Task(settings, space, "recall@20", True, 1, seed=0)
    drawn = draw_all(space, 30, seed=0)
    trials = [Trial(parameters, k / 100, {}, 1, 1.0) for k, parameters in enumerate(drawn)]
    return task, [*trials, Trial(drawn[0], None, {}, 1, 1.0, "Training loss is nan")]


def test_axes_follow_the_values():
    task, trials = searched(SPACE)
    figure = draw_trials(task, trials, trials[7])
    panels = {axes.get_xlabel(): axes for axes in figure.axes}
    assert {name: axes.get_xscale() for name, axes in panels.items()} == {
        "weight_decay": "symlog",
        "tau": "linear",
        "learning_rate": "log",
        "modalities": "linear",
        "embedding_size": "linear",
    }
    labels = [label.get_text() for label in panels["weight_decay"].get_xticklabels()]
    assert labels == ["0", "0.0001", "0.001", "0.01"]
    assert panels["weight_decay"].get_ylabel() == "recall@20"
    for axes in figure.axes:
        dots, star = axes.collections
        assert len(dots.get_offsets()) == 30
        assert star.get_offsets().tolist() == [dots.get_offsets()[7].tolist()]


@pytest.mark.parametrize("model", [None, "SLMRec", "MMGCN"])
def test_the_labels_of_ticks_do_not_overlap(model):
    space = read_space(properties_path() / "hyper" / f"{model}.hyper") if model else SPACE
    task, trials = searched(space)
    figure = draw_trials(task, trials, trials[0])
    figure.canvas.draw()
    for axes in figure.axes:
        visible = [label for label in axes.get_xticklabels(which="both") if label.get_text()]
        if visible[0].get_rotation():
            continue
        boxes = sorted((label.get_window_extent() for label in visible), key=lambda box: box.x0)
        for left, right in itertools.pairwise(boxes):
            assert left.x1 < right.x0, axes.get_xlabel()


@pytest.mark.parametrize(
    "ending, start", [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")]
)
def test_the_ending_names_the_format(tmp_path, ending, start):
    task, trials = searched(SPACE[:1])
    plot_trials(tmp_path / "new" / f"p.{ending}", task, trials, trials[0])
    assert [path.name for path in (tmp_path / "new").iterdir()] == [f"p.{ending}"]
    assert (tmp_path / "new" / f"p.{ending}").read_bytes().startswith(start)
