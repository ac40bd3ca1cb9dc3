"""The runs of a comparison: each trained once, kept as a JSON file, and skipped from then on."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from dataclasses import dataclass, field
from logging import getLogger
from pathlib import Path
from typing import Any, Callable

import numpy as np

from recbole_slmrec import quick_start, report
from recbole_slmrec.compare.names import Entry
from recbole_slmrec.config import Config
from recbole_slmrec.data.download import DownloadError
from recbole_slmrec.data.find import NoDataSetError
from recbole_slmrec.data.records import read_record, write_record
from recbole_slmrec.evaluation.cold import evaluate_cold
from recbole_slmrec.settings import data_seed
from recbole_slmrec.training.checkpoint import plain_settings

# A comparison tells its progress run by run; --state=INFO shows every epoch as well.
_QUIET = {"state": "WARNING", "show_progress": False}

# Settings that change nothing in a result; a model's own part of model_settings is in its settings.
_PASSING = frozenset(
    "state show_progress gpu_id checkpoint_dir log_wandb wandb_project model_settings".split()
)


@dataclass(frozen=True)
class Comparison:
    """What is to be run."""

    entries: list[Entry]
    """The rows; the first is the one that is compared with the others."""
    dataset: str
    """Name of the data set."""
    seeds: list[int]
    """Seeds of initialisation and training; the split is the same for all."""
    output: Path
    """Folder of the kept runs."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Settings of all rows."""
    config_files: list[str] = field(default_factory=list)
    """YAML files of settings of all rows."""


@dataclass
class Outcome:
    """What became of a row."""

    label: str
    """Its name."""
    runs: list[dict[str, Any]] = field(default_factory=list)
    """The kept content of its finished runs, in the order of the seeds."""
    failures: dict[int, str] = field(default_factory=dict)
    """The first line of the error, by seed."""


def run_all(comparison: Comparison, tell: Callable[[str], None]) -> list[Outcome]:
    """Runs what is not there yet; a run that fails leaves the others.

    Args:
        comparison: what to run.
        tell: called with a line at the start and at the end of each run.

    Returns:
        An outcome a row, in their order.

    Raises:
        ValueError: if no run of any row has finished; with the error of the first.
        NoDataSetError, DownloadError: if the data set is not there and cannot be fetched.
    """
    outcomes = {entry.label: Outcome(entry.label) for entry in comparison.entries}
    plan = [(seed, entry) for seed in comparison.seeds for entry in comparison.entries]
    comparison.output.mkdir(parents=True, exist_ok=True)
    split = None
    for number, (seed, entry) in enumerate(plan, start=1):
        name = f"[{number}/{len(plan)}] {entry.label}, seed {seed}"
        tell(name)
        outcome = outcomes[entry.label]
        try:
            run, news = _kept_or_run(comparison, entry, seed)
            split = split or run["split"]
            if run["split"] != split:
                raise ValueError("it was evaluated on other interactions than the models before it")
        except (NoDataSetError, DownloadError):
            # The other runs would miss it too.
            raise
        except Exception as error:
            # Whatever a model of many does wrong, the others are still worth their time.
            getLogger().debug(f"{name} failed", exc_info=True)
            outcome.failures[seed] = _first_line(error)
            tell(f"{name}: failed: {_first_line(error)}")
            continue
        outcome.runs.append(run)
        tell(f"{name}: {news}")
    if not any(outcome.runs for outcome in outcomes.values()):
        first = next(iter(outcomes.values()))
        raise ValueError(
            f"no run has finished; {first.label}: {next(iter(first.failures.values()))}"
        )
    return list(outcomes.values())


def configure(comparison: Comparison, entry: Entry, seed: int) -> Config:
    """The configuration of one run: the row's settings win over those of all rows.

    Raises:
        ValueError, FileNotFoundError: as :class:`recbole_slmrec.config.Config`.
    """
    settings = {**_QUIET, **comparison.settings, **entry.overrides}

    def config(**seeds: int) -> Config:
        return Config(
            entry.model, comparison.dataset, comparison.config_files, {**settings, **seeds}
        )

    return config(seed=seed, data_seed=data_seed(config()))


