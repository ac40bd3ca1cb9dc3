"""Checkpoints that hold tensors and plain values only, so that reading one never runs code."""

from __future__ import annotations

import os
import pickle
import random
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch

from recbole_slmrec.data.files import whole_file
from recbole_slmrec.data.sums import check_sums

FORMAT = "recbole-slmrec checkpoint 1"

# Marks a dict that stands for a value that is neither a tensor nor plain.
_KIND = "__kind__"


def save_checkpoint(state: dict[str, Any], path: str | os.PathLike) -> None:
    """Writes ``state`` to ``path``, whole or not at all.

    Args:
        state: tensors, numpy arrays, scipy sparse matrices and plain values, nested in dicts, lists
            and tuples.
        path: the file.

    Raises:
        TypeError: for a value that cannot be written without a pickle; the message names its key.
    """
    state = {"format": FORMAT, **{key: _plain(value, key) for key, value in state.items()}}
    with whole_file(Path(path)) as partial:
        torch.save(state, partial)


def load_checkpoint(path: str | os.PathLike, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Reads what :func:`save_checkpoint` wrote, with tensors on ``device``.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is truncated, a pickle, or not a checkpoint of this package.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint [{path}]")
    try:
        check_sums(path)
        state = torch.load(path, map_location=device, weights_only=True)
    except pickle.UnpicklingError:
        raise ValueError(
            f"{path} is refused: it holds more than tensors and plain values, as RecBole's own "
            "checkpoints do, and reading it could run code. Train the model anew with this package"
        ) from None
    # A damaged pickle raises nearly anything.
    except Exception as error:
        raise ValueError(f"{path} is truncated or not a checkpoint: {error}") from None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise ValueError(_of_another_format(path, state))
    return {key: _revived(value) for key, value in state.items()}


def _of_another_format(path: Path, state: Any) -> str:
    found = str(state.get("format") if isinstance(state, dict) else None)
    if not found.startswith(FORMAT.rstrip("0123456789")):
        return f"{path} is not a checkpoint of this package ({FORMAT})"
    return (
        f"{path} is from another version: its format is [{found}], and this version reads "
        f"[{FORMAT}]. Use the version that wrote it, or train the model anew"
    )


def in_todays_names(model_class: type, settings: dict[str, Any], path) -> dict[str, Any]:
    """The settings of the checkpoint at ``path`` by the names that ``model_class`` has for them today.

    Raises:
        ValueError: if one of them means something else today.
    """
    rename = getattr(model_class, "in_todays_names", None)
    return dict(settings) if rename is None else rename(settings, path)


def random_state() -> dict[str, Any]:
    """The state of every global random generator that training draws from."""
    state = {
        "python": random.getstate(),
        "numpy": np.random.get_state(),
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def restore_random_state(state: dict[str, Any]) -> None:
    """Puts every global random generator into ``state``, as :func:`random_state` gave it."""
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])
    torch.set_rng_state(state["torch"].cpu())
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state_all([generator.cpu() for generator in state["cuda"]])


def plain_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that can be written down; the others (classes, devices) are a run's own."""
    kept = {}
    for key, value in settings.items():
        try:
            kept[key] = _plain(value, key)
        except TypeError:
            continue
    return kept


def _plain(value: Any, key: str) -> Any:
    if isinstance(value, Enum):
        return _plain(value.value, key)
    # Before the plain types: numpy's float64 is a Python float too, but is written as a pickle.
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str, torch.Tensor)):
        return value
    if isinstance(value, np.ndarray) and value.dtype != object:
        return {_KIND: "ndarray", "dtype": str(value.dtype), "data": _tensor(value)}
    if sp.issparse(value):
        coo = value.tocoo()
        return {
            _KIND: "sparse",
            "form": value.format,
            "shape": list(coo.shape),
            **{part: _plain(getattr(coo, part), key) for part in ("data", "row", "col")},
        }
    if isinstance(value, dict):
        return {name: _plain(inner, f"{key}.{name}") for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        inner = [_plain(element, f"{key}[{n}]") for n, element in enumerate(value)]
        return inner if isinstance(value, list) else tuple(inner)
    raise TypeError(
        f"[{key}] is a {type(value).__name__}: a checkpoint holds tensors, arrays and plain values"
    )


def _tensor(array: np.ndarray) -> torch.Tensor:
    # torch has no uint32; widening is undone by the dtype kept beside the data.
    if array.dtype == np.uint32:
        array = array.astype(np.int64)
    return torch.from_numpy(np.array(array))


def _revived(value: Any) -> Any:
    if isinstance(value, dict):
        if value.get(_KIND) == "ndarray":
            return value["data"].cpu().numpy().astype(value["dtype"])
        value = {name: _revived(inner) for name, inner in value.items()}
        if value.get(_KIND) == "sparse":
            coo = sp.coo_matrix((value["data"], (value["row"], value["col"])), value["shape"])
            return coo.asformat(value["form"])
        return value
    if isinstance(value, (list, tuple)):
        return type(value)(_revived(inner) for inner in value)
    return value
