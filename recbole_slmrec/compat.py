"""What keeps RecBole 1.2.1 and DGL 2 from running beside today's libraries, and the mend of each.

A function a fault: what fails, in which versions, and why. Each changes something only where the fault
is; none copies code of theirs. What cannot be mended is refused, with the reason.
"""

from __future__ import annotations

import importlib
import sys
from importlib import metadata, util
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from packaging.version import Version

# Its metadata ask for ray <= 2.6.3, which has no build for Python 3.12 and later, though it runs with
# any: there pip takes it only without its requirements, which are among this package's own.
GET_RECBOLE = "python -m pip install --no-deps recbole==1.2.1"


def mend_recbole() -> None:
    """Mends RecBole where it needs it; a second call changes nothing.

    Raises:
        ImportError: if RecBole is missing, or runs wrongly beside an installed library.
    """
    try:
        metadata.version("recbole")
    except metadata.PackageNotFoundError:
        raise ImportError(f"RecBole is not installed; {GET_RECBOLE}") from None
    refuse_pandas_3()
    put_back_numpy_names()
    put_back_dok_update()


def refuse_pandas_3() -> None:
    """pandas 3: ``column.fillna(inplace=True)`` fills a copy.

    RecBole fills missing ratings and texts so (``data/dataset/dataset.py``): they would stay missing,
    without a word. Its ``column.agg(len)`` would give one number in place of one a row.

    Raises:
        ImportError: where pandas is 3 or later.
    """
    version = metadata.version("pandas")
    if Version(version) >= Version("3.0.dev0"):
        raise ImportError(
            f"pandas {version} is installed, with which RecBole 1.2.1 leaves missing values in "
            "silence as they are; python -m pip install 'pandas<3'"
        )


def put_back_numpy_names() -> None:
    """numpy 2: ``float_``, ``complex_`` and ``unicode_`` are gone, and every ``Config`` reads them."""
    for name, meant in {
        "float_": np.float64,
        "complex_": np.complex128,
        "unicode_": np.str_,
    }.items():
        if not hasattr(np, name):
            setattr(np, name, meant)


def put_back_dok_update() -> None:
    """scipy 1.13: ``dok_matrix._update`` is gone, by which RecBole's graph models fill their matrix.

    These are LightGCN, NGCF, GCMC, NCL, SpectralCF, KGIN and MCCLK. Their entries are valid by
    construction, which is what ``_update`` takes for granted.
    """
    from scipy.sparse import dok_matrix

    if not hasattr(dok_matrix, "_update"):
        dok_matrix._update = lambda matrix, entries: matrix._dict.update(entries)


class Draws(np.random.RandomState):
    """numpy's older generator, which Hyperopt 0.2.6 and later ask for ``integers`` as its newer one."""

    def integers(self, low, high=None, size=None):
        """As ``randint``."""
        return self.randint(low, high, size)


def give_hyperopt_integers(hyper_tuning: ModuleType) -> None:
    """Hyperopt 0.2.6: RecBole's ``exhaustive_search`` hands it a generator without ``integers``.

    Args:
        hyper_tuning: ``recbole.trainer.hyper_tuning``, where that is.
    """
    if Version(metadata.version("hyperopt")) >= Version("0.2.6"):
        hyper_tuning.np = _Instead(np, random=_Instead(np.random, RandomState=Draws))


class _Instead:
    """A module with some names of its own, for the one module that reads it under this name."""

    def __init__(self, module: ModuleType, **names: Any):
        self._module = module
        vars(self).update(names)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


def ray_without_syncer(tune: ModuleType) -> dict[str, Any]:
    """Ray, somewhere between 2.6 and 2.60: ``SyncConfig`` lost the argument ``syncer``.

    Without a syncer, earlier versions leave the trials' files where they are.

    Args:
        tune: ``ray.tune``.

    Returns:
        Arguments of ``tune.run``.
    """
    if "syncer" not in signature(tune.SyncConfig).parameters:
        return {}
    return {"sync_config": tune.SyncConfig(syncer=None)}


def import_dgl() -> ModuleType:
    """DGL 2: its import fails where GraphBolt has no library for the installed PyTorch.

    There are such libraries for PyTorch 2.0 to 2.4 only. An empty module takes GraphBolt's place, of
    which nothing here makes use.

    Raises:
        Exception: whatever the import of a missing or broken DGL raises.
    """
    if "dgl" not in sys.modules and _lacks_graphbolt():
        sys.modules["dgl.graphbolt"] = ModuleType("dgl.graphbolt")
    return importlib.import_module("dgl")


def _lacks_graphbolt() -> bool:
    spec = util.find_spec("dgl")
    if spec is None or spec.origin is None:
        return False
    folder = Path(spec.origin).parent / "graphbolt"
    torch_version = Version(metadata.version("torch")).public
    return folder.is_dir() and not any(folder.glob(f"*graphbolt_pytorch_{torch_version}.*"))
