"""Whether the processes of a run hold their tables by columns, or each holds them whole."""

from __future__ import annotations

import torch.distributed as dist
from torch import nn

from recbole_slmrec.model.backbone import MultimodalLightGCN
from recbole_slmrec.model.ssl import NO_TASK, SSL_TASKS
from recbole_slmrec.processes import parallel
from recbole_slmrec.registry import MODELS, get_model


def decide(config) -> None:
    """Has the processes of a run share one batch where they can hold the tables by columns.

    Args:
        config: of the run, in one of its processes, before its data are loaded.
    """
    parallel.share_one_batch(not config["single_spec"] and obstacle(config) is None)


def obstacle(config) -> str | None:
    """Why a run's processes cannot hold tables by columns; None if they can.

    Args:
        config: of the run, in one of its processes.
    """
    model_class = get_model(config["model"])
    if model_class not in MODELS.values() or not issubclass(model_class, MultimodalLightGCN):
        return f"{config['model']} is not made of columns that are propagated each by itself"
    task = config["ssl_task"] or NO_TASK
    if task not in (*SSL_TASKS, NO_TASK, "auto"):
        return f"the SSL task {task} is from outside and may need whole tables"
    if config["embedding_size"] < config["world_size"]:
        return f"embedding_size {config['embedding_size']} is less than the number of processes"
    if config["gather_negatives"] is False:
        return "gather_negatives: False contrasts each process's batch by itself"
    if config["clip_grad_norm"]:
        return "clip_grad_norm clips the gradient of whole tables"
    if config["enable_scaler"]:
        return "enable_scaler scales the gradient of whole tables"
    modes = {config["eval_args"]["mode"][split] for split in ("valid", "test")}
    if not modes <= {"full", "labeled"}:
        return "evaluation draws the items that it ranks, in each process others"
    return None


def said(config, model: nn.Module) -> str | None:
    """Who holds the tables, for the log; None in a single process."""
    if config["single_spec"]:
        return None
    if not parallel.one_batch():
        return f"replicated in {dist.get_world_size()} processes: {obstacle(config)}"
    columns = model.columns_held
    sizes = sorted(set(columns.sizes))
    each = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} or {sizes[-1]}"
    return (
        f"sharded by columns over {len(columns.sizes)} processes, {each} of {columns.width} in each"
    )
