"""A search with RecBole's ``HyperTuning``, which is Hyperopt's: one trial after the other."""

from __future__ import annotations

import logging
import sys
from functools import partial
from pathlib import Path
from typing import Callable

from hyperopt import STATUS_FAIL, STATUS_OK, fmin
from hyperopt.exceptions import AllTrialsFailed
from recbole.trainer import HyperTuning
from recbole.trainer.hyper_tuning import exhaustive_search

from recbole_slmrec.compat import Draws
from recbole_slmrec.tune.objective import train
from recbole_slmrec.tune.progress import Progress
from recbole_slmrec.tune.space import n_combinations, read_space
from recbole_slmrec.tune.task import Task
from recbole_slmrec.tune.trials import Trial, TrialLog

ALGORITHMS = ("exhaustive", "random", "bayes")


def hyperopt_search(
    task: Task,
    log: TrialLog,
    algo: str,
    max_evals: int,
    early_stop: int | None,
    say: Callable[[str], None],
) -> None:
    """Makes the trials that are not in ``log`` yet.

    Args:
        task: what is tuned.
        log: the finished trials, and where new ones are kept.
        algo: ``exhaustive`` (all combinations), ``random`` or ``bayes`` (Hyperopt's TPE).
        max_evals: number of trials of the latter two.
        early_stop: end after so many trials in a row without a better one; None for never.
        say: called with a line for each trial.

    Raises:
        ValueError: for an exhaustive search over ranges, or a trial's settings.
    """
    n_trials = max_evals if algo != "exhaustive" else n_combinations(task.space)
    if n_trials is None:
        ranges = ", ".join(p.name for p in task.space if p.kind != "choice")
        raise ValueError(
            f"an exhaustive search needs lists of choices, and {ranges} is a range: "
            "pass --algo=bayes --max_evals=N"
        )
    progress = Progress(task, log, n_trials, say)

    def objective(parameters: dict, files: None) -> Trial:
        trial = log.get(parameters)
        if trial:
            progress.known()
            return trial
        trial = train(task.settings, parameters)
        progress.finished(trial)
        return trial

    Tuning(task, objective, algo, n_trials, early_stop or n_trials).run()


class Tuning(HyperTuning):
    """RecBole's ``HyperTuning``, seeded; it runs no text, prints nothing and tests nothing.

    With one seed the algorithm proposes the same trials again, so that a search that starts over
    goes through those it has made, and on from there.
    """

    def __init__(self, task: Task, objective, algo: str, n_trials: int, early_stop: int):
        space = {parameter.name: parameter.for_hyperopt() for parameter in task.space}
        # RecBole gives up after 1,000 draws without a new combination: of a grid of 1,280 it leaves
        # some out.
        thorough = partial(exhaustive_search, nbMaxSucessiveFailures=100 * n_trials)
        super().__init__(
            objective,
            space=space,
            algo=thorough if algo == "exhaustive" else algo,
            max_evals=n_trials,
            early_stop=early_stop,
        )
        self._task = task
        # Errors come out of run() as they are; Hyperopt would also log them.
        logging.getLogger("hyperopt").setLevel(logging.CRITICAL)

    @staticmethod
    def _build_space_from_file(file):
        return {parameter.name: parameter.for_hyperopt() for parameter in read_space(Path(file))}

    def trial(self, params):
        # RecBole's takes the score 0.0 for none, and cannot go on after a failed trial.
        trial = self.objective_function(params, self.fixed_config_file_list)
        if trial.score is None:
            # Not infinity, from which the rule for an early stop would subtract itself.
            return {"loss": sys.float_info.max, "status": STATUS_FAIL}
        return {"loss": -trial.score if self._task.bigger else trial.score, "status": STATUS_OK}

    def run(self):
        try:
            fmin(
                self.trial,
                self.space,
                algo=self.algo,
                max_evals=self.max_evals,
                rstate=Draws(self._task.seed),
                early_stop_fn=self.early_stop_fn,
                show_progressbar=False,
            )
        except AllTrialsFailed:
            pass
