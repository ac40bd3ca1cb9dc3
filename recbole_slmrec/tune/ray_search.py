"""A search with Ray Tune: trials side by side, poor ones stopped early (ASHA)."""

from __future__ import annotations

import json
import logging
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Callable

import ray
from ray import tune
from ray.air import session
from ray.tune.schedulers import ASHAScheduler

import recbole_slmrec
from recbole_slmrec.compat import ray_without_syncer
from recbole_slmrec.config import Config
from recbole_slmrec.quick_start import load_data
from recbole_slmrec.tune.objective import train
from recbole_slmrec.tune.progress import Progress
from recbole_slmrec.tune.space import draw_all
from recbole_slmrec.tune.task import Task
from recbole_slmrec.tune.trials import Trial, TrialLog

# Validations that every trial gets before it may be stopped.
_GRACE_PERIOD = 5

_ENVIRONMENT = {
    # Ctrl-C ends the search; Ray would end its trials only and let the rest go on.
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    # A trial whose loss is no number reports no score.
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    # The former output of Ray can be switched off.
    "RAY_AIR_NEW_OUTPUT": "0",
    # Ray gives up after 30 seconds, in which a busy machine with few cores does not start it.
    "RAY_agent_register_timeout_ms": "300000",
}


def ray_search(
    task: Task,
    log: TrialLog,
    num_samples: int,
    cpus_per_trial: int,
    gpus_per_trial: float,
    visible_gpus: str | None,
    address: str | None,
    folder: Path,
    say: Callable[[str], None],
) -> None:
    """Makes the trials that are not in ``log`` yet, as many at once as the machines take.

    Args:
        task: what is tuned.
        log: the finished trials, and where new ones are kept.
        num_samples: how many combinations to draw at random, each at most once.
        cpus_per_trial: CPU cores of a trial.
        gpus_per_trial: GPUs of a trial; a share such as 0.5 lets trials have one in common.
        visible_gpus: GPUs of this machine to use, as in CUDA_VISIBLE_DEVICES; all if None.
        address: of a Ray cluster; None for this machine.
        folder: Ray's own files go to ``ray`` in it.
        say: called with a line for each trial.

    Raises:
        ValueError: if this machine has too little for one trial, or for a trial's settings.
    """
    drawn = draw_all(task.space, num_samples, task.seed)
    # As JSON, because Ray would look into lists and dicts for search spaces of its own.
    waiting = [json.dumps(parameters) for parameters in drawn if not log.get(parameters)]
    progress = Progress(task, log, len(drawn), say)
    for _ in range(len(drawn) - len(waiting)):
        progress.known()
    if not waiting:
        return
    # Once here: a data set that is missing is fetched, or missed, before trials need it.
    load_data(Config(task.settings["model"], task.settings["dataset"], config_dict=task.settings))
    os.environ.update(_ENVIRONMENT)
    # RecBole's Config has hidden all GPUs but the first from this process.
    os.environ.pop("CUDA_VISIBLE_DEVICES", None)
    if visible_gpus is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = str(visible_gpus).strip("()").replace(" ", "")
    _start(address, cpus_per_trial, gpus_per_trial)
    n_validations = max(task.n_validations, 1)
    listener = _Listener(progress)
    try:
        tune.run(
            tune.with_parameters(_trainable, settings=task.settings),
            name="ray",
            config={"parameters": tune.grid_search(waiting)},
            metric="score",
            mode="max" if task.bigger else "min",
            scheduler=ASHAScheduler(
                max_t=n_validations,
                grace_period=min(_GRACE_PERIOD, n_validations),
                reduction_factor=2,
            ),
            resources_per_trial={"cpu": cpus_per_trial, "gpu": gpus_per_trial},
            storage_path=str(folder.resolve()),
            **ray_without_syncer(tune),
            trial_dirname_creator=lambda trial: trial.trial_id,
            callbacks=[listener],
            verbose=0,
        )
    except tune.TuneError:
        if listener.refusal:
            raise ValueError(listener.refusal) from None
        raise
    finally:
        ray.shutdown()


def _start(address: str | None, cpus: int, gpus: float) -> None:
    top = Path(recbole_slmrec.__file__).resolve().parent.parent
    python_path = os.pathsep.join(filter(None, [str(top), os.environ.get("PYTHONPATH")]))
    ray.init(
        address=address,
        log_to_driver=False,
        logging_level=logging.WARNING,
        runtime_env={"env_vars": {"PYTHONPATH": python_path}},
    )
    # It would miss the files of the loggers that are switched off.
    logging.getLogger("ray.tune.analysis").setLevel(logging.ERROR)
    there = ray.cluster_resources()
    # A cluster may grow; this machine does not, and Ray would wait for ever.
    if not address and (cpus > there.get("CPU", 0) or gpus > there.get("GPU", 0)):
        ray.shutdown()
        raise ValueError(
            f"a trial is to have {cpus} CPUs and {gpus:g} GPUs, but this machine has "
            f"{there.get('CPU', 0):g} and {there.get('GPU', 0):g}: "
            "lower --cpus_per_trial or --gpus_per_trial"
        )


def _trainable(config: dict, settings: dict) -> None:
    # RecBole's Config would read the arguments of Ray's worker, and take GPU 0 whatever Ray has
    # given to this trial.
    sys.argv = sys.argv[:1]
    gpus = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    settings = {**settings, "gpu_id": tuple(gpus.split(","))}
    try:
        trial = train(settings, json.loads(config["parameters"]), on_validation=_report)
    except (ValueError, OSError) as error:
        session.report({"refusal": str(error)})
        return
    if trial.error:
        _report(trial)


def _report(trial: Trial) -> None:
    score = {} if trial.score is None else {"score": trial.score}
    session.report({**score, "trial": json.dumps(asdict(trial))})


class _Listener(tune.Callback):
    """Keeps the trials that Ray finishes or stops."""

    def __init__(self, progress: Progress):
        self._progress = progress
        self.refusal: str | None = None

    def on_trial_result(self, iteration, trials, trial, result, **info):
        if "refusal" in result:
            # Ends the search: the other trials would be refused as well.
            self.refusal = result["refusal"]
            raise ValueError(self.refusal)

    def on_trial_complete(self, iteration, trials, trial, **info):
        self._progress.finished(Trial(**json.loads(trial.last_result["trial"])))
