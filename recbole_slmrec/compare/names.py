"""What is compared, as typed: models with settings of their own, and seeds."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import Any

from recbole_slmrec.config import settings_of_file
from recbole_slmrec.registry import get_model, model_names

# Two models with different values of these would not be comparable.
_COMMON = frozenset(
    "model dataset data_path benchmark_filename seed data_seed eval_args metrics topk valid_metric "
    "metric_decimal_place test_mask".split()
)


@dataclass(frozen=True)
class Entry:
    """A row of the comparison."""

    label: str
    """The text as typed, such as ``SLMRec[ssl_task=FM]``."""
    model: str
    """Name of the model."""
    overrides: dict[str, Any] = field(default_factory=dict)
    """Settings of this row alone: as typed, or as a file has them."""


def parse_models(text: str) -> list[Entry]:
    """Reads ``SLMRec,SLMRec[ssl_task=FM,alpha=0.5],SLMRec[mine.yaml,alpha=0.5],BPR``.

    A file stands for the settings in it; what comes later in the brackets wins.

    Raises:
        ValueError: for an unknown model, a row that is named twice, or overrides that are neither of
            the form ``key=value`` nor a YAML file, or that every row must share.
        FileNotFoundError: for a file that is not there.
    """
    entries = [_entry(label) for label in split_at_commas(text)]
    labels = [entry.label for entry in entries]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise ValueError(f"models: {', '.join(twice)} is named more than once")
    if not entries:
        raise ValueError("models: name at least one, as in --models=SLMRec,LightGCN")
    return entries


def parse_seeds(text: str) -> list[int]:
    """Reads ``3``, which means the seeds 1, 2 and 3, or a list such as ``[1,5,9]``.

    Raises:
        ValueError: for anything else.
    """
    try:
        seeds = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        seeds = None
    if type(seeds) is int:
        seeds = list(range(1, seeds + 1))
    if not isinstance(seeds, list) or not all(type(seed) is int and seed >= 0 for seed in seeds):
        seeds = []
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(
            f"seeds [{text}] must be a count such as 3, or different seeds as in [1,5,9]"
        )
    return seeds


def _entry(label: str) -> Entry:
    match = re.fullmatch(r"([^\[\]]+)(?:\[(.*)\])?", label)
    if not match:
        raise ValueError(
            f"models: [{label}] is not understood: write Model or Model[key=value,...]"
        )
    model, inner = match.groups()
    if model not in model_names():
        get_model(model)  # Raises, and names the nearest.
    overrides: dict[str, Any] = {}
    for override in split_at_commas(inner or ""):
        given = _settings(override, label)
        for key, value in given.items():
            check_of_a_row(key, f"models: [{key}] in {label}", value)
        overrides.update(given)
    return Entry(label, model, overrides)


def _settings(override: str, label: str) -> dict[str, Any]:
    key, equals, value = override.partition("=")
    if equals:
        return {key: value}
    if override.endswith((".yaml", ".yml")):
        return settings_of_file(override)
    raise ValueError(
        f"models: [{override}] in {label} must be of the form key=value, or a YAML file of settings"
    )


def check_of_a_row(key: str, where: str, value: Any) -> None:
    """Tells a setting that every row of a comparison must share from one that a row may have.

    Args:
        key: the setting.
        where: what gives it, for the message.
        value: what to give all rows in its place, for the message.

    Raises:
        ValueError: for one that must be shared.
    """
    if key in _COMMON:
        raise ValueError(
            f"{where} must be the same for all models: leave it out there and pass "
            + ("--seeds" if key == "seed" else f"--{key}={value}")
        )


def split_at_commas(text: str) -> list[str]:
    """The parts between commas that are in no bracket."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in "[({") - (character in "])}")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]
