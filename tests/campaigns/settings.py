"""Every setting with odd values: a run, or one sentence with status 2, and nothing half-written."""

from __future__ import annotations

import gc
import random
import resource
import shutil
from collections import Counter
from pathlib import Path
from typing import Any, Iterator

import recbole
import yaml

from recbole_slmrec.registry import MODELS
from recbole_slmrec.settings import properties_path
from tests.campaigns.commands import GOOD, Outcome, apart, here, left_over, scratch, tell
from tests.made import NAME, make

ODD = (
    "0", "-1", "1e300", "99999999999999999999", "nan", "-0.5", "'text'", "[]", "[1,'a']", "{'a':1}",
    "", "None",
)  # fmt: skip
"""The values, as a command line has them."""

CASES = 1200
_APART_ONE_IN = 40
# A run needs 2 GiB of addresses; a huge value must not take those of others.
_ADDRESSES = 24 * 2**30
_QUICK = ("--epochs=1", "--stopping_step=1", "--show_progress=False", "--train_batch_size=64")
_RECBOLES = Path(recbole.__file__).parent / "properties"


def campaign(n_cases: int, rng: random.Random) -> dict[str, Any]:
    """Tries ``n_cases`` of the cases, drawn at random; all if there are no more.

    Returns:
        The figures: outcomes by kind, and the faults.
    """
    cases = list(_cases())
    chosen = cases if n_cases >= len(cases) else rng.sample(cases, n_cases)
    counts, faults = Counter(), []
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESSES, resource.RLIM_INFINITY))
    with scratch() as folder:
        make(folder / "dataset")
        for number, (model, key, value) in enumerate(chosen):
            outcome = _outcome(model, key, value, number % _APART_ONE_IN == 0)
            partial = left_over(folder)
            _clear(folder)
            counts[outcome.kind] += 1
            if outcome.kind not in GOOD or partial:
                faults.append([model, key, value, outcome.kind, outcome.text, partial])
                tell(number, *faults[-1])
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return {
        "cases": len(chosen),
        "of": len(cases),
        "settings": len({case[:2] for case in cases}),
        "outcomes": dict(counts),
        "faults": faults,
    }


def _clear(folder: Path) -> None:
    """Removes what runs wrote, which each search for partial files would go through; not the data."""
    for path in folder.iterdir():
        if path.is_dir() and path.name != "dataset":
            shutil.rmtree(path)
    gc.collect()


def _outcome(model: str, key: str, value: str, in_its_own: bool) -> Outcome:
    quick = [word for word in _QUICK if not word.startswith(f"--{key}=")]
    run = apart if in_its_own else here
    return run(["run", f"--model={model}", f"--dataset={NAME}", *quick, f"--{key}={value}"])


def _cases() -> Iterator[tuple[str, str, str]]:
    """Each setting of our models with its model; those of all models with two of them."""
    shared = [
        *_keys(properties_path() / "overall.yaml"),
        *_keys(_RECBOLES / "overall.yaml"),
        *_keys(_RECBOLES / "dataset" / "sample.yaml"),
    ]
    own = {model: _keys(properties_path() / "model" / f"{model}.yaml") for model in MODELS}
    for model, keys in {**own, "SLMRec": [*own["SLMRec"], *shared], "BPR": shared}.items():
        for key in dict.fromkeys(keys):
            for value in ODD:
                yield model, key, value


def _keys(path: Path) -> list[str]:
    return list(yaml.safe_load(path.read_text(encoding="utf-8")))
