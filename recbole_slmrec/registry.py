"""Models by name: ours first, RecBole's after that, so that every model runs through the same door."""

from __future__ import annotations

from pathlib import Path

import recbole
import recbole.utils
import torch

from recbole_slmrec.model.corrected import Pop, Random
from recbole_slmrec.model.mmbpr import MMBPR
from recbole_slmrec.model.mmgcn import MMGCN
from recbole_slmrec.model.mmlightgcn import MMLightGCN
from recbole_slmrec.model.slmrec import SLMRec
from recbole_slmrec.model.vbpr import VBPR
from recbole_slmrec.names import did_you_mean

MODELS: dict[str, type] = {
    model.__name__: model for model in (SLMRec, MMLightGCN, MMGCN, VBPR, MMBPR)
}

CORRECTED: dict[str, type] = {model.__name__: model for model in (Pop, Random)}
"""RecBole's models, with a fault mended."""

# RecBole writes the names of their files small.
_OF_OTHER_PACKAGES = ("XGBoost", "LightGBM")

_RECBOLE_PROPERTIES = Path(recbole.__file__).parent / "properties" / "model"


def get_model(name: str) -> type:
    """The model class called ``name``.

    Raises:
        ValueError: if neither this package nor RecBole has it; the message names the nearest.
    """
    for models in (MODELS, CORRECTED):
        if name in models:
            return models[name]
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
    """Every model, ours and RecBole's; of the latter those that have a file of default settings."""
    return sorted({*MODELS, *CORRECTED, *(path.stem for path in _RECBOLE_PROPERTIES.glob("*.yaml"))})
