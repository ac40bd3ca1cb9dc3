"""The tuning command: what it trains, what it tests, and what it writes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import pandas as pd
import pytest
import yaml
from recbole.utils import dict2str

from recbole_slmrec import cli, quick_start
from recbole_slmrec.cli import tune as tune_command
from recbole_slmrec.config import Config
from recbole_slmrec.training.trainer import PluginTrainer
from recbole_slmrec.tune import search
from tests.made import NAME

TOP = Path(__file__).resolve().parents[2]
QUICK = [f"--dataset={NAME}", "--epochs=2", "--train_batch_size=64"]

DIVERGED = "training loss is nan in epoch 0: lower learning_rate, or weights that are huge"


def tuned(
    *arguments: str, text: str = "tau choice [0.1,0.5]\nssl_task choice ['FAC','FM']\n"
) -> int:
    Path("a.hyper").write_text(text)
    arguments = [*QUICK, "--params_file=a.hyper", *arguments]
    return cli.guarded(tune_command.main, arguments, "run_hyper.py")


@pytest.fixture
def evaluated(monkeypatch):
    """The split of each evaluation, by its number of interactions."""
    splits = []
    original = PluginTrainer.evaluate

    def evaluate(self, eval_data, *args, **kwargs):
        splits.append({60: "valid", 120: "test"}[len(eval_data._dataset)])
        return original(self, eval_data, *args, **kwargs)

    monkeypatch.setattr(PluginTrainer, "evaluate", evaluate)
    return splits


def test_the_test_split_is_read_once_after_all_trials(made, evaluated, monkeypatch):
    once_a_validation = ("--popularity_weight=0", "--linear_weight=5")
    assert tuned(*once_a_validation) == 0
    assert evaluated == ["valid"] * 2 * (4 + 1) + ["test"]
    evaluated.clear()
    assert tuned(*once_a_validation) == 0
    assert evaluated == []


def test_the_winner_is_the_best_trial_and_is_trained_to_the_same_score(made, capsys):
    assert tuned() == 0
    trials = [json.loads(line) for line in open("tune/SLMRec-made/trials.jsonl")]
    best = max(trials, key=lambda trial: trial["score"])
    winner = json.loads(Path("tune/SLMRec-made/winner.json").read_text())
    assert winner["parameters"] == best["parameters"]
    assert winner["best_valid_result"] == best["valid_result"]
    assert best["score"] == best["valid_result"]["recall@20"]
    assert Path(winner["checkpoint"]).is_file()
    output = capsys.readouterr().out
    assert "trial 4 of 4: " in output and f"(best {best['score']:.4f})" in output
    assert f"{winner['test_result']['recall@20']:.4f}" in output


def test_an_interrupted_search_goes_on(made, monkeypatch, capsys):
    train, calls = search.train, []

    def interrupted(settings, parameters):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(parameters)
        return train(settings, parameters)

    monkeypatch.setattr(search, "train", interrupted)
    assert tuned() == 130
    assert not Path("tune/SLMRec-made/winner.json").exists()
    kept = Path("tune/SLMRec-made/trials.jsonl").read_text()
    assert kept.count("\n") == 2

    monkeypatch.setattr(search, "train", lambda *given: calls.append(given[1]) or train(*given))
    assert tuned() == 0
    assert len(calls) == 4 and len({json.dumps(call) for call in calls}) == 4
    assert Path("tune/SLMRec-made/trials.jsonl").read_text().startswith(kept)
    assert "2 trials are in tune/SLMRec-made/trials.jsonl" in capsys.readouterr().out


def test_the_result_file_is_in_recboles_format(made):
    assert tuned("--output_file=r/hyper.result") == 0
    trials = [json.loads(line) for line in open("tune/SLMRec-made/trials.jsonl")]
    winner = json.loads(Path("tune/SLMRec-made/winner.json").read_text())
    blocks = Path("r/hyper.result").read_text().split("\n\n")
    assert blocks.pop() == ""
    for block, trial in zip(blocks, trials, strict=True):
        parameters, valid, valid_result, test, test_result = block.split("\n")
        tau, ssl_task = trial["parameters"]["tau"], trial["parameters"]["ssl_task"]
        assert sorted(parameters.split(", ")) == [f"ssl_task:{ssl_task}", f"tau:{tau}"]
        assert (valid, test) == ("Valid result:", "Test result:")
        assert valid_result == dict2str(trial["valid_result"])
        won = trial["parameters"] == winner["parameters"]
        assert test_result == (
            dict2str(winner["test_result"]) if won else "not read: only the winner is tested"
        )


def test_the_table_and_the_picture_show_every_trial(made):
    text = (
        "tau choice [0.1,0.5]\nn_layers quniform 1,3,1\n"
        "learning_rate loguniform -9,-2\nmodalities choice ['[v,a]','[a]']\n"
    )
    assert tuned("--display_file=p.png", "--algo=random", "--max_evals=5", text=text) == 0
    table = pd.read_csv("tune/SLMRec-made/trials.csv")
    assert list(table.columns[4:6]) == ["score", "valid recall@10"]
    assert (table["score"] == table["valid recall@20"]).all() and len(table) == 5
    assert set(table["modalities"]) <= {"[v,a]", "[a]"}
    height, width, _ = matplotlib.image.imread("p.png").shape
    assert width > height > 600


def test_best_yaml_gives_a_run_the_winning_values(made, monkeypatch):
    text = (
        "learning_rate choice [1e-05]\nmlp_hidden_size choice ['[8,4]']\ndropout_prob choice [0]\n"
    )
    assert tuned("--model=NeuMF", "--output=t", text=text) == 0
    assert yaml.safe_load(Path("t/best.yaml").read_text()) == {
        "epochs": 2,
        "train_batch_size": 64,
        "learning_rate": 1e-5,
        "mlp_hidden_size": [8, 4],
        "dropout_prob": 0,
    }
    monkeypatch.setattr("sys.argv", ["run_recbole.py", "--config_files=t/best.yaml"])
    config = Config("NeuMF", NAME, ["t/best.yaml"])
    assert (config["learning_rate"], config["mlp_hidden_size"]) == (1e-5, [8, 4])
    assert (config["epochs"], config["train_batch_size"]) == (2, 64)
    winner = json.loads(Path("t/winner.json").read_text())
    assert quick_start.run("NeuMF", NAME, ["t/best.yaml"])["test_result"] == winner["test_result"]


def test_a_trial_that_diverges_does_not_end_the_search(made):
    assert tuned(text="learning_rate choice [1e30,0.001]\n") == 0
    errors = {
        trial["parameters"]["learning_rate"]: (trial["score"] is None, trial["error"])
        for trial in map(json.loads, open("tune/SLMRec-made/trials.jsonl"))
    }
    assert errors == {1e30: (True, DIVERGED), 0.001: (False, None)}
    best = yaml.safe_load(Path("tune/SLMRec-made/best.yaml").read_text())
    assert best["learning_rate"] == 0.001


@pytest.mark.parametrize(
    "model, text",
    [
        ("ItemKNN", "k choice [5,10]"),
        ("LightGCN", "n_layers quniform 1,2,1\nreg_weight loguniform -9,-4"),
        ("MMGCN", "aggregation choice ['mean','max']"),
    ],
)
def test_models_of_ours_and_recboles_are_tuned(made, model, text):
    assert tuned(f"--model={model}", "--algo=random", "--max_evals=2", text=text + "\n") == 0
    winner = json.loads(Path(f"tune/{model}-made/winner.json").read_text())
    assert 0 < winner["test_result"]["recall@20"] <= 1


@pytest.mark.parametrize(
    "arguments, text, message",
    [
        (
            ["--algo=bays"],
            "tau choice [1]",
            "no algo [bays] among exhaustive, random, bayes: did you",
        ),
        (
            ["--tool=ray"],
            "tau choice [1]",
            "there is no tool [ray] among Hyperopt, Ray: did you mean",
        ),
        (
            ["--tool=Ray", "--algo=bayes"],
            "tau choice [1]",
            "--algo is for --tool=Hyperopt, and this",
        ),
        (
            ["--num_samples=5"],
            "tau choice [1]",
            "--num_samples is for --tool=Ray, and this is Hyper",
        ),
        (["--max_evals=5"], "tau choice [1]", "--max_evals is for --algo=random or bayes"),
        (["--display_file=a.html"], "tau choice [1]", "must end in one of .png, .pdf, .svg"),
        (["--model=SLMRek"], "tau choice [1]", "there is no model [SLMRek]: did you mean SLMRec?"),
        (["--dataset=mad"], "tau choice [1]", "there is no data set [mad]"),
        (["--config_files=no.yaml"], "tau choice [1]", "there is no config file [no.yaml]"),
        ([], "tau choice [0]", "tau [0] must be a number above 0"),
        ([], "tau choise [0]", "a.hyper, line 1: there is no kind [choise]"),
        (["--eval_step=0"], "tau choice [1]", "no epoch was validated"),
        (
            [],
            "learning_rate choice [1e30]",
            f"no trial succeeded; the first ended with: {DIVERGED}",
        ),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(made, capsys, arguments, text, message):
    assert tuned(*arguments, text=text + "\n") == 2
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error


def test_run_hyper_with_ray_trains_elsewhere_and_goes_on(made, tmp_path, capsys):
    text = "tau choice [0.1,0.5]\nlearning_rate choice [0.001,1e30]\n"
    (tmp_path / "a.hyper").write_text(text)
    ray = ["--tool=Ray", "--num_samples=2", "--output=t"]
    finished = subprocess.run(
        [sys.executable, TOP / "run_hyper.py", *QUICK, "--params_file=a.hyper", *ray],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert finished.returncode == 0, finished.stderr
    assert "trial 2 of 2: " in finished.stdout and "Traceback" not in finished.stderr
    kept = Path("t/trials.jsonl").read_text()
    trials = [json.loads(line) for line in kept.splitlines()]
    assert [(t["epochs"], t["error"]) for t in trials if t["score"] is not None] == [(2, None)]
    assert [t["error"] for t in trials if t["score"] is None] == [DIVERGED]
    assert Path("t/best.yaml").is_file() and not list(Path("t/ray").rglob("*.pth"))

    assert tuned(*ray, text=text) == 0
    assert "2 trials are in t/trials.jsonl: they are not made again" in capsys.readouterr().out
    assert Path("t/trials.jsonl").read_text() == kept
