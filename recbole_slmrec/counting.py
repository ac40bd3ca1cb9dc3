"""How often each number occurs, counted where the numbers lie."""

from __future__ import annotations

import torch
from torch import Tensor


def counted(numbers: Tensor, n: int, dtype: torch.dtype) -> Tensor:
    """As ``torch.bincount``, for which Python waits on a GPU, whose result's length depends on its values.

    Args:
        numbers: shape (B,), in [0, n), whole.
        n: how many there are to count.
        dtype: of the counts.

    Returns:
        Shape (n,).
    """
    counts = torch.zeros(n, dtype=dtype, device=numbers.device)
    return counts.index_add_(0, numbers, counts.new_ones(len(numbers)))
