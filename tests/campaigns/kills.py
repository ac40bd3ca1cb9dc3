"""Commands killed at random moments and given again: they end as undisturbed ones, and leave no process."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Callable

import numpy as np
import pandas as pd
import torch

from recbole_slmrec.training.checkpoint import load_checkpoint
from tests.campaigns.commands import RAN, ended, forked, scratch, tell
from tests.campaigns.files import same
from tests.made import NAME, make

CASES = 16
_ORPHANS_MAY_TAKE_S = 60
_EPOCHS = 30
_QUICK = (
    "--show_progress=False",
    "--train_batch_size=64",
    "--stopping_step=100",
    "--state=WARNING",
)
_TRAIN = ("run", f"--dataset={NAME}", *_QUICK)


@dataclass(frozen=True)
class Victim:
    """A command that is killed."""

    name: str
    arguments: tuple[str, ...]
    result: Callable[[Path], Any]
    """What it has made in a working directory."""
    resumed: bool = False
    """Whether the second command goes on from the checkpoint of the first."""


def campaign(n_cases: int, rng: random.Random) -> dict[str, Any]:
    """Kills ``n_cases`` commands, kind by kind in turn.

    Returns:
        The figures: outcomes by command, how many partial files lay about, and the faults.
    """
    counts, faults, partial = Counter(), [], 0
    with scratch() as folder:
        base = _base(folder / "base")
        undisturbed = {}
        for case in range(n_cases):
            victim = _VICTIMS[case % len(_VICTIMS)]
            if victim.name not in undisturbed:
                undisturbed[victim.name] = _undisturbed(victim, base, folder / "undisturbed")
            result, seconds = undisturbed[victim.name]
            place = folder / "killed"
            shutil.copytree(base, place)
            outcome = _killed_and_repeated(victim, place, rng.random() * seconds, result)
            partial += len(list(place.rglob("*.partial")))
            counts[f"{victim.name}: {outcome}"] += 1
            tell(case, victim.name, outcome)
            if outcome != "equal":
                faults.append([victim.name, case, outcome])
            shutil.rmtree(place)
    return {
        "cases": n_cases,
        "outcomes": dict(sorted(counts.items())),
        "hidden partial files": partial,
        "faults": faults,
    }


def _killed_and_repeated(victim: Victim, place: Path, after_s: float, wanted: Any) -> str:
    process = forked(victim.arguments, place)
    time.sleep(after_s)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    if _orphans(process):
        return "orphan process"
    arguments = victim.arguments
    if victim.resumed and (checkpoints := _checkpoints(place)):
        if load_checkpoint(checkpoints[-1])["epoch"] + 1 == _EPOCHS:
            return "equal" if same(victim.result(place), wanted) else "other result"
        arguments = (*arguments, f"--resume={checkpoints[-1]}")
    again = ended(forked(arguments, place), place)
    if again.kind != RAN:
        return f"{again.kind}: {again.text[-500:]}"
    return "equal" if same(victim.result(place), wanted) else "other result"


def _undisturbed(victim: Victim, base: Path, place: Path) -> tuple[Any, float]:
    shutil.copytree(base, place)
    start = perf_counter()
    outcome = ended(forked(victim.arguments, place), place)
    seconds = perf_counter() - start
    if outcome.kind != RAN:
        raise RuntimeError(f"{victim.name}: {outcome.text}")
    result = victim.result(place)
    shutil.rmtree(place)
    return result, seconds


def _orphans(session: int) -> bool:
    """Whether processes of a session are left after a while; they are ended."""
    left = _of_session(session)
    until = perf_counter() + _ORPHANS_MAY_TAKE_S
    while left and perf_counter() < until:
        time.sleep(0.2)
        left = _of_session(session)
    for process in left:
        os.kill(process, signal.SIGKILL)
    return bool(left)


def _of_session(session: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, of_session = path.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(of_session) == session and state != "Z":
            found.append(int(path.parent.name))
    return found


def _base(folder: Path) -> Path:
    """A working directory with a data set, a published one, titles and a trained model."""
    made = make(folder / "dataset")
    titles = [(f"i{item}", f"the item {item} of kind {item % 7}") for item in range(45)]
    pd.DataFrame(titles, columns=["item", "title"]).to_csv(folder / "titles.csv", index=False)
    pairs = [
        (f"u{user}", f"i{(user * place) % 300}") for user in range(900) for place in range(1, 30)
    ]
    pd.DataFrame(pairs, columns=["user", "item"]).to_csv(folder / "shop.csv", index=False)
    (folder / "bpr.hyper").write_text("learning_rate choice [0.01,0.005,0.001]\n", encoding="utf-8")
    outcome = ended(forked((*_TRAIN, "--epochs=3"), folder), folder)
    (checkpoint,) = (folder / "saved").glob("*.pth")
    checkpoint.rename(folder / "model.pth")
    if outcome.kind != RAN or not made.is_dir():
        raise RuntimeError(outcome.text)
    shutil.rmtree(folder / "saved")
    return folder


def _checkpoints(place: Path) -> list[Path]:
    return sorted((place / "saved").glob("*.pth"), key=lambda path: path.stat().st_mtime)


def _trained(place: Path) -> dict[str, torch.Tensor]:
    checkpoint = load_checkpoint(_checkpoints(place)[-1])
    return {**checkpoint["state_dict"], "valid": checkpoint["best_valid_result"]}


def _folder(name: str) -> Callable[[Path], dict[str, bytes]]:
    def content(place: Path) -> dict[str, bytes]:
        files = [path for path in (place / name).rglob("*") if path.is_file()]
        return {
            str(path.relative_to(place)): path.read_bytes()
            for path in files
            if not path.name.startswith(".")
        }

    return content


def _compared(place: Path) -> dict[str, Any]:
    runs = {}
    for path in (place / "compare" / NAME).glob("*-seed*.json"):
        run = json.loads(path.read_text(encoding="utf-8"))
        runs[path.name] = {key: run[key] for key in ("test", "valid", "per_user", "loss")}
    return runs


def _tuned(place: Path) -> dict[str, Any]:
    (folder,) = (place / "tune").iterdir()
    winner = json.loads((folder / "winner.json").read_text(encoding="utf-8"))
    trials = [json.loads(line) for line in open(folder / "trials.jsonl", encoding="utf-8")]
    return {
        **{key: winner[key] for key in ("parameters", "best_valid_result", "test_result")},
        "scores": [trial["score"] for trial in trials],
    }


def _vectors(place: Path) -> dict[str, Any]:
    files = _folder("vectors")(place)
    arrays = {name: np.load(place / name) for name in files if name.endswith(".npy")}
    return {**arrays, "names": sorted(files)}


_VICTIMS = (
    Victim("run", (*_TRAIN, f"--epochs={_EPOCHS}"), _trained),
    Victim("run, resumed", (*_TRAIN, f"--epochs={_EPOCHS}", "--eval_step=1"), _trained, resumed=True),
    Victim("run in two processes", (*_TRAIN, "--epochs=5", "--nproc=2"), _trained),
    Victim("prepare", ("prepare", "shop", "--source=shop.csv", "--force"), _folder("dataset/shop")),
    Victim(
        "featurize",
        ("featurize", NAME, "text", "--table=titles.csv", "--item=item", "--column=title", "--force"),
        _folder(f"dataset/{NAME}"),
    ),
    Victim(
        "compare",
        ("compare", "--models=SLMRec,BPR,Pop", f"--dataset={NAME}", "--seeds=2", "--epochs=5",
         *_QUICK[1:3]),
        _compared,
    ),
    Victim(
        "tune",
        ("tune", "--model=BPR", f"--dataset={NAME}", "--params_file=bpr.hyper", "--epochs=3",
         *_QUICK[1:3]),
        _tuned,
    ),
    Victim(
        "recommend", ("recommend", "--checkpoint=model.pth", "--output=recs.csv", "--why"),
        lambda place: (place / "recs.csv").read_bytes(),
    ),
    Victim("export", ("export", "--checkpoint=model.pth", "--output=vectors", "--force"), _vectors),
)  # fmt: skip
