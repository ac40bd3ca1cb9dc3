"""``tune``: search hyper-parameters, with the flags of RecBole's ``run_hyper.py``."""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any, Sequence

import torch

from recbole_slmrec import report
from recbole_slmrec.cli import config_files, make_folders_of, parse_with_settings
from recbole_slmrec.names import did_you_mean
from recbole_slmrec.tune.plot import FORMATS
from recbole_slmrec.tune.search import ALGORITHMS, hyperopt_search
from recbole_slmrec.tune.task import Task, make_task
from recbole_slmrec.tune.tuning import tune

# The flags of each tool; None where one is not given, so that a misplaced one is seen.
TOOLS = {
    "Hyperopt": ("algo", "max_evals", "early_stop"),
    "Ray": ("num_samples", "cpus_per_trial", "gpus_per_trial", "address"),
}

_EPILOG = """
every setting is a flag too, as --key=value, and stays fixed during the search: --epochs=50
Trials are judged on validation; the winner alone is tested. A command that is repeated goes on
where it ended. docs/tuning.md tells more.

examples:
  {program} --model=SLMRec --dataset=tiktok --algo=bayes --max_evals=60
  {program} --model=LightGCN --dataset=ml-100k --params_file=lightgcn.hyper
  {program} --model=SLMRec --dataset=tiktok --tool=Ray --num_samples=40 --gpus_per_trial=0.5
"""

_say = partial(print, flush=True)


def main(arguments: Sequence[str], program: str) -> int:
    """Searches, tests the winner and says where the files lie."""
    flags, settings = _parsed(arguments, program)
    _check(flags)
    # RecBole's Config would read the search's flags as settings.
    sys.argv = [program]
    visible_gpus = os.environ.get("CUDA_VISIBLE_DEVICES")
    task = make_task(
        flags.model, flags.dataset, config_files(flags.config_files), settings, flags.params_file
    )
    folder = flags.output or Path("tune") / f"{flags.model}-{flags.dataset}"
    files = {"--output_file": flags.output_file, "--display_file": flags.display_file}
    make_folders_of({"--output": folder / "file", **files})
    search = _search(flags, task, folder, visible_gpus)
    winner = tune(task, flags.tool, search, folder, flags.output_file, flags.display_file, say=_say)
    print(_summary(winner, folder, flags))
    return 0


def _parsed(arguments: Sequence[str], program: str) -> tuple[argparse.Namespace, dict[str, Any]]:
    parser = argparse.ArgumentParser(
        prog=program,
        description="Search the hyper-parameters of a model, ours or RecBole's.",
        epilog=_EPILOG.format(program=program),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--model", "-m", default="SLMRec", help="name of the model (SLMRec)")
    add("--dataset", "-d", default="ml-100k", help="name of the data set (ml-100k)")
    add("--config_files", default="", help="YAML files of fixed settings, space-separated")
    add("--params_file", type=Path, help="what to tune (properties/hyper/MODEL.hyper)")
    add("--output", type=Path, help="folder for all that comes out (tune/MODEL-DATASET)")
    add("--output_file", type=Path, help="the trials in RecBole's format (OUTPUT/result.txt)")
    add("--display_file", type=Path, help="the picture of the search (OUTPUT/trials.png)")
    add("--tool", default="Hyperopt", help="Hyperopt, one trial at a time (default), or Ray")
    hyperopt = parser.add_argument_group("Hyperopt").add_argument
    hyperopt("--algo", help="exhaustive (default), random or bayes")
    hyperopt("--max_evals", type=_count, help="trials of random and bayes (100)")
    hyperopt("--early_stop", type=_count, help="end after so many trials without a better one")
    ray = parser.add_argument_group("Ray").add_argument
    ray("--num_samples", type=_count, help="combinations to draw at random (10)")
    ray("--cpus_per_trial", type=_count, help="CPU cores of a trial (1)")
    ray("--gpus_per_trial", type=float, help="GPUs of a trial, or a share of one (1 if any)")
    ray("--address", help="address of a Ray cluster (this machine)")
    flags, settings = parse_with_settings(parser, arguments)
    return flags, dict(setting[2:].split("=", 1) for setting in settings)


def _count(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"[{text}] is not a whole number above 0")
    return int(text)


def _check(flags: argparse.Namespace) -> None:
    for flag, value, known in (("tool", flags.tool, TOOLS), ("algo", flags.algo, ALGORITHMS)):
        if value is not None and value not in known:
            raise ValueError(
                f"there is no {flag} [{value}] among {', '.join(known)}{did_you_mean(value, known)}"
            )
    for tool, names in TOOLS.items():
        misplaced = [name for name in names if getattr(flags, name) is not None]
        if tool != flags.tool and misplaced:
            raise ValueError(f"--{misplaced[0]} is for --tool={tool}, and this is {flags.tool}")
    if flags.max_evals and flags.algo in (None, "exhaustive"):
        raise ValueError(
            "--max_evals is for --algo=random or bayes: an exhaustive search makes every trial"
        )
    if flags.display_file and flags.display_file.suffix not in FORMATS:
        raise ValueError(
            f"--display_file={flags.display_file} must end in one of {', '.join(FORMATS)}"
        )


def _search(flags: argparse.Namespace, task: Task, folder: Path, visible_gpus: str | None):
    if flags.tool == "Hyperopt":
        return partial(
            hyperopt_search,
            task,
            algo=flags.algo or "exhaustive",
            max_evals=flags.max_evals or 100,
            early_stop=flags.early_stop,
            say=_say,
        )
    # Ray takes seconds to import.
    from recbole_slmrec.tune.ray_search import ray_search

    gpus = flags.gpus_per_trial
    return partial(
        ray_search,
        task,
        num_samples=flags.num_samples or 10,
        cpus_per_trial=flags.cpus_per_trial or 1,
        gpus_per_trial=float(torch.cuda.is_available()) if gpus is None else gpus,
        visible_gpus=task.settings.get("gpu_id", visible_gpus),
        address=flags.address,
        folder=folder,
        say=_say,
    )


def _summary(winner: dict[str, Any], folder: Path, flags: argparse.Namespace) -> str:
    splits = {"validation": winner["best_valid_result"], "test": winner["test_result"]}
    parameters = ", ".join(f"{name}={value}" for name, value in winner["parameters"].items())
    return "\n".join(
        [
            f"\nbest: {parameters}",
            report.final_table(splits),
            f"checkpoint: {winner['checkpoint']}",
            f"settings:   {folder / 'best.yaml'} (for run_recbole.py --config_files=)",
            f"trials:     {folder / 'trials.csv'}, {flags.output_file or folder / 'result.txt'}, "
            f"{flags.display_file or folder / 'trials.png'}",
        ]
    )
