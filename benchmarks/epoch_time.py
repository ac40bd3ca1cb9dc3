"""Seconds of a training epoch, for each SSL task and for RecBole's LightGCN, taken in turn.

``python -m benchmarks.epoch_time --dataset=tiktok`` prints medians and their ratio to LightGCN's.
"""

from __future__ import annotations

import argparse
from statistics import median

from recbole_slmrec import quick_start, report
from recbole_slmrec.config import Config
from recbole_slmrec.trainer import get_trainer

BASELINE = "LightGCN"
CASES = {
    BASELINE: ("LightGCN", {}),
    "SLMRec, none": ("SLMRec", {"ssl_task": "none"}),
    "SLMRec, FAC": ("SLMRec", {"ssl_task": "FAC"}),
    "SLMRec, FM": ("SLMRec", {"ssl_task": "FM"}),
    "SLMRec, FD": ("SLMRec", {"ssl_task": "FD"}),
    "SLMRec, FM+FD": ("SLMRec", {"ssl_task": "FM+FD"}),
}
QUIET = {"state": "ERROR", "show_progress": False}


def trainer_of(model: str, dataset: str, settings: dict):
    """A trainer and its training loader."""
    config = Config(model, dataset, config_dict={**QUIET, **settings})
    train_data, *_ = quick_start.load_data(config)
    built = quick_start.build_model(config, train_data)
    return get_trainer(config["MODEL_TYPE"], model)(config, built), train_data


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="tiktok", help="name of the data set (tiktok)")
    parser.add_argument("--rounds", type=int, default=5, help="epochs of each case (5)")
    flags, _ = parser.parse_known_args()
    trainers = {
        case: trainer_of(model, flags.dataset, settings)
        for case, (model, settings) in CASES.items()
    }
    # One epoch more than is counted: the first one also warms up.
    for number in range(flags.rounds + 1):
        for trainer, train_data in trainers.values():
            trainer._train_epoch(train_data, number)
    seconds = {case: median(t.epoch_seconds[1:]) for case, (t, _) in trainers.items()}
    rows = [[case, f"{s:.2f}", f"{s / seconds[BASELINE]:.2f}"] for case, s in seconds.items()]
    print(report.table(["case", "seconds per epoch", f"over {BASELINE}"], rows))


if __name__ == "__main__":
    main()
