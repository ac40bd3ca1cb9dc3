"""Mean over layers of a propagation in which each layer has a graph of its own (SGL's RW)."""

from __future__ import annotations

from typing import Sequence

from torch import Tensor

from recbole_slmrec.graph.product import LinearMap
from recbole_slmrec.graph.propagation import PropagationAt, mean_over_layers
from recbole_slmrec.graph.sides import End


class Walk:
    r""":math:`\frac{1}{L+1} \sum_{l=0}^{L} \hat A_l \dots \hat A_1` of a table, on some rows.

    Without self loops a table of one side costs L products with one half of a graph, the last of
    them on the rows that are asked for only, as in a
    :class:`~recbole_slmrec.graph.propagation.Propagation`.

    Args:
        layers: propagations to the users and items that are asked for, of which each layer has the
            graph; first to last, one or more.
    """

    def __init__(self, layers: Sequence[PropagationAt]):
        self.layers = layers
        self.users, self.items = layers[0].users, layers[0].items

    def from_users(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Propagates a user table, shape (|U|, d): what arrives at the users and at the items."""
        if self.users.side.loop is not None:
            return self._by_layers(x, x.new_zeros(self.items.side.sums.n_destinations, x.shape[1]))
        return OneSidedWalk([(layer.users, layer.items) for layer in self.layers])(x)

    def from_items(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Propagates an item table, shape (|I|, d); otherwise as :meth:`from_users`."""
        if self.items.side.loop is not None:
            return self._by_layers(x.new_zeros(self.users.side.sums.n_destinations, x.shape[1]), x)
        on_items, on_users = OneSidedWalk([(layer.items, layer.users) for layer in self.layers])(x)
        return on_users, on_items

    def _by_layers(self, on_users: Tensor, on_items: Tensor) -> tuple[Tensor, Tensor]:
        hops = [layer.whole.hop for layer in self.layers]
        on_users, on_items = mean_over_layers(hops, on_users, on_items)
        return self.users.of(on_users), self.items.of(on_items)


class OneSidedWalk:
    """The walk of a table that is zero on the other side, there being no self loops.

    Args:
        layers: the rows that are asked for in each layer's graph: of the table's side, the other.
    """

    def __init__(self, layers: Sequence[tuple[End, End]]):
        self.own, self.mean = layers[0][0], 1 / (len(layers) + 1)
        # The first hop goes to the other side, the second comes back, and so on.
        self.hops = [ends if k % 2 == 0 else ends[::-1] for k, ends in enumerate(layers)]

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What arrives at the rows of the table's side and at those of the other side."""
        return LinearMap.apply(x, self._product, self._transposed)

    def _product(self, x: Tensor) -> tuple[Tensor, Tensor]:
        arrivals = [self.own.of(x)], []
        *hops, (last_start, last) = self.hops
        for layer, (start, end) in enumerate(hops, 1):
            x = end.side.left.scale_(end.side.sums(start.side.right(x)))
            arrivals[layer % 2].append(end.of(x))
        x = last.left.scale_(last.sums(last_start.side.right(x)))
        arrivals[len(self.hops) % 2].append(x)
        on_own, on_other = (sum(tables) * self.mean for tables in arrivals)
        return on_own, on_other

    def _transposed(self, *arrivals: Tensor) -> Tensor:
        shares = [gradient * self.mean for gradient in arrivals]
        *hops, (start, end) = self.hops
        x = end.sums.transposed(end.left(shares[len(self.hops) % 2]))
        x = start.side.right.scale_(x)
        for layer, (start, end) in reversed(list(enumerate(hops, 1))):
            x = end.side.left.scale_(end.add_(x, shares[layer % 2]))
            x = start.side.right.scale_(end.side.sums.transposed(x))
        return self.own.add_(x, shares[0])
