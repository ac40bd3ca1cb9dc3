"""The built wheel: it carries the defaults and runs from an empty folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]


def test_an_installed_wheel_runs_from_an_empty_folder(tmp_path):
    source, site, elsewhere = (tmp_path / name for name in ("source", "site", "elsewhere"))
    ignored = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__", "saved", "log*")
    shutil.copytree(TOP, source, ignore=ignored)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, "wheel", *offline, "-w", tmp_path, source], check=True)
    (wheel,) = tmp_path.glob("recbole_slmrec-*.whl")
    subprocess.run([*pip, "install", *offline, "--target", site, wheel], check=True)

    elsewhere.mkdir()
    finished = subprocess.run(
        [sys.executable, "-m", "recbole_slmrec", "run", "--dataset=ml-100k", "--epochs=1"]
        + ["--modalities=[genre]", "--train_batch_size=8192", "--show_progress=False"],
        cwd=elsewhere,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert finished.returncode == 0, finished.stderr
    assert "genre: 19 columns, 0 missing" in finished.stderr + finished.stdout
    installed = {str(path.relative_to(site)) for path in site.rglob("*.yaml")}
    assert "recbole_slmrec/properties/model/SLMRec.yaml" in installed
    assert "recbole_slmrec/properties/dataset/tiktok.yaml" in installed
    templates = {path.name for path in (site / "recbole_slmrec" / "templates").iterdir()}
    assert templates == {path.name for path in (TOP / "recbole_slmrec" / "templates").iterdir()}
    modules = {path.relative_to(TOP) for path in (TOP / "recbole_slmrec").rglob("*.py")}
    assert modules <= {path.relative_to(site) for path in site.rglob("*.py")}
