"""The comparison as its users type it: table, files, flags of RecBole's script, exit status."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from recbole_slmrec import cli, quick_start
from recbole_slmrec.cli import compare
from recbole_slmrec.evaluation.metrics import OF_RANKINGS
from tests.made import NAME

TOP = Path(__file__).resolve().parents[2]
QUICK = [f"--dataset={NAME}", "--epochs=1", "--train_batch_size=64", "--seeds=2"]


def test_run_compare_prints_a_table_and_writes_a_page(made, tmp_path):
    finished = subprocess.run(
        [sys.executable, TOP / "run_compare.py", "--models=SLMRec,SLMRec[ssl_task=FM],BPR", *QUICK],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert finished.returncode == 0, finished.stderr
    assert "[6/6] BPR, seed 2: recall@20" in finished.stdout
    assert "%Improv." in finished.stdout and "p-value" in finished.stdout
    assert "\033[1m" not in finished.stdout and "Warning" not in finished.stderr
    folder = tmp_path / "compare" / NAME
    assert len(list(folder.glob("*.json"))) == 6
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert "python run_compare.py &#39;--models=SLMRec,SLMRec[ssl_task=FM],BPR&#39;" in page


def test_a_second_call_runs_nothing(made, monkeypatch, capsys):
    arguments = ["compare", "--models=Pop,BPR", *QUICK]
    assert cli.main(arguments) == 0
    table = capsys.readouterr().out.split("\n\n", 1)[1]
    monkeypatch.setattr(quick_start, "train", None)
    assert cli.main(arguments) == 0
    output = capsys.readouterr().out
    assert output.count("kept in") == 4 and output.split("\n\n", 1)[1] == table


def test_recboles_group_flags_and_own_settings(made, tmp_path):
    (tmp_path / "a.yaml").write_text("embedding_size: 16\ntau: 0.9\n", encoding="utf-8")
    arguments = ["--model_list=SLMRec[tau=0.5],BPR", "--config_files=a.yaml", "--tau=0.4"]
    latex = ["--valid_latex=latex/v.tex", "--test_latex=latex/t.tex", "--output=out"]
    assert cli.main(["compare", *arguments, *latex, *QUICK]) == 0
    assert r"SLMRec[tau=0.5] & " in (tmp_path / "latex" / "v.tex").read_text(encoding="utf-8")
    assert r"\%Improv." in (tmp_path / "latex" / "t.tex").read_text(encoding="utf-8")
    for path in (tmp_path / "out").glob("SLMRec*.json"):
        settings = json.loads(path.read_text(encoding="utf-8"))["settings"]
        assert (settings["tau"], settings["embedding_size"], settings["epochs"]) == (0.5, 16, 1)


def test_every_metric_of_a_ranking_is_compared(made, tmp_path):
    arguments = ["--models=SLMRec,BPR", f"--metrics={OF_RANKINGS}", "--topk=[5,20]", *QUICK]
    assert cli.main(["compare", *arguments, "--output=out"]) == 0
    table = (tmp_path / "out" / "table.md").read_text(encoding="utf-8")
    columns = [name for name in OF_RANKINGS if name != "GAUC"]
    assert all(f"| {name}@{k} |" in table for name in columns for k in (5, 20))
    assert "| GAUC |" in table
    # Popularity is a mean over users, coverage is not.
    header, _, *rows = [row.split(" | ") for row in table.splitlines() if row.startswith("|")]
    p_values = dict(zip(header, rows[-1]))
    assert p_values["AveragePopularity@5"] != "–" and p_values["ItemCoverage@5"] == "–"


def test_a_failing_model_is_told_in_the_table_and_by_the_status(made, capsys):
    assert cli.main(["compare", "--models=BPR,SLMRec[alpha=-1]", *QUICK]) == 1
    output = capsys.readouterr().out
    (line,) = [
        line for line in output.splitlines() if line.startswith("SLMRec[alpha=-1]  failed: ")
    ]
    assert "alpha" in line and "BPR  " in output


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--models=SLMRek"], "error: there is no model [SLMRek]: did you mean SLMRec?"),
        (["--models=BPR", "--seeds=x"], "error: seeds [x] must be a count"),
        (
            ["--models=BPR", "--dataset=mad"],
            "error: there is no data set [mad]",
        ),
        (["--models=BPR", "--config_files=no.yaml"], "there is no config file [no.yaml]"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(made, capsys, arguments, message):
    assert cli.guarded(compare.main, arguments, "run_compare.py") == 2
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error


@pytest.mark.parametrize(
    "argument, message",
    [
        ("--seed=3", "pass --seeds=[1,5,9]"),
        ("--nproc=2", "trains in one process"),
        ("epochs=3", "settings are written --key=value"),
    ],
)
def test_flags_that_a_comparison_does_not_take(capsys, argument, message):
    with pytest.raises(SystemExit):
        compare.main([argument], "run_compare.py")
    assert message in capsys.readouterr().err
