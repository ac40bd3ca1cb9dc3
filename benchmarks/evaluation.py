"""Full-sort evaluation, with this package's batches of users and with RecBole's default."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
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
    """Evaluates one model in two ways on the test users, in turn.

    Returns:
        ``users``, ``items``; ``ours`` and ``default`` in seconds, and those that ``vectors`` take, which
        are made once for either, and the bare ``product`` of users and items in batches as ours, all
        medians; ``difference``, the largest of all metrics; and ``largest``, the largest metric.
    """
    loaded = Loaded(name, data_path)
    config = loaded.config(MODEL, learning_rate=0.01)
    trainer = get_trainer(config["MODEL_TYPE"], MODEL)(config, loaded.model(config))
    for batch in islice(loaded.batches(config), N_STEPS):
        trainer._train_epoch([batch], 0)
    config = loaded.config(MODEL, eval_batch_size=RECBOLE_DEFAULT)
    one_by_one = FullSortEvalDataLoader(
        config, loaded.test_data._dataset, loaded.test_data._sampler, shuffle=False
    )
    ways = {
        "ours": _Evaluation(trainer, loaded, loaded.test_data),
        "default": _Evaluation(Trainer(config, trainer.model), loaded, one_by_one),
    }
    with torch.no_grad():
        parts = {"vectors": trainer.model.forward, "product": _product(trainer.model, loaded)}
        seconds = medians_in_turn({**ways, **parts}, ROUNDS)
    ours, default = (way.metrics for way in ways.values())
    return {
        "users": loaded.test_data.sample_size,
        "items": loaded.dataset.item_num - 1,
        **seconds,
        "difference": max(abs(ours[metric] - default[metric]) for metric in default),
        "largest": max(default.values()),
    }


def _product(model, loaded: Loaded) -> Callable[[], None]:
    """The product of the users of each batch with all items, and nothing else."""
    users, items = model.forward()
    batches = [batch[0][model.USER_ID] for batch in loaded.test_data]

    def run() -> None:
        for batch in batches:
            items @ users[batch].T

    return run


class _Evaluation:
    """A trainer's evaluation on a loader; its last ``metrics``."""

    def __init__(self, trainer: Trainer, loaded: Loaded, test_data):
        self.trainer, self.test_data = trainer, test_data
        trainer.eval_collector.data_collect(loaded.train_data)

    def __call__(self) -> None:
        self.metrics = self.trainer.evaluate(self.test_data, load_best_model=False)
