"""Eight runs at once in one folder, on a data set that is being prepared, while features are kept for
the next run: each equal to what it gives alone.
"""

from __future__ import annotations

import random
import re
import shutil
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from recbole_slmrec.model import propagated
from recbole_slmrec.training.checkpoint import load_checkpoint
from tests.campaigns.commands import RAN, REFUSED, ended, forked, scratch, tell
from tests.campaigns.files import same

CASES = 3
_NAME = "shop"
_PREPARE = ("prepare", _NAME, "--source=shop", "--force")
_RUN = (
    "run", f"--dataset={_NAME}", "--epochs=2", "--show_progress=False", "--train_batch_size=512",
    "--state=INFO",
)  # fmt: skip
_RUNS = (
    *(("--model=SLMRec", f"--seed={seed}") for seed in range(3)),
    ("--model=SLMRec", "--ssl_task=FM", "--main_loss=bpr"),
    ("--model=MMLightGCN",), ("--model=VBPR",), ("--model=BPR",), ("--model=SLMRec", "--seed=0"),
)  # fmt: skip
_NOT_THERE = "there is no data set"


def campaign(n_cases: int, rng: random.Random) -> dict[str, Any]:
    """Starts all runs at once ``n_cases`` times, in a folder without the data set and kept features.

    Returns:
        The figures: outcomes, and the faults. A run may find that the data set is not there yet.
    """
    counts, faults = Counter(), []
    worth, propagated._WORTH_A_FILE = propagated._WORTH_A_FILE, 0
    try:
        with scratch() as folder:
            base = _base(folder / "base", np.random.default_rng(rng.getrandbits(32)))
            alone = [_alone(arguments, base, folder / "alone") for arguments in _RUNS]
            for case in range(n_cases):
                place = folder / f"together{case}"
                shutil.copytree(base, place)
                for arguments, outcome in _together(place, rng, alone, case % 2 == 0):
                    counts[outcome] += 1
                    tell(case, *arguments, outcome)
                    if outcome not in ("equal", "not there yet"):
                        faults.append([case, *arguments, outcome])
                if partial := [path.name for path in place.rglob("*.partial")]:
                    faults.append([case, "left over", partial])
    finally:
        propagated._WORTH_A_FILE = worth
    return {"cases": n_cases * len(_RUNS), "outcomes": dict(counts), "faults": faults}


def _together(place: Path, rng: random.Random, alone: list, prepared: bool) -> list[tuple]:
    """All runs at once; before, or while, the data set is prepared."""
    preparing = forked(_PREPARE, place)
    if prepared:
        ended(preparing, place)
    started = []
    for number, arguments in enumerate(_RUNS):
        started.append(forked((*_RUN, *arguments), place, f"said{number}.txt"))
        time.sleep(0 if prepared else rng.uniform(0, 0.5))
    outcomes = [
        _compared(process, place, f"said{number}.txt", wanted)
        for number, (process, wanted) in enumerate(zip(started, alone))
    ]
    if not prepared:
        ended(preparing, place)
    return list(zip(_RUNS, outcomes))


def _compared(process: int, place: Path, said: str, wanted: dict) -> str:
    outcome = ended(process, place, said)
    if outcome.kind == REFUSED and _NOT_THERE in outcome.text:
        return "not there yet"
    if outcome.kind != RAN:
        return f"{outcome.kind}: {outcome.text[-500:]}"
    return "equal" if same(_result(place, outcome.text), wanted) else "other result"


def _alone(arguments: tuple[str, ...], base: Path, place: Path) -> dict:
    shutil.copytree(base, place)
    ended(forked(_PREPARE, place), place)
    outcome = ended(forked((*_RUN, *arguments), place), place)
    if outcome.kind != RAN:
        raise RuntimeError(outcome.text)
    result = _result(place, outcome.text)
    shutil.rmtree(place)
    return result


def _result(place: Path, said: str) -> dict:
    (path,) = re.findall(r"Checkpoint: (\S+)", said)
    checkpoint = load_checkpoint(place / path)
    table = said[said.index("Result") : said.index("Checkpoint: ")].partition("\n")[2]
    rows = [line for line in table.splitlines() if line and line[0].islower()]
    return {**checkpoint["state_dict"], "valid": checkpoint["best_valid_result"], "table": rows}


def _base(folder: Path, rng: np.random.Generator) -> Path:
    """A folder with a shop's table, and features by id."""
    source = folder / "shop"
    source.mkdir(parents=True)
    rows = [(f"u{user}", f"i{item}") for user in range(300) for item in rng.choice(200, 12, False)]
    pd.DataFrame(rows, columns=["user", "item"]).to_csv(source / "interactions.csv", index=False)
    np.save(source / "v.npy", rng.normal(size=(200, 8)).astype(np.float32))
    ids = "".join(f"i{item}\n" for item in range(200))
    (source / "v.ids.txt").write_text(ids, encoding="utf-8")
    return folder
