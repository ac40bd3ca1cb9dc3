"""The mends of upstream faults: there where the fault is, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from hyperopt import Trials, fmin, hp
from recbole.config import Config
from recbole.trainer import hyper_tuning
from recbole.trainer.hyper_tuning import exhaustive_search
from scipy.sparse import dok_matrix

from recbole_slmrec import compat

TOP = Path(__file__).resolve().parents[1]


def pretend(monkeypatch, **versions: str) -> None:
    real = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: versions.get(name) or real(name))


def test_a_config_of_recbole_s_finds_the_names_that_it_reads(made):
    assert Config("BPR", "made")["model"] == "BPR"
    assert (np.float_, np.complex_, np.unicode_) == (np.float64, np.complex128, np.str_)


def test_entries_are_put_into_a_dok_matrix():
    matrix = dok_matrix((2, 3), dtype=np.float32)
    matrix._update({(0, 1): 1, (1, 2): 2})
    assert matrix.toarray().tolist() == [[0, 1, 0], [0, 0, 2]]


def test_what_is_not_at_fault_is_left_alone(monkeypatch):
    def own(matrix, entries): ...

    monkeypatch.setattr(dok_matrix, "_update", own, raising=False)
    monkeypatch.setattr(np, "float_", "its own", raising=False)
    monkeypatch.setattr(hyper_tuning, "np", np)
    pretend(monkeypatch, hyperopt="0.2.5")
    compat.mend_recbole()
    assert dok_matrix._update is own
    assert np.float_ == "its own"
    assert hyper_tuning.np is np


def test_recbole_s_exhaustive_search_tries_every_choice_once():
    trials = Trials()
    fmin(
        lambda choices: choices["a"] + choices["b"],
        {"a": hp.choice("a", [0, 1]), "b": hp.choice("b", [0, 2, 4])},
        algo=exhaustive_search,
        max_evals=6,
        trials=trials,
        rstate=compat.Draws(0),
        show_progressbar=False,
    )
    assert sorted(trials.losses()) == [0, 1, 2, 3, 4, 5]


def test_the_generator_for_hyperopt_draws_the_same_by_both_names():
    assert compat.Draws(3).integers(5, 9, 20).tolist() == compat.Draws(3).randint(5, 9, 20).tolist()


@pytest.mark.parametrize("version", ["3.0.0", "3.1.1", "4.0.0rc1"])
def test_pandas_3_is_refused_with_the_reason(monkeypatch, version):
    pretend(monkeypatch, pandas=version)
    with pytest.raises(ImportError, match=f"pandas {version} .*missing values.*install 'pandas<3'"):
        compat.mend_recbole()


def test_ray_is_kept_from_copying_where_it_has_a_syncer():
    class Older:
        @staticmethod
        def SyncConfig(sync_period=300, syncer="auto"):
            return syncer

    class Newer:
        @staticmethod
        def SyncConfig(sync_period=300): ...

    assert compat.ray_without_syncer(Older) == {"sync_config": None}
    assert compat.ray_without_syncer(Newer) == {}


BROKEN_GRAPHBOLT = "raise ImportError('Cannot load Graphbolt C++ library')"


@pytest.mark.parametrize("library, refusal", [("2.0.0", None), (None, "Cannot load Graphbolt")])
def test_a_dgl_whose_graphbolt_has_no_library_is_imported_without_it(tmp_path, library, refusal):
    """The stand-in for GraphBolt is there only where it has no library for this PyTorch."""
    folder = tmp_path / "site" / "dgl" / "graphbolt"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(BROKEN_GRAPHBOLT)
    (folder.parent / "__init__.py").write_text("from . import graphbolt\n__version__ = '2.1.0'\n")
    library = library or metadata.version("torch").split("+")[0]
    (folder / f"libgraphbolt_pytorch_{library}.so").touch()
    finished = run(
        "from recbole_slmrec.graph import dgl_kernels\nprint(dgl_kernels.obstacle('cpu'))",
        folder.parent.parent,
    )
    assert (refusal or "has no kernels for [cpu]") in finished.stdout, finished.stderr


def test_a_command_without_recbole_gives_the_one_command_that_brings_it(tmp_path):
    hidden = (
        "import sys\n"
        "from importlib import metadata\n"
        "def version(name, real=metadata.version):\n"
        "    if name == 'recbole':\n"
        "        raise metadata.PackageNotFoundError(name)\n"
        "    return real(name)\n"
        "metadata.version = version\n"
        "sys.modules['recbole'] = None\n"
        "from recbole_slmrec.cli import command\n"
        "sys.exit(command('run', [], 'run_recbole.py'))\n"
    )
    finished = run(hidden, tmp_path)
    assert finished.returncode == 2
    assert "error: RecBole is not installed; python -m pip install --no-deps recbole==1.2.1" in (
        finished.stderr
    )
    assert "Traceback" not in finished.stderr


def test_a_run_beside_pandas_3_is_refused(tmp_path):
    pretending = (
        "from importlib import metadata\n"
        "metadata.version = lambda name, real=metadata.version: (\n"
        "    '3.1.1' if name == 'pandas' else real(name)\n"
        ")\n"
        "from recbole_slmrec.quick_start import run\n"
    )
    finished = run(pretending, tmp_path)
    assert finished.returncode == 1
    assert "ImportError: pandas 3.1.1 is installed" in finished.stderr.splitlines()[-1]


def run(script: str, site: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(TOP)])},
        capture_output=True,
        text=True,
        timeout=120,
    )
