"""The graph of nearest items: how long it takes to build, how much memory, and to read again."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import torch

from benchmarks import memory, shapes
from benchmarks.process import in_own_process
from recbole_slmrec.model.neighbours import kept_content_neighbours

K = 10
MODALITY = "v"


def measure(shape: shapes.Shape, folder: Path) -> dict[str, float]:
    """Builds the graph of a shape's items by its modality ``v`` in a process of its own, then reads it.

    Returns:
        ``items``, ``columns``; ``first`` and ``second``, in seconds; and ``memory``, what the first
        takes beside features and imports, in bytes, where the system tells a process its peak.
    """
    width = shape.widths[MODALITY]
    with TemporaryDirectory(dir=folder) as kept:
        path = Path(kept, "features.npy")
        shapes.write_features(path, shape.n_items, width)
        measured, _ = in_own_process(_build, path, Path(kept))
    return {"items": shape.n_items, "columns": width, **measured}


def _build(path: Path, folder: Path) -> dict[str, float]:
    features = torch.from_numpy(np.load(path))
    before = memory.peak() if memory.STATUS.is_file() else None
    measured = {}
    for run in ("first", "second"):
        start = perf_counter()
        kept_content_neighbours(MODALITY, features, K, folder)
        measured[run] = perf_counter() - start
        if run == "first" and before is not None:
            measured["memory"] = memory.peak() - before
    return measured
