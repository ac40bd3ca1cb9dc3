"""Mean over layers of a linear propagation, one side of the graph at a time (SLMRec Eq. 1-4)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from recbole_slmrec.graph.product import (
    InteractionBlock,
    LinearMap,
    NeighbourSums,
    RowSums,
    WholeThenRows,
)

ADJACENCIES = ("pre", "norm", "gcmc", "mean", "plain")


@dataclass(frozen=True)
class Weights:
    """A_hat as diag(left) A diag(right) + diag(loop), per node of one side; None stands for 1 (loop: 0)."""

    left: Tensor | None
    right: Tensor | None
    loop: Tensor | None


class Propagation:
    r"""The encoder's linear part: :math:`\frac{1}{L+1} \sum_{l=0}^{L} \hat A^l` on a table of nodes.

    ``from_users`` takes a table that is zero on the items, ``from_items`` one that is zero on the
    users; the encoder of any table is the sum of both, since it is linear. Without self loops a hop
    moves everything to the other side, so each needs L products with one half of the graph, the last
    of them on the rows that are asked for only.

    Args:
        block: the interaction block.
        n_layers: L >= 0.
        adjacency: ``pre`` (D^-1/2 A D^-1/2), ``norm`` (row-normalised A + I), ``gcmc`` (D^-1 A),
            ``mean`` (D^-1 A + I) or ``plain`` (A). An isolated node's 1/0 counts as 0.

    Raises:
        ValueError: for a negative ``n_layers`` or an unknown ``adjacency``.
    """

    def __init__(self, block: InteractionBlock, n_layers: int, adjacency: str = "pre"):
        if not isinstance(n_layers, int) or n_layers < 0:
            raise ValueError(f"n_layers [{n_layers}] must be a whole number, 0 or more")
        if adjacency not in ADJACENCIES:
            raise ValueError(f"adjacency [{adjacency}] is not one of {', '.join(ADJACENCIES)}")
        self.block = block
        self.n_layers = n_layers
        self.adjacency = adjacency
        self.users = node_weights(block.user_degrees, adjacency)
        self.items = node_weights(block.item_degrees, adjacency)
        self.user_side = _Side(block.on_users, self.users)
        self.item_side = _Side(block.on_items, self.items)
        self._everywhere = PropagationAt(self, None, None)

    def at(self, users: Tensor | None, items: Tensor | None) -> PropagationAt:
        """The propagation to these users and items only; shape (n,) each, distinct, or None for all."""
        return PropagationAt(self, users, items)

    def from_users(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Propagates a user table, shape (|U|, d): what arrives at all users and at all items."""
        return self._everywhere.from_users(x)

    def from_items(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Propagates an item table, shape (|I|, d): what arrives at all users and at all items."""
        return self._everywhere.from_items(x)

    def hop(self, on_users: Tensor, on_items: Tensor) -> tuple[Tensor, Tensor]:
        """One product with A_hat of a whole table, given and returned as its two sides."""
        next_users = _scaled(on_items, self.items.right)
        next_users = _scaled(self.block.to_users(next_users), self.users.left)
        next_items = _scaled(on_users, self.users.right)
        next_items = _scaled(self.block.to_items(next_items), self.items.left)
        if self.users.loop is not None:
            next_users = next_users + _scaled(on_users, self.users.loop)
            next_items = next_items + _scaled(on_items, self.items.loop)
        return next_users, next_items

    def layer_by_layer(self, on_users: Tensor, on_items: Tensor) -> tuple[Tensor, Tensor]:
        """The encoder of a whole table as it reads, for adjacencies with self loops."""
        sum_users, sum_items = on_users, on_items
        for _ in range(self.n_layers):
            on_users, on_items = self.hop(on_users, on_items)
            sum_users, sum_items = sum_users + on_users, sum_items + on_items
        return sum_users / (self.n_layers + 1), sum_items / (self.n_layers + 1)


class PropagationAt:
    """A propagation to some users and items only, for any number of tables.

    Args:
        propagation: the whole.
        users: the users that are asked for, shape (n,), distinct; all if None.
        items: the items that are asked for, likewise.
    """

    def __init__(self, propagation: Propagation, users: Tensor | None, items: Tensor | None):
        self.propagation = propagation
        self.users = _End(propagation.user_side, users)
        self.items = _End(propagation.item_side, items)

    def from_users(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Propagates a user table.

        Args:
            x: shape (|U|, d).

        Returns:
            What arrives at the users and at the items that are asked for: two tables.
        """
        if self.propagation.users.loop is not None:
            return self._by_layers(x, x.new_zeros(self.propagation.block.n_items, x.shape[1]))
        return _OneSided(self.users, self.items, self.propagation.n_layers)(x)

    def from_items(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Propagates an item table, shape (|I|, d); otherwise as :meth:`from_users`."""
        if self.propagation.items.loop is not None:
            return self._by_layers(x.new_zeros(self.propagation.block.n_users, x.shape[1]), x)
        on_items, on_users = _OneSided(self.items, self.users, self.propagation.n_layers)(x)
        return on_users, on_items

    def from_masked_items(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Propagates x * mask, shape (|I|, d); otherwise as :meth:`from_items`."""
        if self.propagation.items.loop is not None:
            return self.from_items(x * mask)
        one_sided = _OneSided(self.items, self.users, self.propagation.n_layers)
        on_items, on_users = one_sided.masked(x, mask)
        return on_users, on_items

    def _by_layers(self, on_users: Tensor, on_items: Tensor) -> tuple[Tensor, Tensor]:
        on_users, on_items = self.propagation.layer_by_layer(on_users, on_items)
        return self.users.of(on_users), self.items.of(on_items)


class _Scale:
    """A diagonal matrix: a factor a node, shape (n, 1); None stands for the identity."""

    def __init__(self, factors: Tensor | None):
        self.factors = factors
        self._cast: dict[torch.dtype, Tensor] = {}

    def __call__(self, x: Tensor) -> Tensor:
        """A new table."""
        return x.clone() if self.factors is None else x * self._as(x)

    def scale_(self, x: Tensor) -> Tensor:
        return x if self.factors is None else x.mul_(self._as(x))

    def add_scaled_(self, x: Tensor, y: Tensor) -> Tensor:
        """Gives x + this y, in y's place."""
        return y.add_(x) if self.factors is None else torch.addcmul(x, y, self._as(y), out=y)

    def times(self, other: _Scale) -> _Scale:
        if self.factors is None or other.factors is None:
            return self if other.factors is None else other
        return _Scale(self.factors * other.factors)

    def at(self, rows: Tensor | None) -> _Scale:
        if self.factors is None or rows is None:
            return self
        return _Scale(self.factors.index_select(0, rows))

    def _as(self, x: Tensor) -> Tensor:
        if x.dtype not in self._cast:
            self._cast[x.dtype] = self.factors.to(x.dtype)
        return self._cast[x.dtype]


class _Side:
    """One side of the graph: what its nodes sum, and by what they are scaled."""

    def __init__(self, sums: NeighbourSums, weights: Weights):
        self.sums = sums
        self.left, self.right = _Scale(weights.left), _Scale(weights.right)
        self.both = self.left.times(self.right)


class _End:
    """The rows of a side that are asked for; all if None."""

    def __init__(self, side: _Side, rows: Tensor | None):
        self.side, self.rows = side, rows
        self.left = side.left.at(rows)

    @cached_property
    def sums(self) -> NeighbourSums | RowSums | WholeThenRows:
        """Those of the rows, whose edges are looked up once, for all tables and both directions."""
        return self.side.sums.at(self.rows)

    def of(self, x: Tensor) -> Tensor:
        return x if self.rows is None else x.index_select(0, self.rows)

    def add_(self, x: Tensor, values: Tensor) -> Tensor:
        return x.add_(values) if self.rows is None else x.index_add_(0, self.rows, values)


class _OneSided:
    """The mean over layers of a table that is zero on the other side, there being no self loops.

    Even powers stay on the table's own side and odd ones land on the other. Where a hop is
    L_t S_t R_o to the other side and L_o S_o R_t back (S sums, L and R scale), K = (back there) and
    P = I + K + K^2 + ..., each is a product with the same P:
    (L odd) own = P x, other = there P x; (L even) other = there P x, own = x + back there P x.
    The recursion goes from y = R_o P x to the next, so that scales that meet are applied as one, and
    those at the end, with the division by L + 1, on the rows that are asked for only.
    """

    def __init__(self, own: _End, other: _End, n_layers: int):
        self.own, self.other, self.n_layers = own, other, n_layers
        self.n_rounds, self.mean = (n_layers - 1) // 2, 1 / (n_layers + 1)

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What arrives at the rows ``own`` of the table's side and ``other`` of the other side."""
        return LinearMap.apply(x, self._product, self._transposed)

    def masked(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """The same of x * mask, in the memory of that product; ``mask`` is a constant."""
        return LinearMap.apply(
            x,
            lambda x: self._product_(x * mask),
            lambda *gradients: self._transposed(*gradients).mul_(mask),
        )

    def _product(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self._arrivals(self.own.of(x) * self.mean, self.own.side.right(x))

    def _product_(self, x: Tensor) -> tuple[Tensor, Tensor]:
        on_own = self.own.of(x) * self.mean
        return self._arrivals(on_own, self.own.side.right.scale_(x))

    def _arrivals(self, on_own: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
        """From x / (L + 1) on the rows ``own``, which is added to, and R_o x."""
        own, other, mean = self.own, self.other, self.mean
        if self.n_layers == 0:
            n_other = other.side.sums.n_destinations
            return on_own, other.of(start.new_zeros(n_other, start.shape[1]))
        if self.n_layers % 2 == 0:
            there = other.side.sums(self._powers(start, self.n_rounds))
            on_other = other.left(other.of(there)) * mean
            last = own.sums(other.side.both.scale_(there))
            return on_own.add_(own.left(last), alpha=mean), on_other
        y = start
        if self.n_rounds:
            back = self._there_and_back(self._powers(start, self.n_rounds - 1))
            on_own.add_(own.left(own.of(back)), alpha=mean)
            y = own.side.both.add_scaled_(start, back)
        return on_own, other.left(other.sums(y)) * mean

    def _transposed(self, on_own: Tensor, on_other: Tensor) -> Tensor:
        own, other = self.own, self.other
        on_own, on_other = on_own * self.mean, on_other * self.mean
        if self.n_layers == 0:
            zeros = on_own.new_zeros(own.side.sums.n_destinations, on_own.shape[1])
            return own.add_(zeros, on_own)
        if self.n_layers % 2 == 0:
            there = other.side.both.scale_(own.sums.transposed(own.left(on_own)))
            x = own.side.sums(other.add_(there, other.left(on_other)))
            start = own.side.both(x)
        else:
            x = other.sums.transposed(other.left(on_other))
            start = own.add_(own.side.both(x), own.left(on_own))
        if self.n_rounds:
            x = self._there_and_back(self._powers(start, self.n_rounds - 1)).add_(x)
        return own.add_(own.side.right.scale_(x), on_own)

    def _powers(self, start: Tensor, n: int) -> Tensor:
        """R_o (1 + K + ... + K^n) of the table that ``start`` is R_o times; K' alike, with L_o."""
        y = start
        for _ in range(n):
            y = self.own.side.both.add_scaled_(start, self._there_and_back(y))
        return y

    def _there_and_back(self, y: Tensor) -> Tensor:
        there = self.other.side.both.scale_(self.other.side.sums(y))
        return self.own.side.sums(there)


def _scaled(x: Tensor, scale: Tensor | None) -> Tensor:
    return x if scale is None else x * scale.to(x.dtype)


def node_weights(degrees: Tensor, adjacency: str) -> Weights:
    """A_hat's weights of nodes with these degrees, shape (n,): shape (n, 1) each."""
    # In double, so that a float64 model is not limited by the scales; cast where they are used.
    degrees = degrees.to(torch.float64).unsqueeze(1)
    inverse = torch.where(degrees > 0, 1 / degrees, torch.zeros_like(degrees))
    if adjacency == "pre":
        return Weights(left=inverse.sqrt(), right=inverse.sqrt(), loop=None)
    if adjacency == "norm":
        return Weights(left=1 / (degrees + 1), right=None, loop=1 / (degrees + 1))
    if adjacency == "gcmc":
        return Weights(left=inverse, right=None, loop=None)
    if adjacency == "mean":
        return Weights(left=inverse, right=None, loop=torch.ones_like(degrees))
    return Weights(left=None, right=None, loop=None)
