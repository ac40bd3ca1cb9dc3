"""Settings that were given and change nothing in a run: told, and never said to be changed."""

from __future__ import annotations

from typing import Any, Iterator, Sequence

import torch
from recbole.data.dataloader import UserDataLoader
from recbole.utils import ModelType

from recbole_slmrec.registry import MODELS

# Read once training or the evaluation is under way.
_READ_LATER = frozenset("loss_decimal_place show_progress flops resume warm_up_step".split())

# What filters nothing, by filter.
_FILTERS = {
    "rm_dup_inter": None,
    "val_interval": None,
    "filter_inter_by_user_or_item": True,
    "user_inter_num_interval": "[0,inf)",
    "item_inter_num_interval": "[0,inf)",
}
_SPLITTING = ("split", "order", "group_by")
_LEARNING = (
    "epochs",
    "stopping_step",
    "train_batch_size",
    "train_neg_sample_args",
    "shuffle",
    "learner",
    "learning_rate",
    "weight_decay",
    "clip_grad_norm",
    "enable_amp",
    "enable_scaler",
    "loss_decimal_place",
)

# The setting without effect, None where a part of it has one; and a sentence.
Notice = tuple[str | None, str]


def without_effect(config, model, train_data) -> list[Notice]:
    """What was given and changes nothing, or not what it seems to.

    Args:
        config: the run's configuration, from which data set, model and trainer have read.
        model: the model.
        train_data: the training loader.

    Returns:
        A setting and a sentence each.
    """
    given = {**config.declared, **config.changed()}
    notices = [
        *_of_a_split_data_set(config, given),
        *_of_labels(config, given, model, train_data),
        *_of_the_loader(given, model, train_data),
        *_of_the_evaluation(config, given, model),
        *_of_the_machine(config, given),
    ]
    told = {key for key, _ in notices}
    notices += [
        (key, f"the setting [{key}] has no effect: nothing in this run reads it")
        for key in config.unread()
        if key not in told and key not in _READ_LATER
    ]
    return notices


def _of_a_split_data_set(config, given: dict[str, Any]) -> Iterator[Notice]:
    if not config["benchmark_filename"]:
        return
    files = ", ".join(map(str, config["benchmark_filename"]))
    for key, nothing in _FILTERS.items():
        if given.get(key) not in (None, nothing):
            yield (
                key,
                (
                    f"the setting [{key}] has no effect: RecBole takes a data set that is split already "
                    f"(benchmark_filename: {files}) as it is; filter the files, or set "
                    "benchmark_filename: ~ for a data set in one file"
                ),
            )
    parts = [
        part for part in _SPLITTING if part in config.external_config_dict.get("eval_args", {})
    ]
    if parts:
        yield (
            None,
            (
                f"eval_args: {', '.join(parts)} has no effect: the data set is split already "
                f"(benchmark_filename: {files}), and this split is used"
            ),
        )


def _of_labels(config, given: dict[str, Any], model, train_data) -> Iterator[Notice]:
    dataset = train_data._dataset
    if config["LABEL_FIELD"] not in dataset.inter_feat.columns:
        return
    sampled = config["train_neg_sample_args"]["distribution"] != "none"
    if not sampled and (hasattr(model, "LABEL") or hasattr(model, "LABEL_FIELD")):
        return
    n_negative = int((dataset.inter_feat[config["LABEL_FIELD"]] <= 0).sum())
    if not n_negative and "threshold" not in given:
        return
    field = next(iter(config["threshold"] or {config["LABEL_FIELD"]: 1}))
    least = (config["threshold"] or {field: 1})[field]
    sentence = (
        f"{config['model']} takes every interaction for a positive, whatever its label; "
        f"{n_negative:,} of training have label 0. Leave them out with "
        f"val_interval: {{{field}: '[{least},inf)'}}"
    )
    labeled = "labeled" in config["eval_args"]["mode"].values()
    if "threshold" in given and not labeled:
        yield "threshold", f"the setting [threshold] has no effect: {sentence}"
    else:
        yield None, sentence


def _of_the_loader(given: dict[str, Any], model, train_data) -> Iterator[Notice]:
    name = type(model).__name__
    idle: Sequence[str]
    if getattr(model, "type", None) == ModelType.TRADITIONAL:
        idle, why = _LEARNING, f"{name} is computed from the data and learns in no epochs"
    elif isinstance(train_data, UserDataLoader):
        idle, why = (
            ("train_neg_sample_args", "shuffle"),
            (f"{name} is given users in random order, without sampled negatives"),
        )
    else:
        return
    for key in idle:
        if key in given:
            yield key, f"the setting [{key}] has no effect: {why}"


def _of_the_evaluation(config, given: dict[str, Any], model) -> Iterator[Notice]:
    of_values = [name for name in config["metrics"] if name in ("LogLoss", "MAE", "RMSE")]
    if of_values and type(model) in MODELS.values():
        yield (
            None,
            (
                f"{', '.join(of_values)} say nothing of {config['model']}, whose scores are neither "
                "probabilities nor ratings; AUC compares them"
            ),
        )
    # RecBole has overwritten the value by now.
    if "valid_metric_bigger" in config.external_config_dict:
        yield (
            "valid_metric_bigger",
            ("the setting [valid_metric_bigger] has no effect: it follows from valid_metric"),
        )
    if "test_mask" in given and config["MODEL_TYPE"] == ModelType.SEQUENTIAL:
        yield (
            "test_mask",
            (
                "the setting [test_mask] has no effect: RecBole ranks all items for sequential models"
            ),
        )


def _of_the_machine(config, given: dict[str, Any]) -> Iterator[Notice]:
    if given.get("enable_scaler") and config["device"].type != "cuda":
        yield (
            "enable_scaler",
            (
                "the setting [enable_scaler] has no effect: gradients are scaled on CUDA devices only"
            ),
        )
    if given.get("enable_amp") and config["device"].type == "cpu" and not _has_bfloat16():
        yield (
            None,
            (
                "enable_amp: this processor has no instructions for bfloat16, in which steps take several "
                "times as long here as without it; leave enable_amp out"
            ),
        )
    if "gather_negatives" in given and config["single_spec"]:
        yield (
            "gather_negatives",
            ("the setting [gather_negatives] has no effect in a single process"),
        )


def _has_bfloat16() -> bool:
    """Whether products in bfloat16 are made by a kernel for it, and not number by number."""
    # Private, and nothing public tells: where it is missing nothing is claimed.
    has_kernel = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return has_kernel is None or has_kernel()
