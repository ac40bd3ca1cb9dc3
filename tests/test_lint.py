"""The sources: ruff's rules and form, and the types of the package; their settings are in pyproject.toml."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent


@pytest.mark.parametrize("command", ["ruff check", "ruff format --check", "mypy"])
def test_nothing_is_found(command, tmp_path):
    cache = [f"--cache-dir={tmp_path}"]
    done = subprocess.run(
        [sys.executable, "-m", *command.split(), *cache], cwd=TOP, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
