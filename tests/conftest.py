"""Every test runs in an empty folder of its own: RecBole writes logs and checkpoints where it is."""

from __future__ import annotations

import logging

import pytest
import torch

from tests.made import make, make_rated

# Small products gain nothing from a second thread, and two test runs side by side lose much.
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    """The working directory, and a command line without pytest's own arguments."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["run_recbole.py"])


@pytest.fixture(autouse=True)
def log_level():
    """Python's own, whatever a run or a command before has made of it."""
    logging.root.setLevel(logging.WARNING)


@pytest.fixture
def made(tmp_path):
    """The folder of the made-up data set, where the default ``data_path`` finds it."""
    return make(tmp_path / "dataset")


@pytest.fixture
def rated(tmp_path):
    """The folder of the made-up data set with ratings, which is not split."""
    return make_rated(tmp_path / "dataset")
