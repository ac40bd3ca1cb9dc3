"""Full-sort evaluation, with this package's batches of users and with RecBole's default."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Callable

import torch
from recbole.data.dataloader import FullSortEvalDataLoader
from recbole.trainer import Trainer

from benchmarks.loaded import Loaded
from benchmarks.timing import medians_in_turn
from recbole_slmrec.training.trainer import get_trainer

# BPR learns the popularity that generated sets have, so that the metrics compared are not all zero.
MODEL = "MMLightGCN"
N_STEPS = 50
ROUNDS = 5
RECBOLE_DEFAULT = 4096


def measure(name: str, data_path: Path) -> dict[str, float]:
    """Evaluates one model twice on the test users.

    Returns:
        ``users``, ``items``; ``ours`` and ``default`` in seconds, and those that ``vectors`` take, which
        are made once for either, and the bare ``product`` of users and items in batches as ours;
        ``difference``, the largest of all metrics; and ``largest``, the largest metric.
    """
    loaded = Loaded(name, data_path)
    config = loaded.config(MODEL, learning_rate=0.01)
    trainer = get_trainer(config["MODEL_TYPE"], MODEL)(config, loaded.model(config))
    for batch in islice(loaded.batches(config), N_STEPS):
        trainer._train_epoch([batch], 0)
    ours, ours_seconds = _evaluated(trainer, loaded, loaded.test_data)

    config = loaded.config(MODEL, eval_batch_size=RECBOLE_DEFAULT)
    one_by_one = FullSortEvalDataLoader(
        config, loaded.test_data._dataset, loaded.test_data._sampler, shuffle=False
    )
    default, default_seconds = _evaluated(Trainer(config, trainer.model), loaded, one_by_one)
    return {
        "users": loaded.test_data.sample_size,
        "items": loaded.dataset.item_num - 1,
        "ours": ours_seconds,
        "default": default_seconds,
        **_parts(trainer.model, loaded.test_data),
        "difference": max(abs(ours[metric] - default[metric]) for metric in default),
        "largest": max(default.values()),
    }


@torch.no_grad()
def _parts(model, test_data) -> dict[str, float]:
    tasks = {"vectors": model.forward, "product": _product(model, test_data)}
    return medians_in_turn(tasks, ROUNDS)


def _product(model, test_data) -> Callable[[], None]:
    """The product of the users of each batch with all items, and nothing else."""
    users, items = model.forward()
    batches = [batch[0][model.USER_ID] for batch in test_data]

    def run() -> None:
        for batch in batches:
            items @ users[batch].T

    return run


def _evaluated(trainer: Trainer, loaded: Loaded, test_data) -> tuple[dict[str, float], float]:
    trainer.eval_collector.data_collect(loaded.train_data)
    start = perf_counter()
    metrics = trainer.evaluate(test_data, load_best_model=False)
    return metrics, perf_counter() - start
