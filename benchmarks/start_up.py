"""From a command to the first training step: the first time on a data set, and the second."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from time import perf_counter

from benchmarks.loaded import quiet
from benchmarks.process import in_own_process
from recbole_slmrec import quick_start
from recbole_slmrec.config import Config


def measure(name: str, data_path: Path) -> dict[str, dict[str, float]]:
    """Starts twice on a fresh copy of the data set, so that nothing from an earlier run helps.

    Returns:
        For ``first`` and ``second``: ``whole``, from the launch of a Python process to its end, and
        of these ``data`` and ``model``, in seconds.
    """
    with tempfile.TemporaryDirectory(dir=data_path) as copies:
        shutil.copytree(data_path / name, Path(copies) / name)
        starts = {}
        for start in ("first", "second"):
            parts, whole = in_own_process(_start, name, copies)
            starts[start] = {"whole": whole, **parts}
    return starts


def _start(name: str, data_path: str) -> dict[str, float]:
    begin = perf_counter()
    config = Config("SLMRec", name, config_dict={**quiet(), "data_path": data_path})
    train_data, *_ = quick_start.load_data(config)
    loaded = perf_counter()
    quick_start.build_model(config, train_data)
    return {"data": loaded - begin, "model": perf_counter() - loaded}
