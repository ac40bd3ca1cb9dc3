"""A whole run: configuration, data set, model, trainer, result. The only place that knows the order."""

from __future__ import annotations

import logging
import secrets
import sys
from logging import getLogger
from pathlib import Path
from typing import Any

import torch
from recbole.data import create_dataset
from recbole.data.transform import construct_transform
from recbole.data.utils import get_dataloader
from recbole.utils import get_flops, init_logger, init_seed

from recbole_slmrec import plugins, report
from recbole_slmrec.config import Config
from recbole_slmrec.data import samplers
from recbole_slmrec.data.everything import everything_for_training
from recbole_slmrec.data.files import make_folder, named_by
from recbole_slmrec.data.find import find_dataset
from recbole_slmrec.data.fingerprint import differences, fingerprint
from recbole_slmrec.data.mask import ranking_all_but_training_items
from recbole_slmrec.effect import without_effect
from recbole_slmrec.evaluation import metrics
from recbole_slmrec.processes import group, parallel, sharding
from recbole_slmrec.registry import get_model
from recbole_slmrec.settings import data_seed, model_defaults
from recbole_slmrec.training import outside
from recbole_slmrec.training.checkpoint import in_todays_names, load_checkpoint
from recbole_slmrec.training.trainer import get_trainer

# Scores held at a time in full-sort evaluation, 64 MiB of float32, and those in a cache line.
_SCORES_PER_BATCH, _SCORES_PER_LINE = 2**24, 16


def run(
    model: str | None = None,
    dataset: str | None = None,
    config_file_list: list[str] | None = None,
    config_dict: dict[str, Any] | None = None,
    saved: bool = True,
    nproc: int = 1,
    world_size: int = -1,
    ip: str = "localhost",
    port: str = "5678",
    group_offset: int = 0,
) -> dict[str, Any]:
    """Trains and evaluates a model, ours or RecBole's: the signature is that of RecBole's ``run``.

    Args:
        model: name of the model, such as ``SLMRec`` or ``LightGCN``.
        dataset: name of the data set, such as ``tiktok`` or ``ml-100k``.
        config_file_list: YAML files of settings.
        config_dict: settings; they win over the files.
        saved: whether to keep the best checkpoint.
        nproc: processes on this machine: each on a CUDA device of its own, or all on the CPU.
        world_size: processes on all machines; ``nproc`` by default.
        ip: address of the first machine.
        port: its port.
        group_offset: rank of this machine's first process.

    Returns:
        RecBole's result (``best_valid_score``, ``valid_score_bigger``, ``best_valid_result``,
        ``test_result``) with ``model``, ``checkpoint`` (a path, None if not saved) and
        ``seconds_per_epoch`` (mean time to train one, in seconds).

    Raises:
        ValueError: for settings or data that do not fit; the message says which and what to do.
        FileNotFoundError: for a data set, config file or checkpoint that is not there.
    """
    arguments = {
        "model": model,
        "dataset": dataset,
        "config_file_list": config_file_list,
        "config_dict": config_dict,
        "saved": saved,
    }
    if nproc == 1 and world_size <= 1:
        return _run(**arguments)
    processes = {
        "nproc": nproc,
        "world_size": world_size if world_size > 0 else nproc,
        "ip": ip,
        "port": port,
        "offset": group_offset,
    }
    if isinstance(model, str):
        # A class from outside is known here as well from now on, not in the processes alone.
        get_model(model)
    return group.spawn(_run, arguments, processes)


def _run(model, dataset, config_file_list, config_dict, saved) -> dict[str, Any]:
    return train(Config(model, dataset, config_file_list, config_dict), saved)[0]


