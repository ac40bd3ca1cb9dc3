"""Models by name: ours first, RecBole's after that, so that every model runs through the same door."""

from __future__ import annotations

import importlib
from pathlib import Path

import recbole
import recbole.utils
import torch
from recbole.model.abstract_recommender import AbstractRecommender

from recbole_slmrec import plugins
from recbole_slmrec.model.bm3 import BM3
from recbole_slmrec.model.content_knn import ContentKNN
from recbole_slmrec.model.freedom import FREEDOM
from recbole_slmrec.model.lattice import LATTICE
from recbole_slmrec.model.lgmrec import LGMRec
from recbole_slmrec.model.mgcn import MGCN
from recbole_slmrec.model.mmbpr import MMBPR
from recbole_slmrec.model.mmgcn import MMGCN
from recbole_slmrec.model.mmlightgcn import MMLightGCN
from recbole_slmrec.model.slmrec import SLMRec
from recbole_slmrec.model.smore import SMORE
from recbole_slmrec.model.vbpr import VBPR
from recbole_slmrec.names import did_you_mean

_OURS = (
    *(SLMRec, MMLightGCN, MMGCN, VBPR, MMBPR, ContentKNN),
    *(FREEDOM, LATTICE, BM3, MGCN, LGMRec, SMORE),
)
MODELS: dict[str, type] = {model.__name__: model for model in _OURS}

CORRECTED = ("Pop", "Random")
"""RecBole's models with a fault mended; to import one of RecBole's imports them all."""

# RecBole writes the names of their files small.
_OF_OTHER_PACKAGES = ("XGBoost", "LightGBM")

_RECBOLE_PROPERTIES = Path(recbole.__file__).parent / "properties" / "model"


def get_model(name: str) -> type:
    """The model class called ``name``.

    A dotted name, such as ``my_package.MyModel``, is imported; so is one that an installed package
    declares as an entry point ``recbole_slmrec.models``.

    Raises:
        ValueError: if neither this package nor RecBole nor anyone else has it; the message names the
            nearest.
    """
    if name in MODELS:
        return MODELS[name]
    if name in CORRECTED:
        return getattr(importlib.import_module("recbole_slmrec.model.corrected"), name)
    outside = plugins.find(name, plugins.MODELS, AbstractRecommender)
    if outside is not None:
        return outside
    # RecBole's search may import all its sequential models, and its SINE, when imported, switches
    # autograd's anomaly mode on for the whole process: every model would train several times as slowly.
    anomaly_mode = torch.is_anomaly_enabled()
    try:
        return recbole.utils.get_model(name)
    except (ValueError, AttributeError, ImportError):
        # RecBole's search for an unknown name ends with an import of libraries that are optional.
        if name in model_names() or name in _OF_OTHER_PACKAGES:
            raise
        raise ValueError(
            f"there is no model [{name}]{did_you_mean(name, model_names()) or '.'} "
            f"Ours: {', '.join(sorted(MODELS))}; RecBole's are listed in its documentation"
        ) from None
    finally:
        torch.autograd.set_detect_anomaly(anomaly_mode)


def model_names() -> list[str]:
    """Every model: ours, RecBole's that have a file of default settings, and declared ones."""
    recboles = (path.stem for path in _RECBOLE_PROPERTIES.glob("*.yaml"))
    return sorted({*MODELS, *CORRECTED, *recboles, *plugins.entry_point_names(plugins.MODELS)})


def name_of(model_class: type) -> str:
    """The name by which :func:`get_model` finds a class: its own, or a dotted one for any from outside."""
    own = model_class.__name__
    if model_class.__module__.split(".")[0] in ("recbole", "recbole_slmrec"):
        return own
    dotted = f"{model_class.__module__}.{own}"
    plugins.remember(dotted, model_class)
    return dotted
