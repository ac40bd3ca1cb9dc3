"""A line for each trial: how far the search is, and how well it goes."""

from __future__ import annotations

from datetime import timedelta
from time import perf_counter
from typing import Callable

from recbole_slmrec.tune.task import Task
from recbole_slmrec.tune.trials import Trial, TrialLog


class Progress:
    """Keeps each trial in the log and tells of it.

    Args:
        task: what is tuned.
        log: where trials are kept.
        n_trials: how many the search will make.
        say: called with each line.
    """

    def __init__(self, task: Task, log: TrialLog, n_trials: int, say: Callable[[str], None]):
        self._task, self._log, self._n_trials, self._say = task, log, n_trials, say
        self._start = perf_counter()
        self._n_known = self._n_new = 0

    def known(self) -> None:
        """A trial of the search was in the log already."""
        self._n_known += 1

    def finished(self, trial: Trial) -> None:
        """A trial was made."""
        self._log.add(trial)
        self._n_new += 1
        done = self._n_known + self._n_new
        seconds_each = (perf_counter() - self._start) / self._n_new
        left = timedelta(seconds=round(seconds_each * (self._n_trials - done)))
        result = trial.error or f"{self._task.metric} {trial.score:.4f}"
        best = self._log.best(self._task.bigger)
        best_score = f"{best.score:.4f}" if best else "none"
        self._say(
            f"trial {done} of {self._n_trials}: {described(trial)}: {result} "
            f"(best {best_score}), {trial.seconds:.0f} s, {left} left"
        )


def described(trial: Trial) -> str:
    """The parameters of a trial in a line."""
    return ", ".join(
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in trial.parameters.items()
    )
