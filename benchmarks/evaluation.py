"""Full-sort evaluation, with this package's batches of users and with RecBole's default."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from time import perf_counter

from recbole.data.dataloader import FullSortEvalDataLoader
from recbole.trainer import Trainer

from benchmarks.loaded import Loaded
from recbole_slmrec.training.trainer import get_trainer

# BPR learns the popularity that generated sets have, so that the metrics compared are not all zero.
MODEL = "MMLightGCN"
N_STEPS = 50
RECBOLE_DEFAULT = 4096


def measure(name: str, data_path: Path) -> dict[str, float]:
    """Evaluates one model twice on the test users.

    Returns:
        ``users``, ``items``; ``ours`` and ``default`` in seconds; ``difference``, the largest of
        all metrics; and ``largest``, the largest metric.
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
        "difference": max(abs(ours[metric] - default[metric]) for metric in default),
        "largest": max(default.values()),
    }


def _evaluated(trainer: Trainer, loaded: Loaded, test_data) -> tuple[dict[str, float], float]:
    trainer.eval_collector.data_collect(loaded.train_data)
    start = perf_counter()
    metrics = trainer.evaluate(test_data, load_best_model=False)
    return metrics, perf_counter() - start
