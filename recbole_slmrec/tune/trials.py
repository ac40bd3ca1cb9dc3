"""The trials of a search: one JSON line each, so that an interrupted search goes on."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from recbole_slmrec.data.files import whole_file

_ANEW = "delete the line, and it is trained anew"


@dataclass(frozen=True)
class Trial:
    """One combination and how it did.

    Attributes:
        parameters: the tuned settings.
        score: the best validation score; None if training failed.
        valid_result: all validation metrics of that epoch.
        epochs: how many were trained.
        seconds: how long it took.
        error: why training failed.
    """

    parameters: dict[str, Any]
    score: float | None
    valid_result: dict[str, float]
    epochs: int
    seconds: float
    error: str | None = None


class TrialLog:
    """The finished trials in a file, in the order in which they finished.

    Args:
        path: the file; made with the first trial.

    Raises:
        ValueError: for a line that is no trial; the message names the file and the line.
    """

    def __init__(self, path: Path):
        self._path = path
        self._trials = {_key(trial.parameters): trial for trial in _read(path)}

    def __len__(self) -> int:
        return len(self._trials)

    def __iter__(self):
        return iter(self._trials.values())

    def get(self, parameters: dict[str, Any]) -> Trial | None:
        """The trial of these parameters, None if it has not been made."""
        return self._trials.get(_key(parameters))

    def add(self, trial: Trial) -> None:
        """Keeps a trial; it is on the disk when this returns."""
        line = json.dumps(asdict(trial)) + "\n"
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        self._trials[_key(trial.parameters)] = trial

    def best(self, bigger: bool) -> Trial | None:
        """The best trial, the earliest of equals; None if every one has failed."""
        scored = [trial for trial in self if trial.score is not None]
        return (max if bigger else min)(scored, key=lambda trial: trial.score, default=None)


def _read(path: Path) -> list[Trial]:
    if not path.is_file():
        return []
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not text in UTF-8 ({error}): {_ANEW}") from None
    # What follows the last line end is empty, or a line that was cut off while it was written.
    if lines.pop():
        with whole_file(path) as partial:
            partial.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    trials = []
    for number, line in enumerate(lines, start=1):
        try:
            trials.append(_trial(json.loads(line)))
        except (ValueError, TypeError, RecursionError):
            raise ValueError(f"{path}, line {number} is not a trial: {_ANEW}") from None
    return trials


def _trial(content: dict[str, Any]) -> Trial:
    trial = Trial(**content)
    scores = (trial.score, *trial.valid_result.values()) if trial.valid_result else (trial.score,)
    numbers = [*scores, trial.seconds]
    whole = isinstance(trial.parameters, dict) and isinstance(trial.epochs, int)
    if not whole or not all(isinstance(n, (int, float, type(None))) for n in numbers):
        raise TypeError("a part is of another type")
    return trial


def _key(parameters: dict[str, Any]) -> str:
    return json.dumps(parameters, sort_keys=True)
