"""Checks of the installation: versions, PyTorch, DGL, and the folders that a run writes to."""

from __future__ import annotations

import configparser
import importlib
import os
import platform
import shutil
import sys
import tempfile
import warnings
from importlib import metadata
from pathlib import Path

# Everything else is imported where it is checked: it may be what is broken.
from recbole_slmrec import first_use
from recbole_slmrec.doctor.finding import Finding, Findings, guarded, said

_DISTRIBUTION = "recbole-slmrec"
_SETUP = Path(__file__).parents[2] / "setup.cfg"
# Modules that are not named as the package that brings them; of setuptools it is what Ray imports.
_MODULES = {"pillow": "PIL", "scikit-learn": "sklearn", "pyyaml": "yaml"}
if sys.version_info < (3, 12):
    _MODULES["setuptools"] = "pkg_resources"
_WRITTEN = (".", "log", "saved")
# Of the hop that runs take beside another backend's, so that it is worth a word.
_MUCH_SLOWER = 1.5


def check_installation() -> Findings:
    """Checks Python, the packages, DGL, the devices, and what a run writes to."""
    yield from guarded("supported versions", _versions)
    yield from guarded("recbole_slmrec", _package)
    yield from guarded("PyTorch", _devices)
    yield from guarded("DGL", _dgl)
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
    checked = [each for each in map(Requirement, requirements) if _applies(each)]
    # Read before anything is imported: Ray puts copies of some packages first on the path.
    installed = {each.name: _installed(each.name) for each in checked}
    for each in checked:
        yield _version(each, installed[each.name])


def _applies(requirement) -> bool:
    # DGL has a check of its own, for runs go without it; RecBole is needed however it came.
    if requirement.name in ("dgl", "recbole"):
        return requirement.name == "recbole"
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _version(requirement, version: str | None) -> Finding:
    name, supported = requirement.name, requirement.specifier
    # With its extras, without its marker.
    wanted = str(requirement).partition(";")[0].strip()
    remedy = f"python -m pip install '{wanted}'"
    if name == "recbole":
        from recbole_slmrec.compat import GET_RECBOLE as remedy
    if version is None:
        return Finding(False, f"{name} is not installed; {remedy}")
    if not supported.contains(version, prereleases=True):
        return Finding(False, f"{name} {version} is not {supported}; {remedy}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module(_MODULES.get(name, name))
    except Exception as error:  # what a broken package raises is not known
        again = f"python -m pip install --force-reinstall --no-deps '{wanted}'"
        return Finding(False, f"{name} {version} cannot be imported, {said(error)}; {again}")
    return Finding(True, f"{name} {version} ({supported})")


def _package() -> Findings:
    try:
        first_use.install()
    except Exception as error:  # what a broken package raises is not known
        yield Finding(False, f"recbole_slmrec's models cannot be imported: {error}")
        return
    from recbole_slmrec.registry import MODELS

    yield Finding(True, f"recbole_slmrec imports, with its models {', '.join(MODELS)}")


def _devices() -> Findings:
    import torch

    threads = f"CPU threads: {torch.get_num_threads()}"
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
        cuda = f"CUDA {torch.version.cuda} on {', '.join(names)}"
    elif torch.version.cuda:
        cuda = f"built for CUDA {torch.version.cuda}, but no CUDA device is visible"
    else:
        cuda = "built without CUDA"
    # It comes with NVIDIA's driver.
    if torch.cuda.is_available() or not shutil.which("nvidia-smi"):
        yield Finding(True, f"PyTorch: {cuda}; {threads}")
        return
    yield Finding(
        False,
        f"PyTorch: {cuda}, though NVIDIA's driver is here; look at CUDA_VISIBLE_DEVICES and "
        "nvidia-smi, and install a PyTorch build for a CUDA version that the driver serves",
    )


def _dgl() -> Findings:
    from recbole_slmrec.graph import dgl_kernels

    obstacle = dgl_kernels.obstacle("cpu")
    if obstacle is None:
        yield Finding(True, f"dgl {dgl_kernels.version()} has kernels for the CPU")
    elif obstacle == dgl_kernels.NOT_INSTALLED:
        yield Finding(
            True, f"dgl: {obstacle}, and none is needed: PyTorch makes the graph products"
        )
    else:
        yield Finding(
            False,
            f"dgl: {obstacle}; PyTorch makes the graph products, so that runs go on: "
            "python -m pip uninstall dgl, or install a build that works",
        )


def _products() -> Findings:
    import torch

    for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
        yield from guarded(f"graph products on {device}", _product, device)


def _product(device: str) -> Findings:
    import torch

    from recbole_slmrec.doctor.hop import EDGES, WIDTH, milliseconds
    from recbole_slmrec.graph import dgl_kernels
    from recbole_slmrec.graph.bipartite import interaction_graph
    from recbole_slmrec.graph.product import InteractionBlock

    graph = interaction_graph(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]), 2, 2)
    block = InteractionBlock(graph, torch.device(device))
    sums = block.to_items(torch.tensor([[1.0], [2.0]], device=device)).flatten().tolist()
    if sums != [1, 3]:
        yield Finding(
            False,
            f"graph products on {device}: {block.backend} gives {sums} for [1.0, 3.0]; install a "
            "build of it for this machine, or pass --graph_backend=torch",
        )
        return
    backends = ["torch"] if dgl_kernels.obstacle(device) else ["torch", "dgl"]
    taken = {name: milliseconds(name, device) for name in backends}
    times = ", ".join(f"by {name} {each:.1f} ms" for name, each in taken.items())
    quickest = min(taken, key=taken.__getitem__)
    quicker = ""
    if taken[block.backend] > _MUCH_SLOWER * taken[quickest]:
        quicker = f"; --graph_backend={quickest} is quicker here"
    yield Finding(
        True,
        f"graph products on {device}: by {block.backend}; a hop of {EDGES:,} edges and {WIDTH} "
        f"columns takes {times}{quicker}",
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
