"""The description of a data set as a picture: degrees, and a map of each modality's features."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from scipy.sparse import issparse
from sklearn.decomposition import PCA, TruncatedSVD

from recbole_slmrec.data.files import whole_file
from recbole_slmrec.describe.interactions import Interactions
from recbole_slmrec.describe.modalities import ModalityFacts

_DPI = 130
_COLD = "#b8b8b8"
# Columns that the counts of words are reduced to before their PCA, which needs them dense.
_WORD_COLUMNS = 50


def draw_description(
    name: str,
    interactions: Interactions,
    modalities: Sequence[ModalityFacts],
    seed: int,
    path: Path,
) -> None:
    """Draws a panel of degrees, and for each modality the first two principal components.

    Args:
        name: the data set's name.
        interactions: its interactions.
        modalities: its modalities; there may be none.
        seed: of the decompositions.
        path: the PNG to write; whole or not at all.
    """
    n_panels = 1 + len(modalities)
    n_columns = min(n_panels, 2 if n_panels in (2, 4) else 3)
    n_rows = -(-n_panels // n_columns)
    figure = Figure(figsize=(0.8 + 4.2 * n_columns, 0.4 + 3.8 * n_rows), layout="constrained")
    panels = figure.subplots(n_rows, n_columns, squeeze=False).flatten()
    figure.suptitle(name)
    _draw_degrees(panels[0], interactions)
    colours = LogNorm(1, max(2, interactions.item_degrees.max()))
    for panel, facts in zip(panels[1:], modalities):
        points = _draw_map(panel, facts, interactions.item_degrees, colours, seed)
    for panel in panels:
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(labelsize=8)
    for panel in panels[n_panels:]:
        panel.set_axis_off()
    if modalities:
        bar = figure.colorbar(points, ax=panels.tolist(), pad=0.02)
        bar.solids.set_alpha(1)
        bar.set_label("degree in training (grey: none)")
    with whole_file(path) as partial:
        figure.savefig(partial, format="png", dpi=_DPI)


def _draw_degrees(panel, interactions: Interactions) -> None:
    sides = {"users": interactions.user_degrees, "items": interactions.item_degrees}
    for side, degrees in sides.items():
        values, counts = np.unique(degrees[degrees > 0], return_counts=True)
        at_least = counts[::-1].cumsum()[::-1] / len(degrees)
        style = {"marker": ".", "markersize": 4, "linewidth": 1.1, "label": side}
        panel.plot(values, at_least, drawstyle="steps-pre", **style)
    panel.set_xscale("log")
    panel.set_yscale("log")
    panel.set_title("degrees in training", fontsize=10)
    panel.set_xlabel("degree k")
    panel.set_ylabel("share with degree k or more")
    panel.grid(alpha=0.25)
    panel.legend(frameon=False)


def _draw_map(panel, facts: ModalityFacts, item_degrees: np.ndarray, colours: LogNorm, seed: int):
    places, shares = _principal_components(facts.features, seed)
    degrees = item_degrees[facts.sampled - 1]
    cold = degrees == 0
    style = {"s": 7, "linewidths": 0, "alpha": 0.7}
    panel.scatter(*places[cold].T, color=_COLD, **style)
    # The popular, which are few, on top.
    order = np.argsort(degrees[~cold], kind="stable")
    points = panel.scatter(
        *places[~cold][order].T, c=degrees[~cold][order], norm=colours, cmap="viridis", **style
    )
    panel.set_title(f"{facts.name}: PCA of {len(places):,} items", fontsize=10)
    panel.set_xlabel(f"component 1 ({shares[0]:.1%} of variance)")
    panel.set_ylabel(f"component 2 ({shares[1]:.1%})")
    panel.set_aspect("equal", adjustable="datalim")
    return points


def _principal_components(features, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Places of shape (n, 2) and their shares of the variance; zero where there is no variance."""
    if issparse(features):
        width = min(_WORD_COLUMNS, features.shape[1])
        features = TruncatedSVD(width, random_state=seed).fit_transform(features)
    places, shares = np.zeros((len(features), 2)), np.zeros(2)
    n = min(2, features.shape[1], len(features))
    if n == 0 or not np.ptp(features, axis=0).any():
        return places, shares
    pca = PCA(n, random_state=seed)
    places[:, :n] = pca.fit_transform(features)
    shares[:n] = pca.explained_variance_ratio_
    return places, shares
