"""A picture of a search: the score against each parameter."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Iterable

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from recbole_slmrec.data.files import whole_file
from recbole_slmrec.tune.space import Parameter
from recbole_slmrec.tune.task import Task
from recbole_slmrec.tune.trials import Trial

FORMATS = (".png", ".pdf", ".svg")

_COLUMNS = 3
# More ticks than these are left to matplotlib.
_MOST_TICKS = 8


def plot_trials(path: Path, task: Task, trials: Iterable[Trial], best: Trial) -> None:
    """Writes the picture of :func:`draw_trials`.

    Args:
        path: the file; its ending is one of ``FORMATS``.
        task: what was tuned.
        trials: all trials.
        best: the one to mark.
    """
    figure = draw_trials(task, trials, best)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as partial:
        figure.savefig(partial, format=path.suffix[1:])


def draw_trials(task: Task, trials: Iterable[Trial], best: Trial) -> Figure:
    """A panel for each parameter: a dot for each trial that succeeded, a star for ``best``."""
    columns = min(_COLUMNS, len(task.space))
    rows = math.ceil(len(task.space) / columns)
    figure = Figure(figsize=(4.2 * columns, 3.4 * rows), layout="constrained", dpi=150)
    FigureCanvasAgg(figure)
    figure.suptitle(f"{task.settings['model']} on {task.settings['dataset']}, validation")
    drawn = [trial for trial in trials if trial.score is not None]
    for number, parameter in enumerate(task.space, start=1):
        axes = figure.add_subplot(rows, columns, number)
        _panel(axes, parameter, drawn, best)
        if number % columns == 1 or columns == 1:
            axes.set_ylabel(task.metric)
    return figure


def _panel(axes, parameter: Parameter, trials: list[Trial], best: Trial) -> None:
    values = [trial.parameters[parameter.name] for trial in trials]
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        positions = values
        ticks = {value: f"{value:g}" for value in sorted(set(values))}
        _spread(axes, values)
    else:
        texts = list(dict.fromkeys(str(value) for value in values))
        positions = [texts.index(str(value)) for value in values]
        ticks = dict(enumerate(texts))
        axes.margins(x=0.2)
    axes.scatter(positions, [trial.score for trial in trials], s=24, alpha=0.6, linewidths=0)
    marked = [k for k, trial in enumerate(trials) if trial is best]
    axes.scatter(
        [positions[k] for k in marked], [best.score] * len(marked), s=90, marker="*", color="C3"
    )
    if parameter.kind in ("choice", "quniform") and len(ticks) <= _MOST_TICKS:
        axes.set_xticks(list(ticks), list(ticks.values()))
        axes.xaxis.set_minor_locator(NullLocator())
        if sum(map(len, ticks.values())) > 40:
            axes.tick_params(axis="x", labelrotation=30)
    axes.set_xlabel(parameter.name)
    axes.grid(alpha=0.3)


def _spread(axes, values: list[float]) -> None:
    """Makes the axis logarithmic where values span decades; 0 has a place of its own."""
    above = [value for value in values if value > 0]
    if min(values) < 0 or not above or max(above) < 10 * min(above):
        return
    if len(above) == len(values):
        axes.set_xscale("log")
    else:
        axes.set_xscale("symlog", linthresh=min(above))
