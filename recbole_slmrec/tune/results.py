"""The files that tell of a search: RecBole's result file, a table, and settings to run with."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any, Iterable

import pandas as pd
import yaml
from recbole.trainer import HyperTuning
from recbole.utils import dict2str

from recbole_slmrec.config import Config
from recbole_slmrec.data.files import whole_file
from recbole_slmrec.tune.task import Task
from recbole_slmrec.tune.trials import Trial

_NOT_TESTED = "not read: only the winner is tested"


def write_result_file(path: Path, trials: Iterable[Trial], winner: dict[str, Any]) -> None:
    """Writes the trials in the format of RecBole's ``HyperTuning.export_result``.

    Args:
        path: the file.
        trials: those to write.
        winner: the only one with a test result, as ``parameters`` and ``test_result``.
    """
    with _written(path) as partial, partial.open("w", encoding="utf-8") as file:
        for trial in trials:
            won = trial.parameters == winner["parameters"]
            valid = trial.error or dict2str(trial.valid_result)
            test = dict2str(winner["test_result"]) if won else _NOT_TESTED
            file.write(
                f"{HyperTuning.params2str(trial.parameters)}\n"
                f"Valid result:\n{valid}\nTest result:\n{test}\n\n"
            )


def write_table(path: Path, trials: Iterable[Trial]) -> None:
    """Writes a CSV file, a trial a row: parameters, score, validation metrics, and what it took."""
    rows = [
        {
            **trial.parameters,
            "score": trial.score,
            **{f"valid {metric}": value for metric, value in trial.valid_result.items()},
            "epochs": trial.epochs,
            "seconds": trial.seconds,
            "error": trial.error,
        }
        for trial in trials
    ]
    with _written(path) as partial:
        pd.DataFrame(rows).to_csv(partial, index=False)


def write_best(path: Path, task: Task, best: Trial) -> None:
    """Writes the fixed and the winning settings as a file for ``--config_files``."""
    settings = task.lasting_settings
    model, dataset = settings.pop("model"), settings.pop("dataset")
    # Values as Config reads them: text such as '[64,32]' is a list from a .hyper file and on the
    # command line, but not from YAML.
    config = Config(model, dataset, config_dict={**task.settings, **best.parameters})
    settings.update({name: config[name] for name in best.parameters})
    text = (
        f"# {task.metric} {best.score:.6f} on validation.\n"
        f"# python run_recbole.py --model={model} --dataset={dataset} "
        f"--config_files={shlex.quote(str(path))}\n" + yaml.safe_dump(settings, sort_keys=False)
    )
    with _written(path) as partial:
        partial.write_text(text, encoding="utf-8")


def _written(path: Path):
    path.parent.mkdir(parents=True, exist_ok=True)
    return whole_file(path)
