"""What the settings of a run may be, by their names: checked before anything is read or trained.

A model checks those of its own that have no other range than their kind here.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Mapping

from recbole_slmrec.names import did_you_mean

# Of float32, in which a model learns.
_LARGEST_FLOAT = 3.4e38
_LARGEST_SEED = 2**32 - 1
# What a table of one row can be wide; beyond it PyTorch cannot even name the size.
_LARGEST_SIZE = 2**31 - 1

# PyTorch's whole numbers end there; its others do not.
_TOO_LONG = 2**63

AUTO = "auto"


@dataclass(frozen=True)
class Number:
    """A finite number from ``low``, or above it, to ``high``."""

    low: float = -math.inf
    high: float = math.inf
    whole: bool = False
    above: bool = False

    def holds(self, value: Any) -> bool:
        """Whether ``value`` is such a number."""
        if type(value) is not int and (self.whole or type(value) is not float):
            return False
        over = value > self.low if self.above else value >= self.low
        return over and value <= self.high and math.isfinite(value)

    def __str__(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        if self.high < math.inf:
            return f"{kind} {'above' if self.above else 'from'} {self.low:,} to {self.high:,}"
        if self.low == -math.inf:
            return kind
        return f"{kind} above {self.low:,}" if self.above else f"{kind}, {self.low:,} or more"


@dataclass(frozen=True)
class OneOf:
    """One of some words."""

    words: tuple[str, ...]

    def holds(self, value: Any) -> bool:
        """Whether ``value`` is one of them, in small or capital letters."""
        return isinstance(value, str) and value.lower() in [word.lower() for word in self.words]

    def __str__(self) -> str:
        return f"one of {', '.join(self.words)}"


@dataclass(frozen=True)
class Kind:
    """A value of some types."""

    types: tuple[type, ...]
    text: str

    def holds(self, value: Any) -> bool:
        """Whether ``value`` is of one of the types; a truth value is no number."""
        return isinstance(value, self.types) and (bool in self.types or type(value) is not bool)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Names:
    """A list of names."""

    text: str

    def holds(self, value: Any) -> bool:
        """Whether ``value`` is a list of texts, or of numbers that stand for texts."""
        return isinstance(value, (list, tuple)) and all(isinstance(n, (str, int)) for n in value)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Name:
    """A text of one character or more."""

    def holds(self, value: Any) -> bool:
        """Whether ``value`` is such a text."""
        return isinstance(value, str) and value != ""

    def __str__(self) -> str:
        return "a text that is not empty"


_FLAG = Kind((bool,), "True or False")
_TEXT = Kind((str,), "a text")
_NAME = Name()
_PATH = Kind((str,), "a path")
_COLUMNS = "file endings with lists of their columns, such as {inter: [user_id, item_id]}"
_COUNT = Number(0, _LARGEST_SIZE, whole=True)
_SIZE = Number(1, _LARGEST_SIZE, whole=True)
_DECIMALS = Number(0, 15, whole=True)
_SEED = Number(0, _LARGEST_SEED, whole=True)
_NOT_NEGATIVE = Number(0)
_ORDER, _GROUP = OneOf(("RO", "TO")), OneOf(("user", "none"))
_COLUMNS_OF_A_FILE = Names("a list of its columns, such as [user_id, item_id]")
_MODE = re.compile(r"full|labeled|(uni|pop)[1-9][0-9]{0,8}")
_LEFT_OUT = ("valid_and_test", "valid_only", "test_only")

Range = Number | OneOf | Kind | Names | Name

_NEGATIVES: dict[str, Range] = {
    "distribution": OneOf(("uniform", "popularity")),
    "sample_num": _SIZE,
    "alpha": _NOT_NEGATIVE,
    "dynamic": _FLAG,
    "candidate_num": _COUNT,
}

_TRANSFORMS = (
    *(f"{kind}_itemseq" for kind in ("mask", "inverse", "crop", "reorder")),
    "user_defined",
)
_LISTS_OF_FIELDS = (
    "normalize_field",
    *(f"alias_of_{kind}_id" for kind in ("user", "item", "entity", "relation")),
)

_RANGES: dict[str, Range] = {
    **dict.fromkeys(("epochs", "eval_step", "worker", "stopping_step"), _COUNT),
    **dict.fromkeys(("train_batch_size", "eval_batch_size", "MAX_ITEM_LIST_LENGTH"), _SIZE),
    **dict.fromkeys(("embedding_size", "modality_embedding_size", "word_embedding_size"), _SIZE),
    **dict.fromkeys(("latent_size", "item_graph_k"), _SIZE),
    **dict.fromkeys(("loss_decimal_place", "metric_decimal_place"), _DECIMALS),
    "n_layers": Number(0, 1000, whole=True),
    "seed": _SEED,
    "eval_args": Kind((dict,), "settings in braces, such as {split: {RS: [8, 1, 1]}, mode: full}"),
    "learning_rate": Number(0, _LARGEST_FLOAT, above=True),
    "weight_decay": Number(0, _LARGEST_FLOAT),
    "learner": OneOf(("adam", "adamw", "sgd", "adagrad", "rmsprop", "sparse_adam")),
    "state": OneOf(("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")),
    "gpu_id": Kind((str, int, tuple, list), "the number of a GPU, or several such as '0,1'"),
    # Whose default is auto.
    **dict.fromkeys(("negatives", "score", "ssl_task"), _TEXT),
    **dict.fromkeys(("data_path", "checkpoint_dir"), _PATH),
    **dict.fromkeys(("field_separator", "seq_separator", "wandb_project"), _NAME),
    **dict.fromkeys(("ITEM_ID_FIELD", "USER_ID_FIELD", "LABEL_FIELD", "NEG_PREFIX"), _NAME),
    **dict.fromkeys(("LIST_SUFFIX", "ITEM_LIST_LENGTH_FIELD", "POSITION_FIELD"), _NAME),
    "numerical_features": Names("a list of fields, such as [price, year]"),
}
_RANGES_OR_NOTHING: dict[str, Range] = {
    "data_seed": _SEED,
    "resume": _PATH,
    "modalities": Kind((list, tuple, str), "a list of modalities, such as [v, a]"),
    "download": Kind((dict,), "where a data set comes from (docs/data.md)"),
    "model_settings": Kind((dict,), "models with their settings, such as {BPR: {epochs: 5}}"),
    "threshold": Kind((dict,), "a field with its least positive value, such as {rating: 4}"),
    "val_interval": Kind((dict,), "fields with intervals, such as {rating: '[4,inf)'}"),
    "clip_grad_norm": Kind((dict,), "torch's arguments, such as {max_norm: 5}"),
    "rm_dup_inter": OneOf(("first", "last")),
    "transform": OneOf(_TRANSFORMS),
    "normalize_all": _FLAG,
    "additional_feat_suffix": Kind((list, str), "a list of file endings, such as [link]"),
    "preload_weight": Kind((dict,), "fields of ids with fields of their vectors"),
    "discretization": Kind((dict,), "fields with their method and bins"),
    "seq_len": Kind((dict,), "fields with their largest lengths, such as {title: 20}"),
    **dict.fromkeys(_LISTS_OF_FIELDS, Names("a list of fields, such as [price, year]")),
    "benchmark_filename": Names("a list such as [train, valid, test]"),
    **dict.fromkeys(("load_col", "unload_col", "unused_col"), Kind((dict,), _COLUMNS)),
    **dict.fromkeys(
        ("user_inter_num_interval", "item_inter_num_interval"), Kind((str,), "as '[5,inf)'")
    ),
}
# Checked where all that they go with is known.
_ELSEWHERE = frozenset(
    "metrics topk valid_metric test_mask save_dataset save_dataloaders dataset_save_path "
    "dataloaders_save_path".split()
)


def check(given: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    """Raises ValueError, naming the setting, for the first value that cannot be meant.

    Args:
        given: the settings to check.
        defaults: all default settings; one without a range of its own has the kind of its default.
    """
    for key, value in given.items():
        wanted = None if key in _ELSEWHERE else _wanted(key, value, defaults.get(key))
        if wanted is not None:
            _require(key, value, wanted)
    if isinstance(given.get("eval_args"), dict):
        _check_eval_args(given["eval_args"])
    if isinstance(given.get("train_neg_sample_args"), dict):
        _check_negatives(given["train_neg_sample_args"])
    if isinstance(given.get("clip_grad_norm"), dict):
        _check_clipping(given["clip_grad_norm"])
    for key in ("load_col", "unload_col", "unused_col"):
        for suffix, columns in (given.get(key) or {}).items():
            if columns != "*":
                _require(f"{key}: {suffix}", columns, _COLUMNS_OF_A_FILE)


def _require(key: str, value: Any, wanted: Range) -> None:
    if type(value) is int and abs(value) >= _TOO_LONG and not getattr(wanted, "whole", True):
        raise ValueError(f"{key} [{value}] has too many digits: write it as {float(value):g}")
    if not wanted.holds(value):
        hint = did_you_mean(value, wanted.words) if isinstance(wanted, OneOf) else ""
        shown = "nothing" if value is None or value == "" else value
        raise ValueError(f"{key} [{shown}] must be {wanted}{hint}")


def _wanted(key: str, value: Any, default: Any) -> Range | None:
    if key in _RANGES:
        return _RANGES[key]
    if value is None and not isinstance(default, (bool, int, float)):
        return None
    return _RANGES_OR_NOTHING.get(key) or _kind_of(default)


def _kind_of(default: Any) -> Range | None:
    """Any number for a number, for RecBole's defaults may be whole where fractions are meant."""
    if isinstance(default, bool):
        return _FLAG
    if isinstance(default, (int, float)):
        return Number()
    if isinstance(default, str) and default != AUTO:
        return _TEXT
    if isinstance(default, dict):
        return Kind((dict,), f"settings in braces, as in {default}")
    if isinstance(default, (list, tuple)):
        return Kind((list, tuple, str), f"a list, as in {list(default)}")
    return None


