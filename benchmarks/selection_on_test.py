"""How much it flatters a model to pick its epoch and its settings by the test split.

Published figures often came about that way; ``run_compare.py`` never does it. Nothing that this script
prints or writes estimates how good a model is, and every line of it says so.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple, Sequence

from recbole.utils import calculate_valid_score

from recbole_slmrec import quick_start, report
from recbole_slmrec.cli import config_files, guarded, make_folders_of, parse_with_settings
from recbole_slmrec.compare.names import Entry, parse_models, parse_seeds
from recbole_slmrec.compare.runs import Comparison, configure, run_path
from recbole_slmrec.data.files import whole_file
from recbole_slmrec.data.records import read_record, write_record
from recbole_slmrec.training.checkpoint import plain_settings
from recbole_slmrec.training.trainer import SLMRecTrainer, get_trainer

PROGRAM = "python -m benchmarks.selection_on_test"
NOTE = "no fair estimate"
VALIDATION, TEST = "validation", "test"

_EPILOG = f"""
Each run is trained once, as run_compare.py would train it: validation stops it, and test decides nothing.
After each epoch test is looked at too. The figures are those of the test split,
  picked by validation: at the epoch of the best valid_metric on validation, as everywhere else here;
  picked by test:       at the epoch of the best valid_metric on test, among the same epochs.
Where a model is named with several settings, the same is done over all of them and their epochs:
  {PROGRAM} --dataset=tiktok --models="SLMRec[alpha=0.1],SLMRec[alpha=0.5],FREEDOM"
Over several seeds, each picks for itself, and the figures are means. Every setting is a flag too, as
--key=value. Finished runs are kept in the output folder, and the same command goes on where it stopped.
None of it is to be quoted as a model's quality: every line ends with "{NOTE}".
"""


class Pick(NamedTuple):
    """What one seed's runs show at the epoch that was picked.

    Attributes:
        setting: the label of the run.
        epoch: counted from 1.
        figures: metrics on test.
    """

    setting: str
    epoch: int
    figures: dict[str, float]


class Watching:
    """Mixed in before a trainer: looks at test too, after each validation, with the same parameters."""

    def watch(self, test_data) -> None:
        self.test_data, self.epochs_seen = test_data, []

    def _validated(self, *args):
        score, valid = super()._validated(*args)
        test = self.evaluate(self.test_data, load_best_model=False)
        self.epochs_seen.append(
            {
                "epoch": self.start_epoch + len(self.epoch_seconds),
                VALIDATION: score,
                TEST: calculate_valid_score(test, self.valid_metric),
                "valid_result": dict(valid),
                "test_result": dict(test),
            }
        )
        return score, valid


def run(comparison: Comparison, entry: Entry, seed: int) -> dict[str, Any]:
    """A run with all its epochs, from its file if it is there.

    Raises:
        ValueError, FileNotFoundError: as :func:`recbole_slmrec.quick_start.train`.
    """
    config = configure(comparison, entry, seed)
    settings = plain_settings(config.final_config_dict)
    path = run_path(comparison, entry, seed, settings)
    if path.is_file():
        return read_record(path, "remove it to run again")
    train_data, valid_data, test_data = quick_start.load_data(config)
    model = quick_start.build_model(config, train_data)
    trainer_class = get_trainer(config["MODEL_TYPE"], config["model"])
    trainer = type(trainer_class.__name__, (Watching, trainer_class), {})(config, model)
    trainer.watch(test_data)
    trainer.fit(train_data, valid_data, saved=False, show_progress=config["show_progress"])
    record = {
        "note": NOTE,
        "label": entry.label,
        "model": entry.model,
        "seed": seed,
        "bigger": config["valid_metric_bigger"],
        # RecBole's early stopping takes the last of equal epochs, that of our models the first.
        "last_of_equals": not issubclass(trainer_class, SLMRecTrainer),
        "epochs": trainer.epochs_seen,
        "settings": settings,
        "versions": report.versions(),
    }
    if not record["epochs"]:
        raise ValueError(
            f"{entry.label} was never validated: set eval_step to 1, and epochs above 0"
        )
    write_record(path, record)
    return record


def picked(runs: Sequence[dict[str, Any]], by: str) -> Pick:
    """The epoch, of all epochs of these runs, that is best by ``by``; of equal ones of a run that which
    its early stopping takes, of equal ones of several runs that of the first."""
    sign = 1 if runs[0]["bigger"] else -1
    best = None
    for each in runs:
        epochs = each["epochs"][::-1] if each["last_of_equals"] else each["epochs"]
        epoch = max(epochs, key=lambda seen: sign * seen[by])
        if best is None or sign * epoch[by] > sign * best[1][by]:
            best = each["label"], epoch
    label, epoch = best
    return Pick(label, epoch["epoch"], epoch["test_result"])


def rows(
    entries: Sequence[Entry], runs: dict[tuple[str, int], dict[str, Any]]
) -> list[dict[str, Any]]:
    """What is shown: for each setting, and each model with several, both picks and what they differ by.

    Args:
        entries: what was run.
        runs: by label and seed.
    """
    groups = {entry.label: [entry.label] for entry in entries}
    for model in dict.fromkeys(entry.model for entry in entries):
        labels = [entry.label for entry in entries if entry.model == model]
        if len(labels) > 1:
            groups[f"{model}, best of {len(labels)} settings"] = labels
    seeds = list(dict.fromkeys(seed for _, seed in runs))
    shown = []
    for name, labels in groups.items():
        means = []
        for by in (VALIDATION, TEST):
            picks = [picked([runs[label, seed] for label in labels], by) for seed in seeds]
            means.append(
                {
                    metric: fmean(pick.figures[metric] for pick in picks)
                    for metric in picks[0].figures
                }
            )
            where = {
                "setting": " / ".join(dict.fromkeys(pick.setting for pick in picks)),
                "epoch": " / ".join(str(pick.epoch) for pick in picks),
            }
            shown.append({"model": name, "picked by": by, **where, **means[-1], "note": NOTE})
        shown.append({"model": name, "picked by": "more by test", **_gains(*means), "note": NOTE})
    return shown


def _gains(fair: dict[str, float], flattered: dict[str, float]) -> dict[str, str]:
    """By how much the second is above the first, metric by metric."""
    return {
        metric: f"{100 * (flattered[metric] / value - 1):+.1f}%" if value else ""
        for metric, value in fair.items()
    }


def csv_text(shown: Sequence[dict[str, Any]]) -> str:
    """All numbers in full."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(shown[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(shown)
    return text.getvalue()


