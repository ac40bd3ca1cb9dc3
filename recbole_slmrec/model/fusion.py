"""Fusion of the modalities' representations into one vector a node (SLMRec Eq. 5)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

FUSIONS = ("concat", "mean")


class Fusion(nn.Module):
    """Two separate linear maps, one for users and one for items, on the modalities put together.

    Args:
        n_modalities: |M|, the ID included.
        embedding_size: d.
        fusion: ``concat`` (|M| d -> d) or ``mean`` (d -> d).

    Raises:
        ValueError: for an unknown ``fusion``.
    """

    def __init__(self, n_modalities: int, embedding_size: int, fusion: str = "concat"):
        super().__init__()
        if fusion not in FUSIONS:
            raise ValueError(f"fusion [{fusion}] is not one of {', '.join(FUSIONS)}")
        self.fusion = fusion
        width = n_modalities * embedding_size if fusion == "concat" else embedding_size
        self.user_map = nn.Linear(width, embedding_size)
        self.item_map = nn.Linear(width, embedding_size)

    def users(self, parts: dict[str, Tensor]) -> Tensor:
        """z_u from z_{u,m}: |M| tensors of shape (n, d) to one."""
        return self._fused(self.user_map, list(parts.values()))

    def items(self, parts: dict[str, Tensor]) -> Tensor:
        """z_i from z_{i,m}: |M| tensors of shape (n, d) to one."""
        return self._fused(self.item_map, list(parts.values()))

    def _fused(self, linear: nn.Linear, parts: list[Tensor]) -> Tensor:
        if self.fusion == "mean":
            return linear(sum(parts) / len(parts))
        # A product for each, summed, takes less than half the time of writing all side by side.
        z = linear.bias
        for part, weight in zip(parts, linear.weight.split([part.shape[1] for part in parts], dim=1)):
            z = torch.addmm(z, part, weight.T)
        return z
