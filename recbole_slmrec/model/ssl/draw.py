"""What is kept and what is dropped, drawn at random from torch's global generator."""

from __future__ import annotations

import torch
from torch import Tensor

from recbole_slmrec.processes.columns import Columns

_SMALLEST = torch.iinfo(torch.int64).min


def draw_kept(n: int, rate: float, device: torch.device) -> Tensor:
    """False with the probability ``rate``, to 1 in 65,536, and true, of shape (n,)."""
    # Four draws of 16 bits from each random number take an eighth of bernoulli_'s time.
    numbers = torch.empty(-(-n // 4), dtype=torch.int64, device=device)
    draws = numbers.random_(_SMALLEST, None).view(torch.int16)[:n]
    return draws >= round(rate * 2**16) - 2**15


def draw_mask(table: Tensor, rate: float, columns: Columns | None = None) -> Tensor:
    """Zeros where :func:`draw_kept` drops, and ones, of the shape and type of ``table``.

    Args:
        table: shape (n, d), or its own ``columns`` alone.
        rate: of what is dropped.
        columns: those that the process holds: a mask is drawn for all d, so that it is the same with any
            number of processes.
    """
    width = table.shape[1] if columns is None or columns.are_all else columns.width
    kept = draw_kept(len(table) * width, rate, table.device).view(len(table), width)
    return (kept if columns is None else columns.own(kept, 1)).to(table.dtype)
