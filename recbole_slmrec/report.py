"""What a run says of itself: the summary at its start and the table at its end."""

from __future__ import annotations

import platform
from logging import FileHandler, Logger
from typing import Sequence

import numpy as np
import pandas as pd
import recbole
import torch
from recbole.utils import ModelType
from texttable import Texttable

from recbole_slmrec.data.modality import DenseModality, Modality
from recbole_slmrec.graph import dgl_kernels
from recbole_slmrec.graph.product import backend_of_sums, resolve_backend
from recbole_slmrec.model.slmrec import SLMRec
from recbole_slmrec.model.validated import ValidatedWeight, free_weights
from recbole_slmrec.processes import sharding
from recbole_slmrec.registry import MODELS
from recbole_slmrec.settings import model_defaults

_NEGATIVES = {
    "in_batch": "the batch's items",
    "all": "all items",
    "uniform": "{n:,} drawn items",
}
_MASKED = {"seen": "training and validation", "train": "training"}


def versions() -> dict[str, str]:
    """The versions that a result depends on."""
    return {
        "python": platform.python_version(),
        "recbole": recbole.__version__,
        "torch": str(torch.__version__),
        "dgl": dgl_kernels.version(),
        "numpy": np.__version__,
        "pandas": pd.__version__,
    }


def log_to_file(logger: Logger, message: str) -> None:
    """Writes ``message`` to the log file only: too long to read on a screen, needed to repeat a run."""
    record = logger.makeRecord(logger.name, 20, __file__, 0, message, (), None)
    for handler in logger.handlers:
        if isinstance(handler, FileHandler):
            handler.handle(record)


def start_up(config, model, train_data, valid_data, test_data) -> str:
    """A summary that a person can read: data, modalities, graph, parameters, changed settings."""
    dataset = train_data._dataset
    sizes = [len(data._dataset) for data in (train_data, valid_data, test_data)]
    lines = {
        "data": (
            f"{dataset.user_num - 1:,} users, {dataset.item_num - 1:,} items; interactions: "
            f"{sizes[0]:,} training, {sizes[1]:,} validation, {sizes[2]:,} test"
        )
    }
    if type(model) in MODELS.values():
        lines["modalities"] = _modalities(config, dataset)
    if "graph_backend" in model_defaults(config["model"]):
        lines["graph"] = _graph(config, dataset)
    if isinstance(model, SLMRec):
        lines["losses"] = _losses(config)
        lines["score"] = _score(model)
    n_parameters = sum(p.numel() for p in model.parameters() if p.requires_grad)
    tables = sharding.said(config, model)
    if tables is not None:
        lines["tables"] = tables
    lines["parameters"] = f"{n_parameters:,} trainable, on {config['device']}"
    lines["evaluation"] = (
        f"{config['valid_metric']} on validation picks the epoch; test ranks {ranked(config)}"
    )
    changed = config.changed()
    lines["changed"] = (
        ", ".join(f"{key}={value}" for key, value in changed.items()) or "nothing, all defaults"
    )
    return "\n".join(
        [f"{config['model']} on {config['dataset']}"]
        + [f"  {name:<11} {text}" for name, text in lines.items()]
    )


def ranked(settings) -> str:
    """What the test of a run ranks, in words; from its settings as they are or as a run keeps them."""
    mode = settings["eval_args"]["mode"]["test"]
    if mode == "labeled":
        return "nothing, it compares single scores with labels"
    if mode != "full":
        return f"test items among sampled ones ({mode})"
    # RecBole masks nothing for sequential models, in which a user may take an item again.
    if settings["MODEL_TYPE"] in (ModelType.SEQUENTIAL, ModelType.SEQUENTIAL.value):
        return "all items"
    return f"all items but those of the user's {_MASKED[settings['test_mask']]} interactions"


