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
    The recursion goes from y = R_o P x to the next, so that scales that meet are applied as one: each
    is a pass over a table. Those at the end, of which the division by L + 1 is a part, are on the rows
    that are asked for only.
    """

    def __init__(self, own: End, other: End, n_layers: int):
        self.own, self.other, self.n_layers = own, other, n_layers
        self.n_rounds, self.mean = (n_layers - 1) // 2, 1 / (n_layers + 1)
        self.own_left, self.other_left = (end.left.shrunk(self.mean) for end in (own, other))

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What arrives at the rows ``own`` of the table's side and ``other`` of the other side."""
        return LinearMap.apply(x, self._product, self._transposed)

    def masked(self, x: Tensor, masks: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
        """The same of x * mask for each mask, in the memory of that product; ``masks`` are constants."""

        def products(x: Tensor) -> tuple[Tensor, ...]:
            return tuple(each for mask in masks for each in self._product_(x * mask))

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
        return self._arrivals(self.own.of(x) * self.mean, self.own.side.right(x))

    def _product_(self, x: Tensor) -> tuple[Tensor, Tensor]:
        on_own = self.own.of(x) * self.mean
        return self._arrivals(on_own, self.own.side.right.scale_(x))

    def _arrivals(self, on_own: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
        """From x / (L + 1) on the rows ``own``, which is added to, and R_o x."""
        own, other = self.own, self.other
        if self.n_layers == 0:
            n_other = other.side.sums.n_destinations
            return on_own, other.of(start.new_zeros(n_other, start.shape[1]))
        if self.n_layers % 2 == 0:
            there = other.side.sums(self._powers(start, self.n_rounds))
            on_other = self.other_left(other.of(there))
            last = own.sums(other.side.both.scale_(there))
            return on_own.add_(self.own_left.scale_(last)), on_other
        y = start
        if self.n_rounds:
            back = self._there_and_back(self._powers(start, self.n_rounds - 1))
            on_own.add_(self.own_left(own.of(back)))
            y = own.side.both.add_scaled_(start, back)
        return on_own, self.other_left.scale_(other.sums(y))

    def _transposed(self, on_own: Tensor, on_other: Tensor) -> Tensor:
        own, other = self.own, self.other
        if self.n_layers == 0:
            zeros = on_own.new_zeros(own.side.sums.n_destinations, on_own.shape[1])
            return own.add_(zeros, on_own)
        if self.n_layers % 2 == 0:
            there = other.side.both.scale_(own.sums.transposed(self.own_left(on_own)))
            x = own.side.sums(other.add_(there, self.other_left(on_other)))
        else:
            x = other.sums.transposed(self.other_left(on_other))
        if self.n_rounds:
            start = own.side.both(x)
            if self.n_layers % 2:
                own.add_(start, self.own_left(on_own))
            x = self._there_and_back(self._powers(start, self.n_rounds - 1)).add_(x)
        return own.add_(own.side.right.scale_(x), on_own, self.mean)

    def _powers(self, start: Tensor, n: int) -> Tensor:
        """R_o (1 + K + ... + K^n) of the table that ``start`` is R_o times; K' alike, with L_o."""
        y = start
        for _ in range(n):
            y = self.own.side.both.add_scaled_(start, self._there_and_back(y))
        return y

    def _there_and_back(self, y: Tensor) -> Tensor:
        there = self.other.side.both.scale_(self.other.side.sums(y))
        return self.own.side.sums(there)
