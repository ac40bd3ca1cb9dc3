"""Many runs in one process, as in a notebook's life: memory and open files level off."""

from __future__ import annotations

import gc
import os
import random
import resource
import sys
from pathlib import Path
from typing import Any

from recbole_slmrec import quick_start
from recbole_slmrec.recommend import Recommender
from tests.campaigns.commands import scratch, tell
from tests.made import NAME, make

CASES = 60
_QUICK = {"epochs": 2, "show_progress": False, "state": "ERROR", "train_batch_size": 64}
_MODELS = (
    ("SLMRec", {}), ("SLMRec", {"ssl_task": "ED", "item_graph": "features"}), ("MMLightGCN", {}),
    ("LightGCN", {}), ("MMGCN", {}), ("BPR", {}), ("SLMRec", {"main_loss": "bpr", "ssl_task": "FD"}),
    ("EASE", {}),
)  # fmt: skip
# Of growth a run, in the second half.
_MAY_GROW_KIB = 256


def campaign(n_cases: int, rng: random.Random) -> dict[str, Any]:
    """Trains ``n_cases`` models one after another, and recommends from each.

    Returns:
        The figures: memory in MiB and open files after a quarter, half and all of the runs, and the
        growth of memory a run in the second half, in KiB.
    """
    memory, files = [], []
    with scratch() as folder:
        make(folder / "dataset")
        sys.argv = sys.argv[:1]
        for case in range(n_cases):
            model, settings = _MODELS[case % len(_MODELS)]
            seed = rng.getrandbits(30)
            result = quick_start.run(model, NAME, config_dict={**_QUICK, **settings, "seed": seed})
            Recommender.load(result["checkpoint"]).recommend(k=5)
            Path(result["checkpoint"]).unlink()
            gc.collect()
            memory.append(_memory_kib())
            files.append(len(os.listdir("/proc/self/fd")))
            tell(case, model, memory[-1] // 1024, "MiB", files[-1], "files")
    growth = (memory[-1] - memory[n_cases // 2]) / (n_cases - n_cases // 2)
    faults = []
    if growth > _MAY_GROW_KIB:
        faults.append(f"memory grows by {growth:.0f} KiB a run")
    if files[-1] > files[n_cases // 2]:
        faults.append(f"{files[n_cases // 2]} open files become {files[-1]}")
    marks = (n_cases // 4, n_cases // 2, n_cases - 1)
    return {
        "cases": n_cases,
        "memory in MiB": [memory[mark] // 1024 for mark in marks],
        "open files": [files[mark] for mark in marks],
        "growth in KiB a run": round(growth, 1),
        "faults": faults,
    }


def _memory_kib() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() // 1024
