"""The two sides of the graph: the weights of their nodes, and the rows that are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from recbole_slmrec.graph.product import NeighbourSums, RowSums, WholeThenRows

ADJACENCIES = ("pre", "norm", "gcmc", "mean", "plain")


@dataclass(frozen=True)
class Weights:
    """A_hat as diag(left) A diag(right) + diag(loop), per node of one side; None stands for 1 (loop: 0)."""

    left: Tensor | None
    right: Tensor | None
    loop: Tensor | None


def node_weights(degrees: Tensor, adjacency: str) -> Weights:
    """A_hat's weights of nodes with these degrees, shape (n,): shape (n, 1) each."""
    # In double, so that a float64 model is not limited by the scales; cast where they are used.
    degrees = degrees.to(torch.float64).unsqueeze(1)
    # An isolated node has no edges: what it is weighed by changes nothing, but divides others' tables.
    inverse = 1 / degrees.clamp(min=1)
    if adjacency == "pre":
        return Weights(left=inverse.sqrt(), right=inverse.sqrt(), loop=None)
    if adjacency == "norm":
        return Weights(left=1 / (degrees + 1), right=None, loop=1 / (degrees + 1))
    if adjacency == "gcmc":
        return Weights(left=inverse, right=None, loop=None)
    if adjacency == "mean":
        return Weights(left=inverse, right=None, loop=torch.ones_like(degrees))
    return Weights(left=None, right=None, loop=None)


class Scale:
    """A diagonal matrix: a factor a node, shape (n, 1); None stands for the identity."""

    def __init__(self, factors: Tensor | None):
        self.factors = factors
        self._cast: dict[torch.dtype, Tensor] = {}

    def __call__(self, x: Tensor) -> Tensor:
        """A new table."""
        return x.clone() if self.factors is None else x * self.like(x)

    def scale_(self, x: Tensor) -> Tensor:
        return x if self.factors is None else x.mul_(self.like(x))

    def times(self, other: Scale) -> Scale:
        if self.factors is None or other.factors is None:
            return self if other.factors is None else other
        return Scale(self.factors * other.factors)

    def shrunk(self, factor: float) -> Scale:
        """This times a number."""
        one = torch.ones((), dtype=torch.float64)
        return Scale((one if self.factors is None else self.factors) * factor)

    def inverse(self) -> Scale:
        return self if self.factors is None else Scale(1 / self.factors)

    def at(self, rows: Tensor | None) -> Scale:
        if self.factors is None or rows is None:
            return self
        return Scale(self.factors.index_select(0, rows))

    def like(self, x: Tensor) -> Tensor | None:
        """The factors in the type of x, always the same tensor."""
        if self.factors is None:
            return None
        if x.dtype not in self._cast:
            self._cast[x.dtype] = self.factors.to(x.dtype)
        return self._cast[x.dtype]


class Side:
    """One side of the graph: what its nodes sum, and by what they are scaled."""

    def __init__(self, sums: NeighbourSums, weights: Weights):
        self.sums = sums
        self.left, self.right = Scale(weights.left), Scale(weights.right)
        self.both = self.left.times(self.right)
        self.loop = None if weights.loop is None else Scale(weights.loop)


class End:
    """The rows of a side that are asked for; all if None."""

    def __init__(self, side: Side, rows: Tensor | None):
        self.side, self.rows = side, rows
        self.left, self.right = side.left.at(rows), side.right.at(rows)

    @cached_property
    def sums(self) -> NeighbourSums | RowSums | WholeThenRows:
        """Those of the rows, whose edges are looked up once, for all tables and both directions."""
        return self.side.sums.at(self.rows)

    def of(self, x: Tensor) -> Tensor:
        return x if self.rows is None else x.index_select(0, self.rows)

    def add_(self, x: Tensor, values: Tensor, factor: float = 1) -> Tensor:
        """Adds ``factor`` times what is on the rows to a table of all of them."""
        if self.rows is None:
            return x.add_(values, alpha=factor)
        return x.index_add_(0, self.rows, values, alpha=factor)
