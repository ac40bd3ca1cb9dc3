"""Models by name: ours first, RecBole's after that, so that every model runs through the same door."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

import recbole
import recbole.utils
import torch

from recbole_slmrec.model.mmbpr import MMBPR
from recbole_slmrec.model.mmgcn import MMGCN
from recbole_slmrec.model.mmlightgcn import MMLightGCN
from recbole_slmrec.model.slmrec import SLMRec
from recbole_slmrec.model.vbpr import VBPR
from recbole_slmrec.names import did_you_mean

MODELS: dict[str, type] = {
    model.__name__: model for model in (SLMRec, MMLightGCN, MMGCN, VBPR, MMBPR)
}

_RECBOLE_PROPERTIES = Path(recbole.__file__).parent / "properties" / "model"


def get_model(name: str) -> type:
    """The model class called ``name``.

    Raises:
        ValueError: if neither this package nor RecBole has it; the message names the nearest.
    """
    if name in MODELS:
        return MODELS[name]
    try:
        with anomaly_mode_kept():
            return recbole.utils.get_model(name)
    except (ValueError, AttributeError, ImportError):
        # RecBole's search for an unknown name ends with an import of libraries that are optional.
        if name in model_names():
            raise
        raise ValueError(
            f"there is no model [{name}]{did_you_mean(name, model_names())}. "
            f"Ours: {', '.join(sorted(MODELS))}; RecBole's are listed in its documentation"
        ) from None


@contextmanager
def anomaly_mode_kept() -> Iterator[None]:
    """Leaves autograd's anomaly mode as it was.

    RecBole's search for a model may import all its sequential ones, and its SINE switches that mode on
    for the whole process when it is imported: every model would train several times as slowly.
    """
    enabled = torch.is_anomaly_enabled()
    try:
        yield
    finally:
        torch.autograd.set_detect_anomaly(enabled)


def model_names() -> list[str]:
    """Every model that has a file of default settings, ours and RecBole's."""
    return sorted({*MODELS, *(path.stem for path in _RECBOLE_PROPERTIES.glob("*.yaml"))})
