"""A sweep as its users type it: runs, tables, chart, exit status."""

from __future__ import annotations

import csv
import json
import sys

import pytest
from matplotlib.image import imread

from recbole_slmrec import cli, quick_start
from tests.made import NAME

QUICK = [f"--dataset={NAME}", "--epochs=1", "--train_batch_size=64", "--seeds=1"]
ALPHA = ["sweep", "--models=SLMRec[ssl_task=FM]", "--vary=alpha", "--values=0.1,1", *QUICK]


def test_a_sweep_trains_each_value_and_goes_on_where_it_stopped(
    made, tmp_path, monkeypatch, capsys
):
    assert cli.main(ALPHA) == 0
    output = capsys.readouterr().out
    assert "[2/2] SLMRec[ssl_task=FM,alpha=1], seed 1: recall@20" in output
    folder = tmp_path / "sweep" / f"{NAME}-alpha"
    settings = [json.loads(path.read_text())["settings"] for path in folder.glob("*.json")]
    assert sorted(each["alpha"] for each in settings) == [0.1, 1]
    assert imread(folder / "chart.png").ndim == 3
    with open(folder / "table.csv", encoding="utf-8") as file:
        assert {line["alpha"] for line in csv.DictReader(file)} == {"0.1", "1"}
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert "<h1>alpha on made</h1>" in page and "<th>alpha=0.1</th>" in page
    assert "sweep &#39;--models=SLMRec[ssl_task=FM]&#39; --vary=alpha" in page
    monkeypatch.setattr(quick_start, "train", None)
    assert cli.main(ALPHA) == 0
    assert capsys.readouterr().out.count("kept in") == 2


def test_a_value_that_fails_leaves_the_others_and_gives_status_1(made, capsys):
    assert cli.main(["sweep", "--vary=tau", "--values=0.2,-1", *QUICK]) == 1
    output = capsys.readouterr().out
    assert "SLMRec with tau=-1 failed: tau [-1]" in output and "Recall@20 on test" in output


@pytest.mark.parametrize(
    "arguments, told",
    [
        (
            ["--vary=alpha", "--values=1,2", "--alpha=3"],
            "--alpha is given, and --vary=alpha varies it",
        ),
        (["--vary=alpha", "--values=1,2", "--seed=3"], "in place of --seed"),
        (["--vary=alpha"], "--values"),
        (
            ["--vary=alhpa", "--values=1,2"],
            "--vary, for SLMRec: the setting [alhpa] is unknown and has no effect: did you mean alpha?",
        ),
    ],
)
def test_what_cannot_be_swept_is_told(made, arguments, told, capsys):
    with pytest.raises(SystemExit) as ended:
        sys.exit(cli.main(["sweep", *arguments, *QUICK]))
    assert ended.value.code == 2
    assert told in capsys.readouterr().err
