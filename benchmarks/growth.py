"""How the graph part of a training step grows with the data."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

import numpy as np

from benchmarks import shapes, steps
from benchmarks.device import device
from benchmarks.loaded import Loaded
from benchmarks.timing import medians_in_turn

FACTORS = (1, 2, 4, 8)


def measure(base: shapes.Shape, data_path: Path, rounds: int) -> dict[str, list[float]]:
    """Times loss and backward with the graph and without it, at each multiple of ``base``.

    The modalities' features are propagated before training, so ``base`` needs none.

    Returns:
        ``interactions``, and by the same places ``with_graph`` and ``without_graph``: seconds,
        medians.
    """
    points: dict[str, list[float]] = {"interactions": [], "with_graph": [], "without_graph": []}
    for factor in FACTORS:
        loaded = Loaded(shapes.written(base.times(factor), data_path), data_path)
        tasks = {
            "with_graph": _Gradient(loaded, steps.N_LAYERS),
            "without_graph": _Gradient(loaded, 0),
        }
        points["interactions"].append(loaded.size()["interactions"])
        for name, taken in medians_in_turn(tasks, rounds).items():
            points[name].append(taken)
    return points


def graph_part(points: dict[str, list[float]]) -> list[float]:
    """Seconds that the graph adds to a step, by place."""
    pairs = zip(points["with_graph"], points["without_graph"])
    return [with_graph - without_graph for with_graph, without_graph in pairs]


def slope(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """The exponent of size that fits the seconds best, by least squares on the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


class _Gradient:
    """Loss and backward of one batch; without the optimiser, whose pass no graph takes part in."""

    def __init__(self, loaded: Loaded, n_layers: int):
        # SLMRec's encoder with BPR: similarities of a batch would drown the graph's part in noise.
        settings = {**steps.common_settings("MMLightGCN"), "n_layers": n_layers}
        config = loaded.config("MMLightGCN", **settings)
        self.model = loaded.model(config)
        self.batch = next(loaded.batches(config)).to(device())

    def __call__(self) -> None:
        self.model.zero_grad()
        self.model.calculate_loss(self.batch).backward()
