"""The command as its users type it: a line a check, and the exit status."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from recbole_slmrec import cli
from recbole_slmrec.cli import doctor
from recbole_slmrec.doctor.finding import Finding
from tests.made import NAME

TOP = Path(__file__).resolve().parents[2]


@pytest.fixture
def sound_installation(monkeypatch):
    """Whatever is installed where the tests run."""
    monkeypatch.setattr(doctor, "check_installation", lambda: iter([Finding(True, "Python")]))


def test_all_is_well(made, sound_installation, capsys):
    assert cli.main(["doctor", NAME]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "ok       Python" and lines[-1] == "no problems found"
    assert all(line.startswith("ok       ") for line in lines[:-1])
    assert not Path("log").exists() and not Path("saved").exists()


def test_a_problem_is_a_line_and_status_1(made, sound_installation, capsys):
    (made / "v.npy").unlink()
    (made / f"{NAME}.item").write_text("item_id:token\ni1\n")
    assert cli.main(["doctor", NAME, "--data_path", str(made.parent)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "4 problems found"
    assert sum(line.startswith("problem  ") for line in lines) == 4
    assert any("v.npy does not exist" in line for line in lines)


def test_a_problem_with_several_lines_is_one(made, sound_installation, capsys):
    (made / f"{NAME}.yaml").write_text("load_col: [\n")
    assert cli.main(["doctor", NAME]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "made.yaml is not valid YAML: while parsing a flow node" in lines[1]
    assert all(line.startswith(("ok ", "problem ")) for line in lines[:-1])


def test_only_the_installation(monkeypatch, capsys):
    findings = [Finding(True, "Python"), Finding(False, "numpy 2 is not <2; remedy")]
    monkeypatch.setattr(doctor, "check_installation", lambda: iter(findings))
    assert cli.main(["doctor"]) == 1
    assert capsys.readouterr().out == (
        "ok       Python\nproblem  numpy 2 is not <2; remedy\n1 problem found\n"
    )


def test_a_dgl_that_cannot_be_imported_is_told_and_stops_nothing(made, tmp_path):
    broken = tmp_path / "broken" / "dgl"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise OSError('libdgl.so: no such file')\n")
    finished = subprocess.run(
        [sys.executable, "-m", "recbole_slmrec", "doctor", NAME],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(broken.parent), str(TOP)])},
        capture_output=True,
        text=True,
        timeout=120,
    )
    lines = finished.stdout.splitlines()
    (line,) = (line for line in lines if line.startswith("problem  dgl: "))
    assert "cannot be imported, OSError: libdgl.so: no such file; PyTorch makes" in line
    assert any("graph products on cpu: by torch; a hop of " in line for line in lines)
    assert any(line.startswith("ok       made loads as in a run; ") for line in lines)
    assert "Traceback" not in finished.stderr