def _check_eval_args(parts: Mapping[str, Any]) -> None:
    known = ("split", "order", "group_by", "mode")
    for key, value in parts.items():
        if key not in known:
            raise ValueError(
                f"eval_args has no [{key}]{did_you_mean(key, known) or '.'} It has {', '.join(known)}"
            )
        if value is None:
            continue
        if key == "mode":
            for mode in value.values() if isinstance(value, dict) else [value]:
                if not _MODE.fullmatch(str(mode)):
                    raise ValueError(
                        f"eval_args: mode [{mode}] must be full, labeled, or uniN or popN, where N is "
                        "the number of items that are drawn for each, such as uni100"
                    )
        elif key == "split":
            _check_split(value)
        else:
            _require(f"eval_args: {key}", value, _ORDER if key == "order" else _GROUP)


def _check_split(split: Any) -> None:
    if isinstance(split, dict) and len(split) == 1:
        ((kind, value),) = split.items()
        parts = value if isinstance(value, (list, tuple)) else ()
        if kind == "RS" and len(parts) == 3 and all(map(_NOT_NEGATIVE.holds, parts)) and sum(parts):
            return
        if kind == "LS" and value in _LEFT_OUT:
            return
    raise ValueError(
        f"eval_args: split [{split}] must be {{RS: [0.8, 0.1, 0.1]}}, the shares of training, "
        f"validation and test, or {{LS: one of {', '.join(_LEFT_OUT)}}}, which leaves out the last "
        "interactions of each user"
    )


def _check_clipping(arguments: Mapping[str, Any]) -> None:
    if "max_norm" not in arguments or not set(arguments) <= {"max_norm", "norm_type"}:
        raise ValueError(f"clip_grad_norm [{arguments}] must be as {{max_norm: 5, norm_type: 2}}")
    for key, value in arguments.items():
        _require(f"clip_grad_norm: {key}", value, Number(0, above=True))


def _check_negatives(parts: Mapping[str, Any]) -> None:
    for key, value in parts.items():
        if key not in _NEGATIVES:
            raise ValueError(
                f"train_neg_sample_args has no [{key}]{did_you_mean(key, _NEGATIVES) or '.'} It has "
                f"{', '.join(_NEGATIVES)}"
            )
        # RecBole's own way to say that there are none.
        if value not in (None, "None", "none"):
            _require(f"train_neg_sample_args: {key}", value, _NEGATIVES[key])