def train(config: Config, saved: bool = True):
    """Trains and evaluates one configuration in this process.

    Returns:
        The result, as :func:`run`; the trainer, which knows the course of training; and the loaders
        of training, validation and test.
    """
    sharding.decide(config)
    train_data, valid_data, test_data = load_data(config)
    model = build_model(config, train_data)
    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
    logger = getLogger()
    notices = without_effect(config, model, train_data)
    config.note_without_effect(key for key, _ in notices if key)
    for _, sentence in notices:
        logger.warning(sentence)
    logger.info(report.start_up(config, model, train_data, valid_data, test_data))
    if config["flops"]:
        transform = construct_transform(config)
        flops = get_flops(model, train_data._dataset, config["device"], logger, transform)
        logger.info(f"FLOPs of one prediction: {flops:,.0f}")

    if config["resume"]:
        trainer.resume_checkpoint(config["resume"])
    best_valid_score, best_valid_result = trainer.fit(
        train_data, valid_data, saved=saved, show_progress=config["show_progress"]
    )
    test_result = trainer.evaluate(
        test_data, load_best_model=saved, show_progress=config["show_progress"]
    )
    chosen = report.chosen_weights(model)
    if chosen and best_valid_result:
        logger.info(chosen)
    splits = {"validation": best_valid_result, "test": test_result}
    logger.info("Result\n" + report.final_table(splits))
    if saved:
        logger.info(f"Checkpoint: {trainer.saved_model_file}")
    result = {
        "model": config["model"],
        "best_valid_score": best_valid_score,
        "valid_score_bigger": config["valid_metric_bigger"],
        "best_valid_result": best_valid_result,
        "test_result": test_result,
        "checkpoint": trainer.saved_model_file if saved else None,
        "seconds_per_epoch": sum(trainer.epoch_seconds) / max(len(trainer.epoch_seconds), 1),
    }
    return result, trainer, (train_data, valid_data, test_data)


def load_data_and_model(model_file: str, config_dict: dict[str, Any] | None = None):
    """Loads a checkpoint with the data that it was trained on.

    Args:
        model_file: a checkpoint of this package.
        config_dict: settings that are other than the run's, such as ``data_path``.

    Returns:
        ``(config, model, dataset, train_data, valid_data, test_data)``, as RecBole's function of that
        name. For a refit, all interactions are training data, and the last two are None.

    Raises:
        FileNotFoundError, ValueError: as :func:`recbole_slmrec.training.checkpoint.load_checkpoint`, and if
            the data set is not the one that the checkpoint was trained on; the message says what
            differs.
    """
    checkpoint = load_checkpoint(model_file)
    if "data" not in checkpoint:
        raise ValueError(
            f"{model_file} is from another version: it does not note the data that it was trained "
            "on. Use the version that wrote it, or train the model anew"
        )
    config = config_of(checkpoint, config_dict or {}, model_file)
    if checkpoint["refit"]:
        train_data, valid_data, test_data = load_everything(config), None, None
    else:
        train_data, valid_data, test_data = load_data(config)
    told = differences(checkpoint["data"], fingerprint(train_data._dataset))
    if told:
        raise ValueError(
            f"{model_file} does not fit the data set [{config['dataset']}], which is another one or "
            f"has changed since: {'; '.join(told)}. Bring the data back, or train the model anew"
        )
    model = build_model(config, train_data)
    try:
        model.load_state_dict(checkpoint["state_dict"])
    except RuntimeError as error:
        raise ValueError(f"{model_file} does not fit its settings: {error}") from None
    model.load_other_parameter(checkpoint["other_parameter"])
    outside.restore(model, checkpoint.get("outside", {}))
    return config, model, train_data._dataset, train_data, valid_data, test_data


def config_of(checkpoint: dict[str, Any], settings: dict[str, Any], path: str | Path) -> Config:
    """The configuration of the run of the checkpoint at ``path``, with ``settings`` on top.

    A model of ours has the settings that it was made with, whatever the defaults have become since.

    Raises:
        ValueError: if one of its settings means something else today, or it names a class from outside.
    """
    model, saved = checkpoint["model"], checkpoint["settings"]
    for setting, name in (("model", model), ("ssl_task", saved.get("ssl_task"))):
        plugins.check_typed(setting, name, settings, str(path))
    saved = {key: saved[key] for key in model_defaults(model) if key in saved}
    defaults = in_todays_names(get_model(model), {**saved, **checkpoint["external"]}, path)
    external = {key: defaults[key] for key in checkpoint["external"]}
    defaults = {key: defaults[key] for key in defaults.keys() - external.keys()}
    return Config(
        model, checkpoint["dataset"], config_dict={**external, **settings}, defaults=defaults
    )


