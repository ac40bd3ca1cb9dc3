"""One trial: train with some parameters and look at validation, never at test."""

from __future__ import annotations

import json
from time import perf_counter
from typing import Any, Callable

import torch

from recbole_slmrec.config import Config
from recbole_slmrec.quick_start import build_model, load_data
from recbole_slmrec.training.trainer import get_trainer
from recbole_slmrec.tune.trials import Trial

# What RecBole's trainer says when the loss is no number: too high a learning rate, most often.
_DIVERGED = "loss is nan"


def train(
    settings: dict[str, Any],
    parameters: dict[str, Any],
    on_validation: Callable[[Trial], None] | None = None,
) -> Trial:
    """Trains with ``parameters`` on top of ``settings``.

    Args:
        settings: the fixed settings, with ``model`` and ``dataset``.
        parameters: the tuned ones.
        on_validation: called after each validation with the trial as it stands.

    Returns:
        The trial; one with an ``error`` and no score if the loss was no number, or a GPU's memory
        did not suffice.

    Raises:
        ValueError, FileNotFoundError: as :func:`recbole_slmrec.quick_start.run`, and where the
            settings leave nothing to judge by.
    """
    start = perf_counter()
    # Hyperopt turns the lists among the values into tuples.
    parameters = json.loads(json.dumps(parameters))
    config = Config(settings["model"], settings["dataset"], config_dict={**settings, **parameters})
    train_data, valid_data, _ = load_data(config)
    model = build_model(config, train_data)
    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)

    def state(error: str | None = None) -> Trial:
        return Trial(
            parameters,
            score=None if error else float(trainer.best_valid_score),
            valid_result={k: float(v) for k, v in (trainer.best_valid_result or {}).items()},
            epochs=len(trainer.epoch_seconds),
            seconds=round(perf_counter() - start, 3),
            error=error,
        )

    # RecBole's trainers of decision trees take no callback.
    callback = {"callback_fn": lambda *_: on_validation(state())} if on_validation else {}
    try:
        trainer.fit(
            train_data, valid_data, saved=False, show_progress=config["show_progress"], **callback
        )
    except ValueError as error:
        if _DIVERGED not in str(error):
            raise
        return state(error=str(error))
    except torch.cuda.OutOfMemoryError:
        return state(error="the GPU's memory does not suffice")
    finally:
        # Its thread would outlive the trial.
        trainer.tensorboard.close()
    if not trainer.best_valid_result:
        raise ValueError(
            "no epoch was validated, so there is nothing to compare trials by: "
            "epochs and eval_step must be above 0"
        )
    return state()
