"""The chart of a sweep as PNG: a panel a metric, a line a model, over the values of the setting."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from recbole_slmrec.compare.figures import colour, save, wrapped
from recbole_slmrec.compare.table import title
from recbole_slmrec.sweep.table import SPLITS, Figures, panels

_COLUMNS = 4


def draw(found: Figures, path: Path) -> None:
    """Draws every panel, the deviation over seeds as a whisker, and marks what validation picks.

    Values stand at equal distances, as typed, whatever they are.
    """
    shown = panels(found)
    n_columns = min(_COLUMNS, len(shown))
    n_rows = -(-len(shown) // n_columns)
    legend = 0.25 * -(-len(found.sweep.models) // 3)
    figure = Figure(figsize=(3.3 * n_columns, 2.9 * n_rows + 0.4 + legend), layout="constrained")
    axes = figure.subplots(n_rows, n_columns, squeeze=False).flatten()
    for panel, (split, metric) in zip(axes, shown):
        for number, model in enumerate(found.sweep.models):
            _line(panel, found, model.label, (split, metric), colour(number))
        panel.set_title(f"{title(metric)} on {SPLITS[split]}", fontsize=10)
        panel.set_xlabel(found.sweep.key)
        panel.set_xticks(range(len(found.sweep.values)), found.sweep.values)
        panel.yaxis.set_major_locator(MaxNLocator(5))
        panel.grid(alpha=0.25)
        panel.spines[["top", "right"]].set_visible(False)
    for panel in axes[len(shown) :]:
        panel.set_axis_off()
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=9, frameon=False)
    save(figure, path)


def _line(panel, found: Figures, model: str, shown: tuple[str, str], its_colour) -> None:
    scores = [found.of(model, value, *shown) for value in found.sweep.values]
    means = np.array([np.nan if score is None else score.mean for score in scores])
    whiskers = [(score.deviation or 0) if score else 0 for score in scores]
    panel.errorbar(
        range(len(means)), means, yerr=whiskers, label=wrapped(model), color=its_colour,
        marker="o", markersize=4, linewidth=1.4, elinewidth=1, capsize=2.5,
    )  # fmt: skip
    picked = found.picked(model)
    if picked is not None:
        at = found.sweep.values.index(picked)
        panel.plot(at, means[at], marker="*", markersize=12, color=its_colour)
