"""A folder with the made-up data set and checkpoints, trained once for tests that only read it."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from recbole_slmrec import quick_start
from tests.made import NAME, make

QUICK = {"train_batch_size": 64, "show_progress": False, "state": "ERROR", "learning_rate": 0.01}

# Every kind: ours, RecBole's with a full ranking, without one (NeuMF), and without training.
SETTINGS = {
    "SLMRec": {"epochs": 3},
    "MMLightGCN": {"epochs": 3, "fusion": "mean"},
    "VBPR": {"epochs": 3},
    "LightGCN": {"epochs": 2},
    "NeuMF": {"epochs": 2},
    "MultiVAE": {"epochs": 2},
    "ItemKNN": {},
    "Pop": {},
}


def train(model: str, **settings) -> Path:
    """Trains on the made-up data set under the working directory: ``saved/<model>.pth``."""
    result = quick_start.run(model, NAME, config_dict={**QUICK, **settings})
    return Path(result["checkpoint"]).rename(f"saved/{model}.pth")


@pytest.fixture(scope="session")
def home(tmp_path_factory) -> Path:
    """The folder: ``dataset/made`` and ``saved/<model>.pth`` for each of ``SETTINGS``."""
    folder, before = tmp_path_factory.mktemp("home"), os.getcwd()
    # Set up before the fixture that keeps a test's level, which would keep this one's.
    level = logging.root.level
    make(folder / "dataset")
    os.chdir(folder)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.argv", ["run_recbole.py"])
            for model, settings in SETTINGS.items():
                train(model, **settings)
    finally:
        os.chdir(before)
        logging.root.setLevel(level)
    return folder


@pytest.fixture
def at_home(home, empty_folder, monkeypatch) -> Path:
    """The working directory is ``home``."""
    monkeypatch.chdir(home)
    return home
