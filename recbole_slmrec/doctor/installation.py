"""Checks of the installation: versions, PyTorch, DGL, and the folders that a run writes to."""

from __future__ import annotations

import configparser
import importlib
import os
import platform
import tempfile
import warnings
from importlib import metadata
from pathlib import Path

# Everything else is imported where it is checked: it may be what is broken.
from recbole_slmrec.doctor.finding import Finding, Findings, guarded, said

_DISTRIBUTION = "recbole-slmrec"
_SETUP = Path(__file__).parents[2] / "setup.cfg"
# Modules that are not named as the package that brings them; of setuptools it is what Ray imports.
_MODULES = {"scikit-learn": "sklearn", "pyyaml": "yaml", "setuptools": "pkg_resources"}
_WRITTEN = (".", "log", "saved")


def check_installation() -> Findings:
    """Checks Python, the packages, DGL, the devices, and what a run writes to."""
    yield from guarded("supported versions", _versions)
    yield from guarded("recbole_slmrec", _package)
    yield from guarded("PyTorch", _devices)
    yield from guarded("graph products", _products)
    yield from guarded("several processes", _processes)
    yield from guarded("working directory", _written_folders)


def _supported() -> tuple[str, list[str]]:
    """The bounds on Python and on packages, from the checkout, else from the installed package."""
    declared = configparser.ConfigParser()
    declared.read(_SETUP, encoding="utf-8")
    if declared.get("metadata", "name", fallback=None) == _DISTRIBUTION:
        options = declared["options"]
        return options["python_requires"], options["install_requires"].split("\n")[1:]
    installed = metadata.metadata(_DISTRIBUTION)
    return installed["Requires-Python"], metadata.requires(_DISTRIBUTION)


def _versions() -> Findings:
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet

    python, requirements = _supported()
    version = platform.python_version()
    if version in SpecifierSet(python):
        yield Finding(True, f"Python {version} ({python})")
    else:
        yield Finding(False, f"Python {version} is not {python}; make an environment with one")
    for requirement in map(Requirement, requirements):
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield _version(requirement.name, requirement.specifier)


def _version(name: str, supported) -> Finding:
    remedy = f"python -m pip install '{name}{supported}'"
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Finding(False, f"{name} is not installed; {remedy}")
    if not supported.contains(version, prereleases=True):
        return Finding(False, f"{name} {version} is not {supported}; {remedy}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module(_MODULES.get(name, name))
    except Exception as error:  # what a broken package raises is not known
        again = remedy.replace("install", "install --force-reinstall --no-deps", 1)
        return Finding(False, f"{name} {version} cannot be imported, {said(error)}; {again}")
    return Finding(True, f"{name} {version} ({supported})")


def _package() -> Findings:
    from recbole_slmrec.registry import MODELS

    yield Finding(True, f"recbole_slmrec imports, with its models {', '.join(MODELS)}")


def _devices() -> Findings:
    import torch

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
        cuda = f"CUDA {torch.version.cuda} on {', '.join(names)}"
    elif torch.version.cuda:
        cuda = f"built for CUDA {torch.version.cuda}, but no CUDA device is visible"
    else:
        cuda = "built without CUDA"
    yield Finding(True, f"PyTorch: {cuda}; CPU threads: {torch.get_num_threads()}")


def _products() -> Findings:
    import torch

    yield from guarded("graph products on the CPU", _product, "cpu")
    if torch.cuda.is_available():
        yield from guarded("graph products on the CUDA device", _product, "cuda")


def _product(device: str) -> Findings:
    import torch

    from recbole_slmrec.graph.bipartite import interaction_graph
    from recbole_slmrec.graph.product import InteractionBlock

    graph = interaction_graph(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]), 2, 2)
    block = InteractionBlock(graph, torch.device(device))
    sums = block.to_items(torch.tensor([[1.0], [2.0]], device=device)).flatten().tolist()
    if sums == [1, 3]:
        yield Finding(True, f"graph products on {device}: by {block.backend}")
    else:
        yield Finding(
            False,
            f"graph products on {device}: {block.backend} gives {sums} for [1.0, 3.0]; install a "
            "build of it for this machine, or pass --graph_backend=torch",
        )


def _processes() -> Findings:
    import torch

    distributed = torch.distributed
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    # torch.distributed lacks these two functions where it is not available.
    if distributed.is_available() and getattr(distributed, f"is_{backend}_available")():
        yield Finding(True, f"several processes (--nproc): by {backend}")
    else:
        yield Finding(
            False,
            f"several processes (--nproc): this PyTorch has no {backend}; run one process, or "
            "install a build that has it",
        )


def _written_folders() -> Findings:
    for folder in filter(os.path.lexists, _WRITTEN):
        try:
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            yield Finding(
                False,
                f"{os.path.abspath(folder)} cannot be written to, {error.strerror}; a run keeps "
                "its log and checkpoints there: change that, or run in another folder",
            )
            return
    yield Finding(True, f"log and saved can be written in {os.getcwd()}")
