"""The K largest scores of long rows."""

from __future__ import annotations

import torch
from torch import Tensor

_GROUP = 64


def top_k(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """``scores.topk(k)``, several times as fast on long rows: values and columns, shape (B, k).

    The K best of a row lie in the K groups of columns with the largest maxima, so that only these
    groups, and the columns that fill no group, are sorted.
    """
    n_rows, n_columns = scores.shape
    n_groups = n_columns // _GROUP
    if n_groups < 4 * k:
        return scores.topk(k)
    grouped = n_groups * _GROUP
    maxima = _maxima(scores[:, :grouped], n_groups)
    members = maxima.topk(k).indices.unsqueeze(2) * _GROUP + _arange(0, _GROUP, scores)
    rest = _arange(grouped, n_columns, scores).expand(n_rows, -1)
    columns = torch.cat([members.flatten(1), rest], dim=1)
    values, places = scores.gather(1, columns).topk(k)
    return values, columns.gather(1, places)


def _maxima(scores: Tensor, n_groups: int) -> Tensor:
    """Each group's largest score, found along the memory: shape (B, n_groups)."""
    if scores.stride(1) == 1:
        return scores.view(len(scores), n_groups, _GROUP).amax(2)
    return scores.T.view(n_groups, _GROUP, len(scores)).amax(1).T.contiguous()


def _arange(start: int, end: int, like: Tensor) -> Tensor:
    return torch.arange(start, end, device=like.device)
