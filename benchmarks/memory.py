"""Peak memory of a training run, each in its own process."""

from __future__ import annotations

import re
from pathlib import Path

import torch

from benchmarks import steps
from benchmarks.device import device
from benchmarks.loaded import quiet
from benchmarks.process import in_own_process
from recbole_slmrec import quick_start
from recbole_slmrec.config import Config
from recbole_slmrec.training.trainer import get_trainer

N_STEPS = 3
STATUS = Path("/proc/self/status")


def measure(name: str, data_path: Path) -> dict[str, dict[str, int]]:
    """Peaks of SLMRec-FAC and LightGCN by model: ``peak`` and ``propagated`` features, in bytes.

    Nothing where the system does not tell a process its peak, as only Linux does.
    """
    if not STATUS.is_file():
        return {}
    return {
        model: in_own_process(_run, name, str(data_path), *steps.MODELS[model])[0]
        for model in (steps.FAC, steps.LIGHTGCN)
    }


def _run(name: str, data_path: str, model: str, settings: dict) -> dict[str, int]:
    """Loads, builds and trains some steps."""
    config = Config(
        model,
        name,
        config_dict={
            # From a file, only the pages that are used would count.
            "keep_propagated": False,
            **quiet(), "data_path": data_path, **steps.common_settings(model), **settings,
        },
    )  # fmt: skip
    train_data, *_ = quick_start.load_data(config)
    built = quick_start.build_model(config, train_data)
    trainer = get_trainer(config["MODEL_TYPE"], model)(config, built)
    batches = iter(train_data)
    for _ in range(N_STEPS):
        trainer._train_epoch([next(batches)], 0)
    return {"peak": peak(), "propagated": _propagated_features(built)}


def peak() -> int:
    """The most memory held so far, in bytes: on a GPU, or resident in this process, as Linux tells."""
    if device().type == "cuda":
        return torch.cuda.max_memory_allocated()
    # Not resource.getrusage, whose peak is inherited from the parent process.
    return 1024 * int(re.search(r"VmHWM:\s*(\d+) kB", STATUS.read_text())[1])


def _propagated_features(model) -> int:
    """Bytes of the item features that the encoder keeps in propagated form."""
    if not hasattr(model, "encoder"):
        return 0
    kept = model.encoder.content.named_buffers()
    return sum(table.nbytes for name, table in kept if not name.endswith(".features.on_device"))
