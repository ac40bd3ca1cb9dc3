"""What a model keeps outside its ``state_dict`` and changes while it trains: counters, histories, orders.

Some of RecBole's models have such values, and neither their training nor their scores go on as before
without them.
"""

from __future__ import annotations

import copy
import hashlib
from typing import Any, Iterator

import numpy as np
import torch
from torch import nn

_PLAIN = (type(None), bool, int, float, str)

_OF_THE_MODULE = frozenset(vars(nn.Module()))


def marks(model: nn.Module) -> dict[str, Any]:
    """By which :func:`changed` knows what has changed since; it copies no table.

    Args:
        model: as it was built.
    """
    return {name: _mark(value) for name, value in _values(model)}


def changed(model: nn.Module, before: dict[str, Any]) -> dict[str, Any]:
    """The values that are no longer those of ``before``, by the path of their attribute.

    Args:
        model: as it is.
        before: the :func:`marks` of the model as it was built.
    """
    return {
        name: value.detach().clone() if torch.is_tensor(value) else copy.copy(value)
        for name, value in _values(model)
        if name not in before or not _same(before[name], value)
    }


def restore(model: nn.Module, values: dict[str, Any]) -> None:
    """Sets what :func:`changed` gave of a model that was built alike."""
    for name, value in values.items():
        path, _, attribute = name.rpartition(".")
        setattr(model.get_submodule(path), attribute, value)


def _values(model: nn.Module) -> Iterator[tuple[str, Any]]:
    elsewhere = {*_OF_THE_MODULE, *getattr(model, "other_parameter_name", ())}
    for path, module in model.named_modules():
        for attribute, value in vars(module).items():
            kept = isinstance(value, (*_PLAIN, torch.Tensor)) or _is_array(value)
            if kept and attribute not in elsewhere:
                yield f"{path}.{attribute}".lstrip("."), value


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype != object


def _mark(value: Any) -> Any:
    if torch.is_tensor(value):
        # PyTorch counts what is written into a tensor.
        return value, value._version
    if _is_array(value):
        return hashlib.blake2b(np.ascontiguousarray(value)).digest()
    return value


def _same(before: Any, value: Any) -> bool:
    mark = _mark(value)
    if isinstance(mark, tuple):
        return isinstance(before, tuple) and before[0] is mark[0] and before[1] == mark[1]
    return type(before) is type(mark) and before == mark
