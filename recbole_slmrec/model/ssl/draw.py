"""What is kept and what is dropped, drawn at random from torch's global generator."""

from __future__ import annotations

import torch
from torch import Tensor

_SMALLEST = torch.iinfo(torch.int64).min


def draw_kept(n: int, rate: float, device: torch.device) -> Tensor:
    """False with the probability ``rate``, to 1 in 65,536, and true, of shape (n,)."""
    # Four draws of 16 bits from each random number take an eighth of bernoulli_'s time.
    numbers = torch.empty(-(-n // 4), dtype=torch.int64, device=device)
    draws = numbers.random_(_SMALLEST, None).view(torch.int16)[:n]
    return draws >= round(rate * 2**16) - 2**15


def draw_mask(table: Tensor, rate: float) -> Tensor:
    """Zeros where :func:`draw_kept` drops, and ones, of the shape and type of ``table``."""
    return draw_kept(table.numel(), rate, table.device).view(table.shape).to(table.dtype)
