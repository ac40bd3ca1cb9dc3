"""Rows of length one."""

from __future__ import annotations

import torch
from torch import Tensor


def unit_rows(x: Tensor) -> Tensor:
    """The rows of a table, shape (n, d), divided by their lengths; a zero row stays zero."""
    # Not F.normalize: it multiplies the gradient of zero rows, such as of items without features, by 1e12.
    lengths = torch.linalg.vector_norm(x, dim=1, keepdim=True)
    return x / torch.where(lengths == 0, 1, lengths)
