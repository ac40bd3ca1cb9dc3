"""What a step of the multimodal baselines costs, beside LightGCN's and that of their equations."""

from __future__ import annotations

from pathlib import Path

from benchmarks.loaded import Loaded
from benchmarks.steps import LIGHTGCN, MODELS, case, seconds_in_turn, straightforward, tasks_of
from benchmarks.straightforward.bm3 import StraightforwardBM3
from benchmarks.straightforward.freedom import StraightforwardFREEDOM

FREEDOM, BM3 = "FREEDOM", "BM3"
BASELINES = (FREEDOM, BM3, "MGCN", "LATTICE", "LGMRec", "SMORE")

# A model's equations as they read: what they are called in the tables, and the model.
PLAIN = {
    FREEDOM: (f"{FREEDOM}, straightforward", StraightforwardFREEDOM),
    BM3: (f"{BM3}, straightforward", StraightforwardBM3),
}


def measure(name: str, data_path: Path, rounds: int) -> dict[str, dict]:
    """Times a step of every model on one data set, in turn.

    Not in one process's memory with those of :mod:`benchmarks.steps`: all together would take more
    than many machines have.

    Returns:
        ``size`` of the data set; ``step`` and ``fetch`` (the loader's part, not in ``step``) by
        model: seconds, medians.
    """
    loaded = Loaded(name, data_path)
    cases = {model: case(loaded, model, {}) for model in BASELINES}
    for model, (called, plain) in PLAIN.items():
        cases[called] = straightforward(loaded, cases[model], plain)
    cases[LIGHTGCN] = case(loaded, *MODELS[LIGHTGCN])
    return {"size": loaded.size(), **seconds_in_turn(tasks_of(cases), rounds)}