def evaluate(model_file: str) -> dict[str, float]:
    """The metrics of a checkpoint on the test split; settings come from the command line.

    Args:
        model_file: a checkpoint of this package.

    Raises:
        FileNotFoundError, ValueError: as :func:`load_data_and_model`, and for a refit.
    """
    config, model, _, train_data, _, test_data = load_data_and_model(model_file)
    if test_data is None:
        raise ValueError(
            f"{model_file} is a refit: it was trained on the test interactions too, so no metric of "
            "it would mean anything. Evaluate the checkpoint that it was made from"
        )
    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
    trainer.eval_collector.data_collect(train_data)
    return trainer.evaluate(test_data, load_best_model=False, show_progress=config["show_progress"])


def load_data(config: Config):
    """The loaders of training, validation and test."""
    dataset = _load_dataset(config)
    for sentence in metrics.cut_to_catalogue(config, dataset.item_num - 1):
        getLogger().warning(sentence)
    _set_eval_batch_size(config, dataset.item_num)
    train_data, valid_data, test_data = samplers.prepared(config, dataset)
    if parallel.one_batch():
        train_data = _in_one_batch(config, train_data)
    metrics.check_labels(config, valid=valid_data, test=test_data)
    if config["test_mask"] == "train":
        test_data = ranking_all_but_training_items(config, train_data, test_data)
    return train_data, valid_data, test_data


def _in_one_batch(config: Config, train_data):
    """The same training loader, with the batches of a single process in each."""
    with parallel.as_single_process(config):
        loader = get_dataloader(config, "train")
        dataset, sampler = train_data._dataset, train_data._sampler
        return loader(config, dataset, sampler, shuffle=config["shuffle"])


def load_everything(config: Config):
    """A training loader of all interactions, those of validation and test too."""
    return everything_for_training(config, _load_dataset(config))


def build_model(config: Config, train_data) -> torch.nn.Module:
    own_seed = 0 if parallel.one_batch() else config["local_rank"]
    init_seed(config["seed"] + own_seed, config["reproducibility"])
    model = get_model(config["model"])(config, train_data._dataset)
    return model.to(config["device"])


def _load_dataset(config: Config):
    # A random split follows from this seed; build_model sets the one that training goes on from.
    init_seed(data_seed(config), config["reproducibility"])
    _init_logger(config)
    if config["local_rank"] == 0:
        find_dataset(
            config["dataset"], Path(config["data_path"]), config["download"], config.declared
        )
    parallel.wait()
    return create_dataset(config)


def _init_logger(config: Config) -> None:
    logger = getLogger()
    # RecBole's logger keeps the file of the first run in a process; each run has its own here.
    for handler in logger.handlers[:]:
        if type(handler) in (logging.StreamHandler, logging.FileHandler):
            logger.removeHandler(handler)
            handler.close()
    _make_folders(config)
    _init_recboles_logger(config)
    # RecBole sets the level only where nobody has set up logging before, as a notebook has.
    logger.setLevel(str(config["state"] or "INFO").upper())
    report.log_to_file(logger, f"{sys.argv}\n{report.versions()}\n{config}")
    for warning in config.warnings():
        logger.warning(warning)


def _make_folders(config: Config) -> None:
    """RecBole asks whether a folder is there and then makes it, which two processes may do at once."""
    log = Path("log", config["model"])
    with named_by("the folder in which you give the command"):
        make_folder(log)
    with named_by("--checkpoint_dir"):
        make_folder(Path(config["checkpoint_dir"]))


def _init_recboles_logger(config: Config) -> None:
    """RecBole names a log file by the second and a digest of the settings, which two runs may share;
    and it wraps the standard streams once more at each run, which ends after some hundred of them."""
    config["log_file"] = secrets.token_hex(8)
    streams = sys.stdout, sys.stderr
    try:
        init_logger(config)
    finally:
        sys.stdout, sys.stderr = streams
        del config.final_config_dict["log_file"]


def _set_eval_batch_size(config: Config, n_items: int) -> None:
    """RecBole's default means one user at a time once there are 4,096 items or more."""
    if "eval_batch_size" not in config.external_config_dict:
        n_users = _SCORES_PER_BATCH // n_items
        # Rows of scores that do not end on a cache line take a CPU's product twice as long.
        n_users = n_users - n_users % _SCORES_PER_LINE if n_users > _SCORES_PER_LINE else n_users
        config["eval_batch_size"] = max(n_users, 1) * n_items
