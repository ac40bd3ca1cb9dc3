"""Fusion of the modalities' representations into one vector a node (SLMRec Eq. 5)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recbole_slmrec.processes.columns import Columns

FUSIONS = ("concat", "mean")


class Fusion(nn.Module):
    """Two separate linear maps, one for users and one for items, on the modalities put together.

    Args:
        n_modalities: |M|, the ID included.
        columns: those of d that this process holds, which the tables have that it puts together.
        fusion: ``concat`` (|M| d -> d) or ``mean`` (d -> d).

    Raises:
        ValueError: for an unknown ``fusion``.
    """

    def __init__(self, n_modalities: int, columns: Columns, fusion: str = "concat"):
        super().__init__()
        if fusion not in FUSIONS:
            raise ValueError(f"fusion [{fusion}] is not one of {', '.join(FUSIONS)}")
        self.fusion, self.columns = fusion, columns
        width = n_modalities * columns.width if fusion == "concat" else columns.width
        self.user_map = columns.cut(nn.Linear(width, columns.width), weight=1)
        self.item_map = columns.cut(nn.Linear(width, columns.width), weight=1)

    def users(self, parts: dict[str, Tensor]) -> Tensor:
        """z_u from z_{u,m}: |M| tensors of shape (n, d) to one."""
        return self._fused((self.user_map, parts))[0]

    def items(self, parts: dict[str, Tensor]) -> Tensor:
        """z_i from z_{i,m}: |M| tensors of shape (n, d) to one."""
        return self._fused((self.item_map, parts))[0]

    def both(
        self, on_users: dict[str, Tensor], on_items: dict[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """z_u and z_i, as :meth:`users` and :meth:`items` give them."""
        users, items = self._fused((self.user_map, on_users), (self.item_map, on_items))
        return users, items

    def _fused(self, *by_modality: tuple[nn.Linear, dict[str, Tensor]]) -> list[Tensor]:
        sides = [(linear, list(parts.values())) for linear, parts in by_modality]
        if self.fusion == "mean":
            return self.columns.mapped(
                *((linear, sum(parts) / len(parts)) for linear, parts in sides)
            )
        if self.columns.are_all:
            return [_products(linear.bias, linear, parts) for linear, parts in sides]
        zero = sides[0][0].bias.new_zeros(1)
        sums = self.columns.summed(*(_products(zero, linear, parts) for linear, parts in sides))
        return [z + linear.bias for z, (linear, _) in zip(sums, sides)]


def _products(start: Tensor, linear: nn.Linear, parts: list[Tensor]) -> Tensor:
    # A product for each, summed, takes less than half the time of writing all side by side.
    z = start
    for part, weight in zip(parts, linear.weight.split([part.shape[1] for part in parts], dim=1)):
        z = torch.addmm(z, part, weight.T)
    return z
