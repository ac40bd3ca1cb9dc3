"""Mean over layers of a linear propagation, one side of the graph at a time (SLMRec Eq. 1-4)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from recbole_slmrec.graph.product import InteractionBlock, LinearMap, NeighbourSums, RowSums

ADJACENCIES = ("pre", "norm", "gcmc", "mean", "plain")

# Looking up the edges of single rows costs more an edge than a whole hop: above this share of all
# edges, the whole hop is the quicker one.
_FEW_EDGES = 0.4


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
        to_items = _Hop(block.on_items, block.on_users, self.items.left, self.users.right)
        to_users = _Hop(block.on_users, block.on_items, self.users.left, self.items.right)
        self._from_users = _FromOneSide(to_items, to_users, n_layers)
        self._from_items = _FromOneSide(to_users, to_items, n_layers)

    def from_users(
        self, x: Tensor, users: Tensor | None = None, items: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Propagates a user table.

        Args:
            x: shape (|U|, d).
            users: the users that are asked for, shape (n,), distinct; all if None.
            items: the items that are asked for, likewise.

        Returns:
            What arrives at these users and at these items: two tables of as many rows.
        """
        if self.users.loop is None:
            return self._from_users(x, users, items)
        zeros = x.new_zeros(self.block.n_items, x.shape[1])
        on_users, on_items = self._layer_by_layer(x, zeros)
        return _rows(on_users, users), _rows(on_items, items)

    def from_items(
        self, x: Tensor, users: Tensor | None = None, items: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Propagates an item table, shape (|I|, d); otherwise as :meth:`from_users`."""
        if self.items.loop is None:
            on_items, on_users = self._from_items(x, items, users)
            return on_users, on_items
        zeros = x.new_zeros(self.block.n_users, x.shape[1])
        on_users, on_items = self._layer_by_layer(zeros, x)
        return _rows(on_users, users), _rows(on_items, items)

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

    def _layer_by_layer(self, on_users: Tensor, on_items: Tensor) -> tuple[Tensor, Tensor]:
        sum_users, sum_items = on_users, on_items
        for _ in range(self.n_layers):
            on_users, on_items = self.hop(on_users, on_items)
            sum_users, sum_items = sum_users + on_users, sum_items + on_items
        return sum_users / (self.n_layers + 1), sum_items / (self.n_layers + 1)


class _Hop:
    """x to diag(left) S diag(right) x, where S sums over neighbours."""

    def __init__(
        self, sums: NeighbourSums, back: NeighbourSums, left: Tensor | None, right: Tensor | None
    ):
        self.sums, self.back, self.left, self.right = sums, back, left, right

    def __call__(self, x: Tensor) -> Tensor:
        return _scale_(self.sums(_scaled(x, self.right)), self.left)

    def transposed(self, x: Tensor) -> Tensor:
        return _scale_(self.back(_scaled(x, self.left)), self.right)

    def at(self, rows: Tensor | None) -> _Hop | _HopAt | _HopThenRows:
        """The same hop, of the destinations ``rows`` only; itself if None."""
        if rows is None:
            return self
        few = self.sums.degrees[rows].sum() <= _FEW_EDGES * len(self.sums.columns)
        return _HopAt(self, rows) if few else _HopThenRows(self, rows)


class _HopAt:
    """Some rows of a hop; their edges are looked up once, for the hop and its transpose."""

    def __init__(self, hop: _Hop, rows: Tensor):
        self.hop, self.rows = hop, rows
        self.left, self.right = _rows(hop.left, rows), hop.right

    @cached_property
    def sums(self) -> RowSums:
        return self.hop.sums.at(self.rows)

    def __call__(self, x: Tensor) -> Tensor:
        return _scale_(self.sums.weighted(x, self.right), self.left)

    def transposed(self, x: Tensor) -> Tensor:
        return _scale_(self.sums.transposed(_scaled(x, self.left)), self.right)


class _HopThenRows:
    """Some rows of a hop that is made whole."""

    def __init__(self, hop: _Hop, rows: Tensor):
        self.hop, self.rows = hop, rows

    def __call__(self, x: Tensor) -> Tensor:
        return _rows(self.hop(x), self.rows)

    def transposed(self, x: Tensor) -> Tensor:
        whole = x.new_zeros(self.hop.sums.n_destinations, x.shape[1])
        return self.hop.transposed(_add_rows_(whole, self.rows, x))


class _RoundTrip:
    """K, a hop there and one back, the scales in the middle put into one."""

    def __init__(self, there: _Hop, back: _Hop):
        self.there, self.back = there, back
        self.middle = _both(there.left, back.right)

    def __call__(self, x: Tensor) -> Tensor:
        y = self.there.sums(_scaled(x, self.there.right))
        return _scale_(self.back.sums(_scale_(y, self.middle)), self.back.left)

    def transposed(self, x: Tensor) -> Tensor:
        y = self.back.back(_scaled(x, self.back.left))
        return _scale_(self.there.back(_scale_(y, self.middle)), self.there.right)


class _FromOneSide:
    """The mean over layers of a table that is zero on the other side, there being no self loops.

    Even powers stay on the table's own side and odd ones land on the other, so that with
    P = I + K + K^2 + ..., where K goes there and back, each is a product with the same sum:
    (L odd) own = P x, other = there P x; (L even) other = there P x, own = x + back there P x.
    The division by L + 1 comes last, on the rows that are asked for.
    """

    def __init__(self, there: _Hop, back: _Hop, n_layers: int):
        self.there, self.back, self.n_layers = there, back, n_layers
        self.round_trip = _RoundTrip(there, back)
        self.n_rounds = (n_layers - 1) // 2

    def __call__(self, x: Tensor, own: Tensor | None, other: Tensor | None):
        """The rows ``own`` of the table's side and ``other`` of the other; all where None."""
        last = self.there.at(other) if self.n_layers % 2 == 1 else self.back.at(own)
        return LinearMap.apply(
            x,
            lambda x: self._product(x, own, other, last),
            lambda on_own, on_other: self._transposed(on_own, on_other, own, other, last),
        )

    def _product(self, x, own, other, last) -> tuple[Tensor, Tensor]:
        if self.n_layers == 0:
            zeros = x.new_zeros(self.there.sums.n_destinations, x.shape[1])
            return _rows(x, own).clone(), _rows(zeros, other)
        y = x
        for _ in range(self.n_rounds):
            y = self.round_trip(y).add_(x)
        if self.n_layers % 2 == 1:
            on_own, on_other = _rows(y, own), last(y)
        else:
            y = self.there(y)
            on_own, on_other = last(y).add_(_rows(x, own)), _rows(y, other)
        return on_own / (self.n_layers + 1), on_other / (self.n_layers + 1)

    def _transposed(self, on_own, on_other, own, other, last) -> Tensor:
        on_own, on_other = on_own / (self.n_layers + 1), on_other / (self.n_layers + 1)
        if self.n_layers == 0:
            zeros = on_own.new_zeros(self.there.sums.n_sources, on_own.shape[1])
            return _add_rows_(zeros, own, on_own)
        if self.n_layers % 2 == 1:
            start = _add_rows_(last.transposed(on_other), own, on_own)
        else:
            y = _add_rows_(last.transposed(on_own), other, on_other)
            start = self.there.transposed(y)
        x = start
        for _ in range(self.n_rounds):
            x = self.round_trip.transposed(x).add_(start)
        return x if self.n_layers % 2 == 1 else _add_rows_(x, own, on_own)


def _rows(x: Tensor | None, rows: Tensor | None) -> Tensor | None:
    return x if x is None or rows is None else x.index_select(0, rows)


def _add_rows_(x: Tensor, rows: Tensor | None, values: Tensor) -> Tensor:
    return x.add_(values) if rows is None else x.index_add_(0, rows, values)


def _both(one: Tensor | None, other: Tensor | None) -> Tensor | None:
    return other if one is None else one if other is None else one * other


def _scaled(x: Tensor, scale: Tensor | None) -> Tensor:
    return x if scale is None else x * scale.to(x.dtype)


def _scale_(x: Tensor, scale: Tensor | None) -> Tensor:
    return x if scale is None else x.mul_(scale.to(x.dtype))


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