def run_path(comparison: Comparison, entry: Entry, seed: int, settings: dict[str, Any]) -> Path:
    """Where a run is kept: another setting, another file."""
    lasting = {key: value for key, value in settings.items() if key not in _PASSING}
    text = json.dumps(lasting, sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode()).hexdigest()[:10]
    name = re.sub(r"[^\w.+-]+", "_", entry.label).strip("_")[:80]
    return comparison.output / f"{name}-seed{seed}-{digest}.json"


def _kept_or_run(comparison: Comparison, entry: Entry, seed: int) -> tuple[dict[str, Any], str]:
    config = configure(comparison, entry, seed)
    path = run_path(comparison, entry, seed, plain_settings(config.final_config_dict))
    if path.is_file():
        return read_record(path, "remove it to run again"), f"kept in {path}"
    run = _run(config, entry, seed)
    run["command"] = _command(comparison, entry, seed, config["data_seed"])
    write_record(path, run)
    metric = run["valid_metric"]
    valid = f"{metric} {run['valid'][metric]:.4f} on validation, " if run["valid"] else ""
    return run, f"{valid}epochs: {len(run['seconds'])}, training: {sum(run['seconds']):.1f} s"


def _run(config: Config, entry: Entry, seed: int) -> dict[str, Any]:
    result, trainer, (train_data, valid_data, test_data) = quick_start.train(config)
    dataset = test_data._dataset
    per_user = trainer.user_evaluator.per_user()
    return {
        "label": entry.label,
        "model": entry.model,
        "dataset": config["dataset"],
        "seed": seed,
        "valid": result["best_valid_result"],
        "test": result["test_result"],
        **evaluate_cold(config, trainer, test_data),
        "users": _users(test_data) if per_user else [],
        "per_user": {metric: values.tolist() for metric, values in per_user.items()},
        "loss": trainer.epoch_losses,
        "valid_score": trainer.valid_scores,
        "seconds": trainer.epoch_seconds,
        "valid_metric": config["valid_metric"].lower(),
        "split": _split_digest(valid_data, test_data),
        "data": {
            "users": dataset.user_num - 1,
            "items": dataset.item_num - 1,
            "training": len(train_data._dataset),
            "validation": len(valid_data._dataset),
            "test": len(test_data._dataset),
        },
        "settings": plain_settings(config.final_config_dict),
        "changed": config.changed(),
        "versions": report.versions(),
        "checkpoint": result["checkpoint"],
    }


def _users(data) -> list[str]:
    """The users that a loader ranks for, in its order."""
    dataset = data._dataset
    # The loader of a sequential model has no such list: it ranks once for each interaction.
    ids = getattr(data, "uid_list", dataset.inter_feat[dataset.uid_field])
    return dataset.id2token(dataset.uid_field, np.asarray(ids)).tolist()


def _split_digest(*loaders) -> str:
    """The same for the same pairs of user and item, whatever their order and internal ids."""
    digest = hashlib.sha256()
    for loader in loaders:
        dataset = loader._dataset
        columns = (
            dataset.id2token(name, dataset.inter_feat[name].numpy())
            for name in (dataset.uid_field, dataset.iid_field)
        )
        digest.update(repr(sorted(zip(*(column.tolist() for column in columns)))).encode())
    return digest.hexdigest()


def _command(comparison: Comparison, entry: Entry, seed: int, data_seed: int) -> str:
    settings = {**comparison.settings, **entry.overrides, "seed": seed, "data_seed": data_seed}
    files = shlex.join(comparison.config_files)
    return shlex.join(
        ["python", "run_recbole.py", f"--model={entry.model}", f"--dataset={comparison.dataset}"]
        + ([f"--config_files={files}"] if files else [])
        + [f"--{key}={value}" for key, value in settings.items()]
    )


def _first_line(error: Exception) -> str:
    line = (str(error).splitlines() or [""])[0]
    return line if isinstance(error, (ValueError, OSError)) else f"{type(error).__name__}: {line}"
