"""That a campaign runs, on a few cases: ``make campaign`` is for the others."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.campaigns.commands import ROOT, environment


def test_a_campaign_gives_its_figures(tmp_path):
    output = tmp_path / "figures.json"
    words = ["-m", "tests.campaigns", "files", "--cases", "44", "--output", str(output)]
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(output.read_text(encoding="utf-8"))["files"]
    assert figures["cases"] == sum(figures["outcomes"].values()) == 44
    assert set(figures["outcomes"]) <= {"refused", "read, equal", "read"}
    assert figures["faults"] == []
