"""The commands as their users type them: output, exit status, and what bad input gets."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from recbole_slmrec import cli, quick_start
from recbole_slmrec.cli import run as run_command
from tests.made import NAME

TOP = Path(__file__).resolve().parents[2]


def test_run_recbole_works_from_any_folder(made, tmp_path):
    arguments = ["--model=SLMRec", f"--dataset={NAME}", "--epochs=1", "--train_batch_size=64"]
    finished = subprocess.run(
        [sys.executable, TOP / "run_recbole.py", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert finished.returncode == 0, finished.stderr
    output = finished.stdout + finished.stderr
    assert "SLMRec on made" in output and "recall@10" in output and "Checkpoint: saved" in output
    assert "Warning" not in output
    assert list((tmp_path / "saved").glob("SLMRec-*.pth"))


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--model=SLMRek"], "error: there is no model [SLMRek]: did you mean SLMRec?"),
        (["--dataset=mad"], "error: there is no data set [mad]"),
        ([f"--dataset={NAME}", "--tau=0"], "error: tau [0] must be a number above 0"),
        ([f"--dataset={NAME}", "--modalities=[v,b]"], "unknown modality 'b'"),
        ([f"--dataset={NAME}", "--config_files=no.yaml"], "there is no config file [no.yaml]"),
        ([f"--dataset={NAME}", "--resume=no.pth"], "there is no checkpoint [no.pth]"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(made, capsys, arguments, message):
    assert cli.guarded(run_command.main, arguments, "run_recbole.py") == 2
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error


def test_a_setting_without_a_value_is_refused(capsys):
    with pytest.raises(SystemExit):
        run_command.main(["--epochs", "--show_progress=False"], "run_recbole.py")
    assert "settings are written --key=value" in capsys.readouterr().err


def test_config_files_and_settings_reach_the_run(made, tmp_path, caplog):
    (tmp_path / "a.yaml").write_text("epochs: 1\nalpha: 0.5\n")
    (tmp_path / "b.yaml").write_text("alpha: 0.7\nshow_progress: False\n")
    files = "--config_files=a.yaml b.yaml"
    arguments = ["--dataset", NAME, files, "--ssl_task=FD", "--tau=0.4", "--fd_level", "layer"]
    assert cli.main(["run", *arguments]) == 0
    assert all(it in caplog.text for it in ("alpha=0.7", "tau=0.4", "fd_level=layer"))


def test_evaluate_gives_the_metrics_of_the_run(made, capsys):
    settings = {"epochs": 1, "train_batch_size": 64, "show_progress": False, "state": "ERROR"}
    result = quick_start.run("SLMRec", NAME, config_dict=settings)
    assert cli.main(["evaluate", f"--checkpoint={result['checkpoint']}"]) == 0
    output = capsys.readouterr().out
    for metric, value in result["test_result"].items():
        assert f"{metric} " in output and f"{value:.4f}" in output
    arguments = [f"--checkpoint={result['checkpoint']}", "--test_mask=train", "--topk=[3]"]
    assert cli.main(["evaluate", *arguments]) == 0
    assert "recall@3" in capsys.readouterr().out


def test_help_names_every_verb_and_the_settings(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == 0
    output = capsys.readouterr().out
    assert all(verb in output for verb in cli.VERBS)
    with pytest.raises(SystemExit):
        cli.main(["run", "--help"])
    assert "--ssl_task=FM" in capsys.readouterr().out


def test_an_unknown_verb_is_refused(capsys):
    with pytest.raises(SystemExit):
        cli.main(["trian"])
    assert "invalid choice: 'trian'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command, flag",
    [
        ("compare --models=Pop --seeds=1", "--output"),
        ("compare --models=Pop --seeds=1", "--valid_latex"),
        ("tune --model=BPR --params_file=b.hyper", "--output"),
        ("tune --model=BPR --params_file=b.hyper", "--display_file"),
    ],
)
def test_many_runs_are_not_begun_where_their_files_cannot_be_written(made, capsys, command, flag):
    Path("b.hyper").write_text("learning_rate choice [0.01]\n", encoding="utf-8")
    Path("file").touch()
    assert cli.main([*command.split(), "--dataset=made", f"{flag}=file/inside/a.png"]) == 2
    told = capsys.readouterr()
    assert "file/inside" in told.err and f"choose another place with {flag}" in told.err
    assert "seed 1" not in told.out and "trial" not in told.out
