"""What picking by test is worth: the picks of given figures, a whole run, and the word on every line."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from benchmarks import selection_on_test
from benchmarks.selection_on_test import NOTE, PROGRAM, Pick, picked, rows
from recbole_slmrec import quick_start
from recbole_slmrec.cli import guarded
from recbole_slmrec.compare.names import parse_models
from recbole_slmrec.data.records import read_record
from tests.made import NAME

QUICK = ["--train_batch_size=64", "--epochs=3", "--learning_rate=0.01", f"--dataset={NAME}"]


def run_of(label: str, valid: list[float], test: list[float], bigger: bool = True) -> dict:
    """A run of these scores, whose figures on test are the score and 10 times the epoch."""
    epochs = [
        {"epoch": n, "validation": v, "test": t, "test_result": {"recall@20": t, "rank": 10.0 * n}}
        for n, (v, t) in enumerate(zip(valid, test), start=1)
    ]
    return {"label": label, "bigger": bigger, "epochs": epochs, "last_of_equals": False}


def command(*arguments: str) -> int:
    return guarded(selection_on_test.main, arguments, PROGRAM)


def test_the_epoch_is_picked_on_either_split():
    run = run_of("BM3", [0.1, 0.3, 0.2], [0.5, 0.2, 0.4])
    assert picked([run], "validation") == Pick("BM3", 2, {"recall@20": 0.2, "rank": 20.0})
    assert picked([run], "test") == Pick("BM3", 1, {"recall@20": 0.5, "rank": 10.0})


def test_of_equal_epochs_that_counts_which_early_stopping_takes():
    run = run_of("BM3", [0.3, 0.3, 0.2], [0.5, 0.2, 0.5])
    assert [picked([run], by).epoch for by in ("validation", "test")] == [1, 1]
    run["last_of_equals"] = True
    assert [picked([run], by).epoch for by in ("validation", "test")] == [2, 3]


def test_a_metric_that_is_better_when_lower():
    run = run_of("BM3", [0.3, 0.1, 0.2], [0.5, 0.4, 0.2], bigger=False)
    assert picked([run], "validation").epoch == 2
    assert picked([run], "test").epoch == 3


def test_the_setting_is_picked_with_its_epoch_and_figures_are_means_over_seeds():
    entries = parse_models("BM3[n_layers=1],BM3[n_layers=2],FREEDOM")
    one, two, freedom = (entry.label for entry in entries)
    runs = {
        (one, 1): run_of(one, [0.1, 0.4], [0.2, 0.1]),
        (two, 1): run_of(two, [0.3, 0.2], [0.3, 0.6]),
        (freedom, 1): run_of(freedom, [0.1], [0.2]),
        (one, 2): run_of(one, [0.1, 0.2], [0.2, 0.3]),
        (two, 2): run_of(two, [0.3, 0.2], [0.1, 0.2]),
        (freedom, 2): run_of(freedom, [0.1], [0.4]),
    }
    shown = {(row["model"], row["picked by"]): row for row in rows(entries, runs)}
    assert len(shown) == 3 * 4
    assert {row["note"] for row in shown.values()} == {NOTE}
    fair = shown["BM3, best of 2 settings", "validation"]
    assert (fair["setting"], fair["epoch"]) == (f"{one} / {two}", "2 / 1")
    assert fair["recall@20"] == pytest.approx((0.1 + 0.1) / 2)
    flattered = shown["BM3, best of 2 settings", "test"]
    assert (flattered["setting"], flattered["epoch"]) == (f"{two} / {one}", "2 / 2")
    assert flattered["recall@20"] == pytest.approx((0.6 + 0.3) / 2)
    assert shown["BM3, best of 2 settings", "more by test"]["recall@20"] == "+350.0%"
    assert shown[freedom, "more by test"]["recall@20"] == "+0.0%"
    assert shown[one, "validation"]["epoch"] == "2 / 2"


def test_every_line_says_that_it_is_no_fair_estimate(made, capfd):
    assert command("--models=SLMRec,BM3[n_layers=1],BM3[n_layers=2]", "--output=out", *QUICK) == 0
    printed, _ = capfd.readouterr()
    lines = printed.splitlines()
    assert len(lines) > 15 and all(line.endswith(NOTE) for line in lines)
    table = list(csv.DictReader(Path("out/table.csv").open(encoding="utf-8")))
    assert len(table) == 3 * 4 and {row["note"] for row in table} == {NOTE}
    kept = [read_record(path, "") for path in Path("out").glob("*.json")]
    assert len(kept) == 3 and {run["note"] for run in kept} == {NOTE}
    assert not list(Path("saved").glob("*"))
    for run in kept:
        assert [seen["epoch"] for seen in run["epochs"]] == [1, 2, 3]


@pytest.mark.parametrize("model", ["SLMRec", "FREEDOM", "LightGCN"])
def test_the_run_is_that_of_run_recbole_and_so_is_the_fair_pick(made, model):
    """SLMRec's popularity and averages are in what is evaluated."""
    own = {"ema_decay": 0.9} if model == "SLMRec" else {}
    flags = [f"--{key}={value}" for key, value in own.items()]
    assert command(f"--models={model}", "--output=out", *flags, *QUICK) == 0
    (path,) = Path("out").glob("*.json")
    run = read_record(path, "")
    config = {
        "train_batch_size": 64,
        "epochs": 3,
        "learning_rate": 0.01,
        "seed": 1,
        "state": "ERROR",
    }
    result = quick_start.run(model, NAME, config_dict={**config, **own, "show_progress": False})
    pick = picked([run], "validation")
    assert pick.figures == pytest.approx(result["test_result"])
    assert run["epochs"][pick.epoch - 1]["valid_result"] == pytest.approx(
        result["best_valid_result"]
    )


def test_kept_runs_are_read_again(made, monkeypatch):
    arguments = ["--models=BM3", "--output=out", *QUICK]
    assert command(*arguments) == 0
    table = Path("out/table.csv").read_bytes()
    monkeypatch.setattr(quick_start, "load_data", None)
    assert command(*arguments) == 0
    assert Path("out/table.csv").read_bytes() == table


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--models=BM4"], "BM4"),
        (["--models=BM3[metrics=NDCG]"], "must be the same for all models"),
        (["--seeds=0"], r"seeds [0] must be a count such as 3"),
        (["--dropout_rate=2"], "dropout_rate"),
        (["--epochs=0"], "epochs"),
    ],
)
def test_bad_input_is_told_in_one_sentence(made, capfd, arguments, message):
    defaults = ["--models=BM3", "--output=out", *QUICK]
    assert command(*defaults, *arguments) == 2
    _, told = capfd.readouterr()
    (line,) = [line for line in told.splitlines() if line.startswith("error: ")]
    assert message in line and "Traceback" not in told
    assert not list(Path("out").glob("*.json"))


def test_help_teaches(capsys):
    with pytest.raises(SystemExit, match="0"):
        command("--help")
    told = capsys.readouterr().out
    for part in ("picked by validation:", "picked by test:", "several settings", NOTE):
        assert part in told
