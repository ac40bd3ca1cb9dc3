"""The comparison's figures as PNG: bars of the test metrics, and the course of training."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from recbole_slmrec.compare.runs import Outcome
from recbole_slmrec.compare.statistics import Summary
from recbole_slmrec.compare.table import title
from recbole_slmrec.data.files import whole_file

_DPI = 130
_LINE = 32


def draw_bars(summary: Summary, path: Path) -> None:
    """A panel a metric, a bar a model, with the standard deviation over seeds as a whisker."""
    labels = list(summary.scores)
    names = [wrapped(label) for label in labels]
    bar_height = 0.2 + 0.14 * max(name.count("\n") + 1 for name in names)
    n_columns = len({metric.partition("@")[0] for metric in summary.metrics})
    n_rows = -(-len(summary.metrics) // n_columns)
    figure = Figure(
        figsize=(2.2 + 3.1 * n_columns, n_rows * (1.1 + bar_height * len(labels))),
        layout="constrained",
    )
    panels = figure.subplots(n_rows, n_columns, squeeze=False, sharey=True).flatten()
    for panel, metric in zip(panels, summary.metrics):
        scores = [summary.scores[label][metric] for label in labels]
        panel.barh(
            range(len(labels)),
            [score.mean for score in scores],
            xerr=[score.deviation or 0 for score in scores],
            color=[colour(number) for number in range(len(labels))],
            error_kw={"elinewidth": 1.2, "capsize": 2.5},
        )
        for position, score in enumerate(scores):
            end = score.mean + (score.deviation or 0)
            panel.annotate(
                f"{score.mean:.4f}", (end, position), (4, 0), textcoords="offset points",
                va="center", fontsize=8,
            )  # fmt: skip
        panel.margins(x=0.28)
        panel.xaxis.set_major_locator(MaxNLocator(5))
        panel.set_xlim(left=0)
        panel.set_yticks(range(len(labels)), names)
        panel.set_xlabel(f"{title(metric)} on test")
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].invert_yaxis()
    for panel in panels[len(summary.metrics) :]:
        panel.set_axis_off()
    if any(
        score.deviation is not None for each in summary.scores.values() for score in each.values()
    ):
        figure.supxlabel("bar: mean over seeds; whisker: one standard deviation", fontsize=9)
    save(figure, path)


def draw_curves(outcomes: Sequence[Outcome], path: Path) -> None:
    """Validation score by epoch, and training loss by epoch and by second, as the paper's Fig. 4: a
    colour a model, a line a seed."""
    finished = [outcome for outcome in outcomes if outcome.runs]
    n_rows = -(-len(finished) // 4)
    figure = Figure(figsize=(14, 3.9 + 0.25 * n_rows), layout="constrained")
    scores, losses, by_second = figure.subplots(1, 3)
    for number, outcome in enumerate(finished):
        for nth, run in enumerate(outcome.runs):
            style = {
                "color": colour(number),
                "label": wrapped(outcome.label) if nth == 0 else None,
                "marker": "o" if len(run["valid_score"]) < 3 else None,
                "markersize": 4,
                "linewidth": 1.3,
                "alpha": 0.8,
            }
            scores.plot(*np.reshape(run["valid_score"], (-1, 2)).T, **style)
            loss = np.array(run["loss"], dtype=float)
            # The losses of two models are different quantities; their courses can be compared.
            # Models such as Pop have none.
            if loss.any():
                losses.plot(np.arange(1, len(loss) + 1), loss / loss[0], **style)
                by_second.plot(np.cumsum(run["seconds"]), loss / loss[0], **style)
    scores.set_ylabel(f"{title(finished[0].runs[0]['valid_metric'])} on validation")
    for panel in (losses, by_second):
        panel.set_ylabel("training loss / that of the first epoch")
    by_second.set_xlabel("seconds of training")
    for panel in (scores, losses):
        panel.set_xlabel("epoch")
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    for panel in (scores, losses, by_second):
        panel.grid(alpha=0.25)
        panel.spines[["top", "right"]].set_visible(False)
    handles, labels = scores.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=4, fontsize=9, frameon=False
    )  # fmt: skip
    save(figure, path)


def colour(number: int):
    """That of the row of this number."""
    return colormaps["tab10" if number < 10 else "tab20b"](number % 10)


def wrapped(label: str) -> str:
    """A label in lines that a legend has room for."""
    return textwrap.fill(label.replace(",", ", "), _LINE)


def save(figure: Figure, path: Path) -> None:
    """Writes a figure as PNG, whole or not at all."""
    with whole_file(path) as partial:
        figure.savefig(partial, format="png", dpi=_DPI)
