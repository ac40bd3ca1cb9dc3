"""Versions against the supported set, and what a broken package gets."""

from __future__ import annotations

import configparser
import sys
from importlib import metadata
from pathlib import Path

import pytest
import torch

from recbole_slmrec.doctor import installation
from recbole_slmrec.doctor.installation import check_installation
from recbole_slmrec.registry import MODELS

TOP = Path(__file__).resolve().parents[2]


def texts(ok: bool) -> list[str]:
    return [finding.text for finding in check_installation() if finding.ok is ok]


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


def test_every_requirement_has_a_line_with_its_bounds():
    declared = configparser.ConfigParser()
    declared.read(TOP / "setup.cfg")
    requirements = declared["options"]["install_requires"].split("\n")[1:]
    found = [finding.text for finding in check_installation()]
    assert found[0].startswith("Python 3.1") and "(>=3.10,<3.12)" in found[0]
    for requirement, text in zip(requirements, found[1:]):
        assert text.startswith(f"{requirement.split()[0]} ")
        assert all(bound in text for bound in requirement.split(None, 1)[1].split(","))
    assert found[1 + len(requirements)] == (
        f"recbole_slmrec imports, with its models {', '.join(MODELS)}"
    )


def test_what_works_here():
    found = texts(ok=True)
    assert "graph products on cpu: by dgl" in found
    assert f"log and saved can be written in {Path.cwd()}" in found
    (line,) = (text for text in found if text.startswith("PyTorch"))
    assert line.endswith(f"CPU threads: {torch.get_num_threads()}")
    if not torch.cuda.is_available():
        assert "several processes (--nproc): by gloo" in found


def test_wrong_and_missing_versions_have_a_remedy_each(installed):
    installed({"numpy": "2.1.0", "dgl": None, "torch": "2.4.0+cu121", "hyperopt": "0.2.7"})
    found = texts(ok=False)
    assert "numpy 2.1.0 is not <2,>=1.23; python -m pip install 'numpy<2,>=1.23'" in found
    assert "dgl is not installed; python -m pip install 'dgl<2,>=1.1.3'" in found
    assert "hyperopt 0.2.7 is not ==0.2.5; python -m pip install 'hyperopt==0.2.5'" in found
    assert "torch 2.4.0+cu121 (>=2.1)" in texts(ok=True)


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
    for module in [name for name in sys.modules if name.split(".")[0] == "dgl"]:
        monkeypatch.delitem(sys.modules, module)
    for module in ("graph.bipartite", "graph.product"):
        monkeypatch.delitem(sys.modules, f"recbole_slmrec.{module}")
    monkeypatch.setitem(sys.modules, "dgl", None)
    found = texts(ok=False)
    (line,) = (text for text in found if text.startswith("dgl "))
    assert "cannot be imported, ModuleNotFoundError: import of dgl halted" in line
    assert line.endswith("python -m pip install --force-reinstall --no-deps 'dgl<2,>=1.1.3'")
    (line,) = (text for text in found if text.startswith("graph products"))
    assert "not checked, for it fails with ModuleNotFoundError" in line
    assert "mend the packages named above" in line
    assert any(text.startswith("PyTorch") for text in texts(ok=True))


def test_wrong_products_are_a_problem(monkeypatch):
    from recbole_slmrec.graph.product import InteractionBlock

    monkeypatch.setattr(InteractionBlock, "to_items", lambda self, x: x * 0)
    assert any(
        "graph products on cpu: dgl gives [0.0, 0.0] for [1.0, 3.0]; install a build" in text
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
