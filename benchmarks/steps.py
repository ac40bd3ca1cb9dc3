"""What a step costs: models of this package, LightGCN, the paper's equations, the floor."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Iterator, Sequence
from unittest.mock import patch

import torch
from recbole.data.interaction import Interaction
from recbole.trainer import Trainer

from benchmarks import floor
from benchmarks.device import device
from benchmarks.loaded import Loaded
from benchmarks.straightforward.slmrec import StraightforwardSLMRec
from benchmarks.timing import medians_in_turn
from recbole_slmrec.training.trainer import get_trainer

N_LAYERS = floor.N_LAYERS

FAC = "SLMRec, FAC"
FAC_AMP = "SLMRec, FAC, enable_amp"
FM = "SLMRec, FM"
FD = "SLMRec, FD"
LIGHTGCN = "LightGCN (RecBole)"
STRAIGHTFORWARD = "SLMRec-FAC, straightforward"
FLOOR = "floor of SLMRec-FAC"

# Without an SSL task, so that the main loss alone differs from that of "SLMRec, none".
_ALONE = {"ssl_task": "none", "exclude_positives": True, "tau": 0.2}

MODELS = {
    "SLMRec, none": ("SLMRec", {"ssl_task": "none"}),
    "SLMRec, all items": ("SLMRec", {**_ALONE, "negatives": "all"}),
    "SLMRec, 4,096 drawn items": (
        "SLMRec",
        {**_ALONE, "negatives": "uniform", "n_negatives": 4096},
    ),
    FAC: ("SLMRec", {"ssl_task": "FAC"}),
    FAC_AMP: ("SLMRec", {"ssl_task": "FAC", "enable_amp": True}),
    FM: ("SLMRec", {"ssl_task": "FM"}),
    FD: ("SLMRec", {"ssl_task": "FD", "fd_level": "feature"}),
    "SLMRec, FM+FD": ("SLMRec", {"ssl_task": "FM+FD", "fd_level": "feature"}),
    "SLMRec, ED": ("SLMRec", {"ssl_task": "ED"}),
    "SLMRec, ND": ("SLMRec", {"ssl_task": "ND"}),
    "SLMRec, RW": ("SLMRec", {"ssl_task": "RW"}),
    "MMLightGCN": ("MMLightGCN", {}),
    "VBPR": ("VBPR", {}),
    "MMGCN": ("MMGCN", {}),
    LIGHTGCN: ("LightGCN", {}),
}

# Where memory for every model's own copy of the features would be too much to ask.
FEW = (FAC, LIGHTGCN)

# All models that have such a setting get the same.
_COMMON = {"embedding_size": 64, "train_batch_size": 2048}

# As the paper has it: a case says in what it differs.
_PAPER = {
    "negatives": "in_batch",
    "exclude_positives": False,
    "tau": 0.2,
    "score": "dot",
    "popularity_weight": 0.0,
    "linear_weight": 0.0,
    "cold_share": 0.0,
    "ema_decay": 0.0,
    "tau_ssl": 0.2,
}
_LAYERED = ("SLMRec", "MMLightGCN", "LightGCN")


class Case:
    """A model in training, one batch at a time.

    Args:
        trainer: its trainer.
        batches: its batches.
    """

    def __init__(self, trainer: Trainer, batches: Iterator[Interaction]):
        self.trainer, self.batches = trainer, batches

    def fetch(self) -> None:
        """Takes the next batch from the loader, which samples its negatives where it has some."""
        self.batch = next(self.batches)

    def step(self) -> None:
        """Loss, backward and optimiser on that batch, by RecBole's own loop: what comes before an epoch,
        such as a draw of the graph, is no part of a step."""
        Trainer._train_epoch(self.trainer, [self.batch], 0)


def measure(
    name: str, data_path: Path, rounds: int, models: Sequence[str] = tuple(MODELS)
) -> dict[str, dict]:
    """Times a step of every model on one data set, in turn.

    Returns:
        ``size`` of the data set; ``step`` and ``fetch`` (the loader's part, not in ``step``) by
        model, ``floor`` by kernel, and of ``distinct`` rows the ``similarities``: seconds, medians.
    """
    loaded = Loaded(name, data_path)
    cases = {model: case(loaded, *MODELS[model]) for model in models}
    cases[STRAIGHTFORWARD] = straightforward(loaded, cases[FAC], StraightforwardSLMRec)
    cases[FAC].fetch()
    kernels = floor.kernels(cases[FAC].trainer.model, loaded.dataset, cases[FAC].batch)
    tasks = tasks_of(cases)
    tasks.update({("floor", kernel): run for kernel, run in kernels.items()})
    similarities = floor.distinct_similarities(cases[FAC].trainer.model, cases[FAC].batch)
    tasks["distinct", "similarities"] = similarities
    return {"size": loaded.size(), **seconds_in_turn(tasks, rounds)}


def tasks_of(cases: dict[str, Case]) -> dict[tuple[str, str], Callable[[], None]]:
    """A batch and a step of each case, by ``fetch`` or ``step`` and its name."""
    tasks = {}
    for name, each in cases.items():
        tasks["fetch", name] = each.fetch
        tasks["step", name] = each.step
    return tasks


def seconds_in_turn(
    tasks: dict[tuple[str, str], Callable[[], None]], rounds: int
) -> dict[str, dict[str, float]]:
    """Medians in seconds, by kind and then by name, of tasks by kind and name."""
    measured: dict[str, dict[str, float]] = {kind: {} for kind, _ in tasks}
    for (kind, name), seconds in medians_in_turn(tasks, rounds).items():
        measured[kind][name] = seconds
    return measured


def case(loaded: Loaded, model: str, settings: dict) -> Case:
    """A model of this package's or RecBole's, ready to train."""
    config = loaded.config(model, **{**common_settings(model), **settings})
    trainer = get_trainer(config["MODEL_TYPE"], model)(config, loaded.model(config))
    return Case(trainer, loaded.batches(config))


def common_settings(model: str) -> dict:
    """The settings that are the same for all models that have them."""
    layers = {"n_layers": N_LAYERS} if model in _LAYERED else {}
    return {**_COMMON, **layers, **(_PAPER if model == "SLMRec" else {})}


def straightforward(loaded: Loaded, ours: Case, plain_class: type[torch.nn.Module]) -> Case:
    """A straightforward model with the parameters of ``ours``, by RecBole's trainer and plain Adam.

    Raises:
        RuntimeError: if the two losses of one batch differ.
    """
    config, model = ours.trainer.config, ours.trainer.model
    model.start_epoch()
    plain = plain_class(model, config, loaded.dataset).to(device())
    batch = next(loaded.batches(config)).to(device())
    losses = _loss(model, batch), _loss(plain, batch)
    if abs(losses[0] - losses[1]) > 1e-4 * abs(losses[1]):
        name = plain_class.__name__
        raise RuntimeError(f"the {name} has the loss {losses[1]}, not {losses[0]}")
    return Case(Trainer(config, plain), loaded.batches(config))


def _loss(model: torch.nn.Module, batch: Interaction) -> float:
    # Two models would drop out other entries.
    with torch.no_grad(), patch.object(model, "dropout_rate", 0, create=True):
        losses = model.calculate_loss(batch)
    return float(sum(losses) if isinstance(losses, tuple) else losses)