def say(text: str) -> None:
    """Prints lines, each with what they are not."""
    lines = text.splitlines()
    width = max(map(len, lines))
    for line in lines:
        print(f"{line:<{width}}  {NOTE}", flush=True)


def main(arguments: Sequence[str], program: str) -> int:
    """Runs what is not there yet, prints the table and writes it."""
    parser = _parser(program)
    flags, rest = parse_with_settings(parser, arguments)
    settings = dict(setting[2:].split("=", 1) for setting in rest)
    if "seed" in settings:
        parser.error("pass --seeds=[5] in place of --seed=5")
    # RecBole's Config would read the command line, and let it win over a model's own settings.
    sys.argv = [program]
    output = flags.output or Path("selection_on_test") / flags.dataset
    make_folders_of({"--output": output / "file"})
    entries, seeds = parse_models(flags.models), parse_seeds(flags.seeds)
    comparison = Comparison(
        entries, flags.dataset, seeds, output, settings, config_files(flags.config_files)
    )
    runs = {}
    for seed in seeds:
        for entry in entries:
            runs[entry.label, seed] = run(comparison, entry, seed)
            say(f"{entry.label}, seed {seed}: {len(runs[entry.label, seed]['epochs'])} epochs")
    shown = rows(entries, runs)
    with whole_file(output / "table.csv") as partial:
        partial.write_text(csv_text(shown), encoding="utf-8")
    header = [column for column in shown[0] if column != "note"]
    say(report.table(header, [[row.get(column, "") for column in header] for row in shown]))
    say(f"{output / 'table.csv'}")
    return 0


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        description="Show how much it flatters models to pick epochs and settings by the test split.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--models", "-m", default="SLMRec,FREEDOM,BM3,MGCN",
        help="the models; their own settings stand in brackets (SLMRec,FREEDOM,BM3,MGCN)",
    )  # fmt: skip
    parser.add_argument("--dataset", "-d", default="tiktok", help="name of the data set (tiktok)")
    parser.add_argument("--seeds", default="1", help="how many, or a list such as [1,5,9] (1)")
    parser.add_argument(
        "--config_files", default="", help="YAML files of settings, space-separated"
    )
    parser.add_argument(
        "--output", type=Path,
        help="folder of the runs and of table.csv (selection_on_test/DATASET)",
    )  # fmt: skip
    return parser


if __name__ == "__main__":
    sys.exit(guarded(main, sys.argv[1:], PROGRAM))
