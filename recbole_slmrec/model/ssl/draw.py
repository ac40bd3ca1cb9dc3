"""What is kept and what is dropped, drawn at random as torch's global generator says."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from recbole_slmrec.processes.columns import Columns

_SMALLEST, _LARGEST = torch.iinfo(torch.int64).min, torch.iinfo(torch.int64).max


def draw_kept(n: int, rate: float, device: torch.device) -> Tensor:
    """False with the probability ``rate``, to 1 in 65,536, and true, of shape (n,)."""
    return _draws(n, device) >= _threshold(rate)


def draw_mask(table: Tensor, rate: float, columns: Columns | None = None) -> Tensor:
    """Zeros where :func:`draw_kept` drops, and ones, of the shape and type of ``table``.

    Args:
        table: shape (n, d), or its own ``columns`` alone.
        rate: of what is dropped.
        columns: those that the process holds: a mask is drawn for all d, so that it is the same with any
            number of processes.
    """
    width = table.shape[1] if columns is None or columns.are_all else columns.width
    draws = _draws(len(table) * width, table.device).view(len(table), width)
    draws = draws if columns is None else columns.own(draws, 1)
    # At once in the table's type, which takes a CPU a third of the time of truth values and their copy.
    return torch.ge(draws, _threshold(rate), out=torch.empty_like(draws, dtype=table.dtype))


def _draws(n: int, device: torch.device) -> Tensor:
    """Random numbers of 16 bits, shape (n,)."""
    # Four draws of 16 bits from each random number take an eighth of bernoulli_'s time.
    n_numbers = -(-n // 4)
    if device.type == "cpu":
        # Torch's own numbers take twice as long; it gives the seed, so that a run can be repeated.
        seed = torch.randint(_LARGEST, ()).item()
        numbers = torch.from_numpy(np.random.SFC64(seed).random_raw(n_numbers).view(np.int64))
    else:
        numbers = torch.empty(n_numbers, dtype=torch.int64, device=device).random_(_SMALLEST, None)
    return numbers.view(torch.int16)[:n]


def _threshold(rate: float) -> int:
    return round(rate * 2**16) - 2**15