def _modalities(config, dataset) -> str:
    modalities = [
        f"{modality.name}: {_width(modality)}, {modality.missing:,} missing"
        for modality in dataset.item_modalities
    ]
    if "embedding_size" in model_defaults(config["model"]):
        modalities.append(f"id: {config['embedding_size']} trainable")
    return "; ".join(modalities)


def _graph(config, dataset) -> str:
    users, items = (dataset.inter_feat[f].numpy() for f in (dataset.uid_field, dataset.iid_field))
    n_edges = len(np.unique(users * dataset.item_num + items))
    n_users, n_items = len(np.unique(users)), len(np.unique(items))
    weights = [f"{config[key]} {key}" for key in ("adjacency", "aggregation") if key in config]
    backend = resolve_backend if config["aggregation"] == "max" else backend_of_sums
    return (
        f"{n_edges:,} edges, {', '.join([str(config['n_layers']) + ' layers', *weights])}, "
        f"{backend(config['graph_backend'], config['device'])} products; isolated: "
        f"{dataset.user_num - 1 - n_users:,} users, {dataset.item_num - 1 - n_items:,} items"
    )


def _losses(config) -> str:
    parts = [f"main {config['main_loss']}"]
    if config["main_loss"] == "info_nce":
        among = _NEGATIVES[config["negatives"]].format(n=config["n_negatives"])
        positives = "without the user's other items" if config["exclude_positives"] else ""
        parts[0] += f" over {among} {positives}".rstrip()
    if config["main_loss"] in ("info_nce", "sampled"):
        parts.append(f"temperature {config['tau']}")
    return f"{', '.join(parts)}; SSL {config['ssl_task']}"


def _score(model: SLMRec) -> str:
    parts = [{"cosine": "cosine", "dot": "inner product"}[model.score]]
    if model.popularity is not None:
        parts[0] += f" and popularity, weight {_weight(model.popularity)}"
    if model.smoothing is not None:
        n_edges = len(model.smoothing.graph.sums.columns)
        parts.append(f"items smoothed over {n_edges:,} edges among them")
    if model.linear is not None:
        part = model.linear
        parts.append(
            f"plus a linear part ({' or '.join(map(str, part.forms))}), weight {_weight(part)} in "
            f"deviations, rank {part.chosen.rank:,}, L2 weight "
            f"{' or '.join(f'{form.reg:.4g}' for form in part.forms)}"
        )
    if model.cold is not None and model.cold.n_cold:
        parts.append(f"{model.cold.n_cold:,} items without interactions by content")
    return ", ".join(parts)


def _weight(part: ValidatedWeight) -> str:
    return "as validation says" if part.free else f"{part.weight:g}"


def _width(modality: Modality) -> str:
    if isinstance(modality, DenseModality):
        return f"{modality.features.shape[1]} columns"
    return f"lists of {modality.n_words:,} words"


def chosen_weights(model: torch.nn.Module) -> str:
    """What validation has chosen, as a line; empty if it chooses nothing of this model."""
    weights = [f"{name} {part}" for name, part in free_weights(model).items()]
    return f"Weights in the score that validation chose: {', '.join(weights)}" if weights else ""


def final_table(results: dict[str, dict[str, float] | None]) -> str:
    """Splits side by side, a metric a row.

    Args:
        results: metrics by the name of their split; None where there are none.
    """
    metrics = dict.fromkeys(metric for result in results.values() for metric in result or {})
    rows = [[metric, *((r or {}).get(metric, "") for r in results.values())] for metric in metrics]
    return table(["metric", *results], rows)


def table(header: Sequence[str], rows: Sequence[Sequence]) -> str:
    """A plain text table: the first column left, the others right; floats with 4 decimals."""
    drawn = Texttable(max_width=0)
    drawn.set_deco(Texttable.HEADER)
    drawn.set_cols_align(["l"] + ["r"] * (len(header) - 1))
    drawn.set_cols_dtype(["t"] * len(header))
    drawn.add_rows([list(header), *([_cell(cell) for cell in row] for row in rows)])
    return drawn.draw()


def _cell(value) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
