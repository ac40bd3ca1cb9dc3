"""A picture of why: a bar for each recommended item, stacked by modality."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.figure import Figure

from recbole_slmrec.data.files import whole_file

_DPI = 130


def draw_shares(explained: pd.DataFrame, path: Path) -> None:
    """Draws one user's recommendations.

    Args:
        explained: what ``Recommender.explain`` gives, for one user, the best item first.
        path: the PNG file.

    Raises:
        ValueError: if nothing is recommended.
    """
    if explained.empty:
        raise ValueError("there is nothing to draw: no item is left to recommend")
    shares = explained.filter(regex="^why_").rename(columns=lambda name: name.removeprefix("why_"))
    places = np.arange(len(explained))
    figure = Figure(figsize=(8, 1.6 + 0.32 * len(explained)), layout="constrained")
    panel = figure.subplots()
    # What is below zero is stacked to the left, so that it covers nothing.
    left, right = np.zeros(len(explained)), np.zeros(len(explained))
    for number, name in enumerate(shares):
        share = shares[name].to_numpy()
        starts = np.where(share < 0, left, right)
        colour = colormaps["tab10" if number < 10 else "tab20b"](number % 10)
        panel.barh(places, share, left=starts, color=colour, label=name)
        left, right = left + share.clip(max=0), right + share.clip(min=0)
    panel.plot(explained["score"], places, "k|", markersize=11, markeredgewidth=2, label="score")
    for place, (end, score) in enumerate(zip(right, explained["score"])):
        panel.annotate(
            f"{score:.3f}", (max(end, score), place), (5, 0), textcoords="offset points",
            va="center", fontsize=8,
        )  # fmt: skip
    panel.axvline(0, color="black", linewidth=0.8)
    panel.margins(x=0.1)
    panel.set_yticks(places, explained["item"])
    panel.invert_yaxis()
    panel.set_xlabel("share in the score, by modality of the item")
    panel.set_title(f"Recommended to {explained['user'].iloc[0]}", loc="left", fontsize=11)
    panel.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=6, fontsize=9, frameon=False)
    with whole_file(path) as partial:
        figure.savefig(partial, format="png", dpi=_DPI)
