"""What a search is about: the fixed settings, the tuned ones, and the measure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from logging import getLogger
from pathlib import Path
from typing import Any

from recbole_slmrec.config import Config
from recbole_slmrec.data.records import read_record, write_record
from recbole_slmrec.settings import properties_path
from recbole_slmrec.training.checkpoint import plain_settings
from recbole_slmrec.tune.space import Parameter, read_space

# Settings that change nothing in a score.
_PASSING = frozenset("state show_progress checkpoint_dir gpu_id data_path config_files".split())

# The file of a search's trials, in its folder.
TRIALS = "trials.jsonl"


@dataclass(frozen=True)
class Task:
    """What is tuned on what.

    Attributes:
        settings: all that the user has fixed, with ``model`` and ``dataset``; ``data_path`` is
            absolute, so that they hold in any working directory and need no config file.
        space: the parameters to tune.
        metric: name of the validation metric.
        bigger: whether more of it is better.
        n_validations: how often a trial is validated at most.
        seed: of the search.
    """

    settings: dict[str, Any]
    space: list[Parameter]
    metric: str
    bigger: bool
    n_validations: int
    seed: int

    @property
    def lasting_settings(self) -> dict[str, Any]:
        """The settings that a score depends on."""
        return {key: value for key, value in self.settings.items() if key not in _PASSING}


def make_task(
    model: str,
    dataset: str,
    config_files: list[str],
    config_dict: dict[str, Any],
    params_file: Path | None,
) -> Task:
    """Reads and checks what the user wants tuned.

    Args:
        model: name of the model.
        dataset: name of the data set.
        config_files: YAML files of fixed settings.
        config_dict: fixed settings; they win over the files.
        params_file: the ``.hyper`` file; the model's own in ``properties/hyper`` if None.

    Raises:
        ValueError: for settings, files or parameters that do not fit.
        FileNotFoundError: for a file that is not there.
    """
    config = Config(model, dataset, config_files, config_dict)
    path = params_file or _shipped(config["model"])
    space = read_space(path)
    fixed = plain_settings(config.external_config_dict)
    if fixed.get("resume"):
        raise ValueError("a search does not resume a checkpoint: repeat the command without resume")
    for parameter in space:
        if parameter.name in fixed:
            raise ValueError(
                f"{parameter.name} is tuned by {path} and set to {fixed[parameter.name]} as well: "
                "take it out of one of the two"
            )
    _refuse_unknown(config, space, path)
    data_path = fixed.get("data_path", config.internal_config_dict["data_path"])
    return Task(
        # A screen full of epochs for each trial would hide the course of the search.
        settings={
            "state": "ERROR",
            "show_progress": False,
            **fixed,
            "model": config["model"],
            "dataset": config["dataset"],
            "data_path": str(Path(data_path).resolve()),
        },
        space=space,
        metric=config["valid_metric"].lower(),
        bigger=config["valid_metric_bigger"],
        n_validations=config["epochs"] // max(config["eval_step"], 1),
        seed=config["seed"],
    )


def claim_folder(folder: Path, task: Task, tool: str) -> None:
    """Makes ``folder`` that of this search, or sees that it is already.

    Raises:
        ValueError: if it holds a search with other settings, whose scores could not be compared.
    """
    path = folder / "search.json"
    names = ", ".join(sorted(parameter.name for parameter in task.space))
    search = json.loads(json.dumps({"tool": tool, "tuned": names, **task.lasting_settings}))
    if not (path.is_file() and (folder / TRIALS).is_file()):
        folder.mkdir(parents=True, exist_ok=True)
        write_record(path, search)
        return
    there = read_record(path, "choose another folder with --output")
    differing = [
        f"{key} was {there.get(key, 'not set')} and is {search.get(key, 'not set')}"
        for key in sorted({*there, *search})
        if there.get(key) != search.get(key)
    ]
    if differing:
        raise ValueError(
            f"{folder} holds a search with other settings ({'; '.join(differing)}): "
            "choose another folder with --output"
        )


def _shipped(model: str) -> Path:
    folder = properties_path() / "hyper"
    path = folder / f"{model}.hyper"
    if not path.is_file():
        names = ", ".join(sorted(file.stem for file in folder.glob("*.hyper")))
        raise FileNotFoundError(
            f"there is no hyper file for the model [{model}] (only for {names}): "
            "write one and pass it with --params_file"
        )
    return path


def _refuse_unknown(config: Config, space: list[Parameter], path: Path) -> None:
    for warning in config.warnings():
        getLogger().warning(warning)
    unknown = config.unknown(parameter.name for parameter in space)
    if unknown:
        raise ValueError(f"{path}: {'; '.join(unknown)}")
