"""The measurements as PNG: bars of the steps, and the graph's part against size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from benchmarks import growth
from benchmarks.steps import FAC, FLOOR, LIGHTGCN
from recbole_slmrec.data.files import whole_file

_DPI = 130
_OURS, _OTHERS, _FLOOR, _LOADER = "tab:blue", "tab:gray", "tab:green", "0.85"


def draw_steps(titles: dict[str, str], sets: dict[str, dict], path: Path) -> None:
    """A panel a data set, a bar a model, its loader's time behind it.

    Args:
        titles: by data set.
        sets: what :func:`benchmarks.steps.measure` gives, by data set.
        path: of the file.
    """
    heights = [len(measured["step"]) + 3 for measured in sets.values()]
    figure = Figure(figsize=(9, 0.28 * sum(heights)), layout="constrained")
    panels = figure.subplots(len(sets), 1, squeeze=False, height_ratios=heights).flatten()
    for panel, (name, measured) in zip(panels, sets.items()):
        _bars(panel, measured)
        panel.set_title(titles[name], fontsize=10, loc="left")
    panels[-1].set_xlabel("ms a training step; pale: RecBole's loader; in brackets: / LightGCN's")
    _save(figure, path)


def draw_growth(points: dict[str, list[float]], path: Path) -> None:
    """The graph's part of a step by interactions, on logarithmic scales, with the fitted line."""
    sizes, part = np.array(points["interactions"]), 1e3 * np.array(growth.graph_part(points))
    exponent = growth.slope(sizes, part)
    scale = np.exp(np.mean(np.log(part) - exponent * np.log(sizes)))
    figure = Figure(figsize=(6, 4.2), layout="constrained")
    panel = figure.subplots()
    panel.loglog(sizes, part, "o", color=_OURS, label="measured")
    panel.loglog(sizes, scale * sizes**exponent, color=_OURS, label=f"fitted, slope {exponent:.2f}")
    panel.loglog(sizes, part[0] * sizes / sizes[0], ":", color="black", label="slope 1")
    panel.set_xticks(sizes, [f"{size:,}" for size in sizes])
    panel.set_xticks([], minor=True)
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.yaxis.set_major_formatter("{x:g}")
    panel.yaxis.set_minor_locator(NullLocator())
    panel.set_xlabel("training interactions")
    panel.set_ylabel("graph's part of a step, ms")
    panel.grid(alpha=0.25)
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(frameon=False)
    _save(figure, path)


def _bars(panel, measured: dict[str, dict[str, float]]) -> None:
    yardstick = measured["step"][LIGHTGCN]
    steps = dict(sorted(measured["step"].items(), key=lambda each: each[1]))
    steps = {FLOOR: sum(measured["floor"].values()), **steps}
    for position, (model, seconds) in enumerate(steps.items()):
        loader = measured["fetch"].get(model, 0)
        panel.barh(position, 1e3 * (seconds + loader), color=_LOADER)
        panel.barh(position, 1e3 * seconds, color=_colour(model))
        panel.annotate(
            f"{1e3 * seconds:.1f}  ({seconds / yardstick:.2f})",
            (1e3 * (seconds + loader), position), (4, 0), textcoords="offset points",
            va="center", fontsize=8, weight="bold" if model == FAC else None,
        )  # fmt: skip
    panel.set_yticks(range(len(steps)), list(steps), fontsize=8)
    panel.invert_yaxis()
    panel.margins(x=0.15)
    panel.set_xlim(left=0)
    panel.spines[["top", "right"]].set_visible(False)


def _colour(model: str) -> str:
    if model == FLOOR:
        return _FLOOR
    return _OURS if model.startswith("SLMRec, ") else _OTHERS


def _save(figure: Figure, path: Path) -> None:
    with whole_file(path) as partial:
        figure.savefig(partial, format="png", dpi=_DPI)
