"""The mean over layers of one side's table, without self loops (SLMRec Eq. 1-4)."""

from __future__ import annotations

from typing import Sequence

from torch import Tensor

from recbole_slmrec.graph.product import LinearMap
from recbole_slmrec.graph.sides import End


class OneSided:
    """The mean over layers of a table that is zero on the other side, there being no self loops.

    Even powers stay on the table's own side and odd ones land on the other. Where a hop is
    L_t S_t R_o to the other side and L_o S_o R_t back (S sums, L and R scale), K = (back there) and
    P = I + K + K^2 + ..., each is a product with the same P:
    (L odd) own = P x, other = there P x; (L even) other = there P x, own = x + back there P x.
    Scales that meet are one, and a weight of the edges that follow, so that none is a pass over a table
    but for R_o at the end of the transpose. The recursion goes from sum to sum: S_t R_o P x and, in the
    transpose, P' without the R_o that it ends with. Scales at the end, of which the division by L + 1 is
    a part, are on the rows that are asked for only.
    """

    def __init__(self, own: End, other: End, n_layers: int):
        self.own, self.other, self.n_layers = own, other, n_layers
        self.mean = 1 / (n_layers + 1)
        self.own_left, self.other_left = (end.left.shrunk(self.mean) for end in (own, other))

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What arrives at the rows ``own`` of the table's side and ``other`` of the other side."""
        return LinearMap.apply(x, self._product, self._transposed)

    def masked(self, x: Tensor, masks: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
        """The same of x * mask for each mask; ``masks`` are constants."""

        def products(x: Tensor) -> tuple[Tensor, ...]:
            return tuple(each for mask in masks for each in self._product(x * mask))

        def transposed(*gradients: Tensor) -> Tensor:
            pairs = zip(gradients[::2], gradients[1::2])
            first, *others = (self._transposed(*pair) for pair in pairs)
            first.mul_(masks[0])
            for other, mask in zip(others, masks[1:]):
                first.addcmul_(other, mask)
            return first

        arrivals = LinearMap.apply(x, products, transposed)
        return list(zip(arrivals[::2], arrivals[1::2]))

    def _product(self, x: Tensor) -> tuple[Tensor, Tensor]:
        own, other = self.own, self.other
        on_own = own.of(x) * self.mean
        if self.n_layers == 0:
            n_other = other.side.sums.n_destinations
            return on_own, other.of(x.new_zeros(n_other, x.shape[1]))
        right = own.side.right.like(x)
        if self.n_layers == 1:
            return on_own, self.other_left.scale_(other.sums.of_scaled(x, right))
        first = there = other.side.sums.of_scaled(x, right)
        for _ in range(self.n_layers // 2 - 1):
            there = self._there(self._back(there)).add_(first)
        if self.n_layers % 2 == 0:
            last = own.sums.of_scaled(there, other.side.both.like(x))
            return on_own.add_(self.own_left.scale_(last)), self.other_left(other.of(there))
        back = self._back(there)
        last = other.sums.of_scaled(back, own.side.both.like(x)).add_(other.of(first))
        return on_own.add_(self.own_left(own.of(back))), self.other_left.scale_(last)

    def _transposed(self, on_own: Tensor, on_other: Tensor) -> Tensor:
        own, other = self.own, self.other
        if self.n_layers == 0:
            zeros = on_own.new_zeros(own.side.sums.n_destinations, on_own.shape[1])
            return own.add_(zeros, on_own)
        if self.n_layers % 2 == 0:
            there = own.sums.transposed(self.own_left(on_own))
            first = self._back(self._before_right(other, there, on_other))
        else:
            x = other.sums.transposed(self.other_left(on_other))
            first = self._before_right(own, x, on_own)
        x = first
        for _ in range((self.n_layers - 1) // 2):
            x = self._back(self._there(x)).add_(first)
        x = own.side.right.scale_(x)
        return own.add_(x, on_own, self.mean) if self.n_layers % 2 == 0 else x

    def _before_right(self, end: End, x: Tensor, on_rows: Tensor) -> Tensor:
        """Adds to x what the side's R makes ``on_rows`` / (L + 1) of, on the rows of ``end``."""
        return end.add_(x, end.right.inverse().scale_(on_rows * self.mean))

    def _there(self, x: Tensor) -> Tensor:
        """S_t R_o L_o of a table of the own side."""
        return self.other.side.sums.of_scaled(x, self.own.side.both.like(x))

    def _back(self, x: Tensor) -> Tensor:
        """S_o R_t L_t of a table of the other side."""
        return self.own.side.sums.of_scaled(x, self.other.side.both.like(x))
