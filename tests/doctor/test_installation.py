"""Versions against the supported set, and what a broken package gets."""

from __future__ import annotations

import configparser
import re
import shutil
import sys
from importlib import metadata
from pathlib import Path

import pytest
import torch
from packaging.requirements import Requirement

from recbole_slmrec import first_use
from recbole_slmrec.doctor import hop, installation
from recbole_slmrec.doctor.installation import check_installation
from recbole_slmrec.graph import dgl_kernels
from recbole_slmrec.graph.product import InteractionBlock
from recbole_slmrec.registry import MODELS

TOP = Path(__file__).resolve().parents[2]


def texts(ok: bool) -> list[str]:
    return [finding.text for finding in check_installation() if finding.ok is ok]


@pytest.fixture(autouse=True)
def short_measure(monkeypatch):
    """A hop is measured as few times as it can be."""
    monkeypatch.setattr(hop, "_SECONDS", 0.0)
    monkeypatch.setattr(hop, "_FEWEST", 1)
    monkeypatch.setattr(installation, "_MUCH_SLOWER", float("inf"))


@pytest.fixture
def installed(monkeypatch):
    """A function that pretends versions: {package: version, or None where it is missing}."""
    real = metadata.version

    def pretend(versions: dict[str, str | None]) -> None:
        def version(name: str) -> str:
            if versions.get(name, "") is None:
                raise metadata.PackageNotFoundError(name)
            return versions.get(name) or real(name)

        monkeypatch.setattr(metadata, "version", version)

    return pretend


def test_every_requirement_that_applies_has_a_line_with_its_bounds():
    declared = configparser.ConfigParser()
    declared.read(TOP / "setup.cfg")
    requirements = map(Requirement, declared["options"]["install_requires"].split("\n")[1:])
    applying = [
        each
        for each in requirements
        if each.name == "recbole"
        or each.name != "dgl"
        and (each.marker is None or each.marker.evaluate())
    ]
    found = [finding.text for finding in check_installation()]
    assert found[0].startswith("Python 3.1") and "(>=3.10)" in found[0]
    for requirement, text in zip(applying, found[1:]):
        assert text.startswith(f"{requirement.name} ")
        assert str(requirement.specifier) in text
    assert found[1 + len(applying)] == (
        f"recbole_slmrec imports, with its models {', '.join(MODELS)}"
    )


@pytest.mark.parametrize("obstacle", [None, dgl_kernels.NOT_INSTALLED])
def test_what_works_here(monkeypatch, obstacle):
    if obstacle is None and dgl_kernels.obstacle("cpu"):
        pytest.skip(dgl_kernels.obstacle("cpu"))
    monkeypatch.setattr(dgl_kernels, "obstacle", lambda kind: obstacle)
    found = texts(ok=True)
    times = r"by torch \d+\.\d ms"
    if obstacle is None:
        times += r", by dgl \d+\.\d ms"
    (line,) = (text for text in found if text.startswith("graph products"))
    assert re.fullmatch(
        f"graph products on cpu: by torch; a hop of 400,000 edges and 64 columns takes {times}",
        line,
    )
    assert f"log and saved can be written in {Path.cwd()}" in found
    (line,) = (text for text in found if text.startswith("PyTorch"))
    assert line.endswith(f"CPU threads: {torch.get_num_threads()}")
    if not torch.cuda.is_available():
        assert "several processes (--nproc): by gloo" in found


@pytest.mark.skipif(bool(dgl_kernels.obstacle("cpu")), reason=str(dgl_kernels.obstacle("cpu")))
@pytest.mark.parametrize("taken, told", [(16, "; --graph_backend=dgl is quicker here"), (15, "")])
def test_a_backend_that_is_much_quicker_is_told(monkeypatch, taken, told):
    monkeypatch.setattr(installation, "_MUCH_SLOWER", 1.5)
    monkeypatch.setattr(hop, "milliseconds", lambda name, device: {"torch": taken, "dgl": 10}[name])
    (line,) = (text for text in texts(ok=True) if text.startswith("graph products"))
    assert line.endswith(f"takes by torch {taken}.0 ms, by dgl 10.0 ms{told}")


