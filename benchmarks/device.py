"""The device that everything is measured on; the processes that a measurement starts inherit it."""

from __future__ import annotations

import os

import torch

_VARIABLE = "RECBOLE_SLMREC_BENCHMARK_DEVICE"


def choose(name: str) -> None:
    """From now on, here and in processes that are started from here.

    Raises:
        ValueError: for ``cuda`` where PyTorch sees no such device.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("PyTorch sees no CUDA device here: measure with --device cpu")
    os.environ[_VARIABLE] = name


def device() -> torch.device:
    """The one that was chosen; the CPU if none was."""
    return torch.device(os.environ.get(_VARIABLE, "cpu"))


def settle() -> None:
    """Waits until the device has done all that it was given."""
    if device().type == "cuda":
        torch.cuda.synchronize()