def test_wrong_and_missing_versions_have_a_remedy_each(installed):
    installed({"scipy": "1.8.1", "recbole": None, "torch": "2.4.0+cu121", "pandas": "3.1.1"})
    found = texts(ok=False)
    assert "scipy 1.8.1 is not >=1.9; python -m pip install 'scipy>=1.9'" in found
    assert "recbole is not installed; python -m pip install --no-deps recbole==1.2.1" in found
    assert "pandas 3.1.1 is not <3,>=1.5; python -m pip install 'pandas<3,>=1.5'" in found
    assert "torch 2.4.0+cu121 (>=2.1)" in texts(ok=True)


def test_models_that_cannot_be_imported_are_told_with_the_reason(monkeypatch):
    def refuse():
        raise ImportError("RecBole is not installed; get it")

    monkeypatch.setattr(first_use, "install", refuse)
    assert "recbole_slmrec's models cannot be imported: RecBole is not installed; get it" in texts(
        ok=False
    )


def test_a_missing_dgl_is_no_problem(monkeypatch):
    monkeypatch.setattr(dgl_kernels, "obstacle", lambda kind: dgl_kernels.NOT_INSTALLED)
    assert (
        "dgl: no DGL is installed, and none is needed: PyTorch makes the graph products"
        in texts(ok=True)
    )


def test_a_driver_without_a_pytorch_for_it_is_a_problem(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    (line,) = (text for text in texts(ok=False) if text.startswith("PyTorch"))
    assert "though NVIDIA's driver is here; look at CUDA_VISIBLE_DEVICES and nvidia-smi" in line


def test_the_installed_package_gives_the_bounds_outside_a_checkout(monkeypatch, installed):
    monkeypatch.setattr(installation, "_SETUP", Path("no.cfg"))
    monkeypatch.setattr(metadata, "metadata", lambda name: {"Requires-Python": "<3"})
    requirements = ["numpy<1,>=0.9", "pytest>=99; extra == 'test'"]
    monkeypatch.setattr(metadata, "requires", lambda name: requirements)
    installed({"numpy": "1.26.4"})
    found = texts(ok=False)
    assert found[0].endswith(" is not <3; make an environment with one")
    assert found[1] == "numpy 1.26.4 is not <1,>=0.9; python -m pip install 'numpy<1,>=0.9'"
    assert len(found) == 2


def test_a_package_that_cannot_be_imported_ends_nothing(monkeypatch):
    monkeypatch.setitem(sys.modules, "texttable", None)
    (line,) = (text for text in texts(ok=False) if text.startswith("texttable "))
    assert "cannot be imported, ModuleNotFoundError: import of texttable halted" in line
    assert line.endswith("python -m pip install --force-reinstall --no-deps 'texttable>=0.9'")
    assert any(text.startswith("PyTorch") for text in texts(ok=True))


def test_a_check_that_cannot_be_made_is_a_problem(monkeypatch):
    monkeypatch.setitem(sys.modules, "recbole_slmrec.graph.bipartite", None)
    (line,) = (text for text in texts(ok=False) if text.startswith("graph products"))
    assert "not checked, for it fails with ModuleNotFoundError" in line
    assert "mend the packages named above" in line


def test_wrong_products_are_a_problem(monkeypatch):
    monkeypatch.setattr(InteractionBlock, "to_items", lambda self, x: x * 0)
    assert any(
        "graph products on cpu: torch gives [0.0, 0.0] for [1.0, 3.0]; install a build" in text
        for text in texts(ok=False)
    )


def test_a_pytorch_without_the_backend_for_processes(monkeypatch):
    monkeypatch.setattr(torch.distributed, "is_available", lambda: False)
    (line,) = (text for text in texts(ok=False) if text.startswith("several processes"))
    assert "; run one process, or install a build that has it" in line


def test_a_folder_that_cannot_be_written_to():
    Path("log").write_text("a file in the way")
    (line,) = (text for text in texts(ok=False) if "cannot be written to" in text)
    assert line.startswith(f"{Path.cwd() / 'log'} cannot be written to, Not a directory; ")
    assert line.endswith("change that, or run in another folder")
