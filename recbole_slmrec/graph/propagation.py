"""Mean over layers of a linear propagation, one side of the graph at a time (SLMRec Eq. 1-4)."""

from __future__ import annotations

from typing import Callable, Sequence

from torch import Tensor

from recbole_slmrec.graph.one_sided import OneSided
from recbole_slmrec.graph.product import Block, LinearMap
from recbole_slmrec.graph.sides import ADJACENCIES, End, Side, node_weights


class Propagation:
    r"""The encoder's linear part: :math:`\frac{1}{L+1} \sum_{l=0}^{L} \hat A^l` on a table of nodes.

    ``from_users`` takes a table that is zero on the items, ``from_items`` one that is zero on the
    users; the encoder of any table is the sum of both, since it is linear. Without self loops a hop
    moves everything to the other side, so each needs L products with one half of the graph, the last
    of them on the rows that are asked for only.

    Args:
        block: that of the graph.
        n_layers: L >= 0.
        adjacency: ``pre`` (D^-1/2 A D^-1/2), ``norm`` (row-normalised A + I), ``gcmc`` (D^-1 A),
            ``mean`` (D^-1 A + I) or ``plain`` (A). An isolated node's 1/0 counts as 0.

    Raises:
        ValueError: for a negative ``n_layers`` or an unknown ``adjacency``.
    """

    def __init__(self, block: Block, n_layers: int, adjacency: str = "pre"):
        if not isinstance(n_layers, int) or n_layers < 0:
            raise ValueError(f"n_layers [{n_layers}] must be a whole number, 0 or more")
        if adjacency not in ADJACENCIES:
            raise ValueError(f"adjacency [{adjacency}] is not one of {', '.join(ADJACENCIES)}")
        self.block = block
        self.n_layers = n_layers
        self.adjacency = adjacency
        self.users = node_weights(block.user_degrees, adjacency)
        self.items = node_weights(block.item_degrees, adjacency)
        self.user_side = Side(block.on_users, self.users)
        self.item_side = Side(block.on_items, self.items)

    def at(self, users: Tensor | None, items: Tensor | None) -> PropagationAt:
        """The propagation to these users and items only; shape (n,) each, distinct, or None for all."""
        return PropagationAt(self, users, items)

    def from_users(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Propagates a user table, shape (|U|, d): what arrives at all users and at all items."""
        return self.at(None, None).from_users(x)

    def from_items(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Propagates an item table, shape (|I|, d): what arrives at all users and at all items."""
        return self.at(None, None).from_items(x)

    def hop(self, on_users: Tensor, on_items: Tensor) -> tuple[Tensor, Tensor]:
        """One product with A_hat of a whole table, given and returned as its two sides."""
        users, items = self.user_side, self.item_side
        next_users = users.left(self.block.to_users(items.right(on_items)))
        next_items = items.left(self.block.to_items(users.right(on_users)))
        if users.loop is not None:
            next_users = next_users + users.loop(on_users)
            next_items = next_items + items.loop(on_items)
        return next_users, next_items


class PropagationAt:
    """A propagation to some users and items only, for any number of tables.

    Args:
        whole: the propagation to all.
        users: the users that are asked for, shape (n,), distinct; all if None.
        items: the items that are asked for, likewise.
    """

    def __init__(self, whole: Propagation, users: Tensor | None, items: Tensor | None):
        self.whole = whole
        self.users = End(whole.user_side, users)
        self.items = End(whole.item_side, items)

    def from_users(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Propagates a user table.

        Args:
            x: shape (|U|, d).

        Returns:
            What arrives at the users and at the items that are asked for: two tables.
        """
        if self.whole.users.loop is not None:
            return self._by_layers(x, x.new_zeros(self.whole.block.n_items, x.shape[1]))
        return OneSided(self.users, self.items, self.whole.n_layers)(x)

    def from_items(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Propagates an item table, shape (|I|, d); otherwise as :meth:`from_users`."""
        if self.whole.items.loop is not None:
            return self._by_layers(x.new_zeros(self.whole.block.n_users, x.shape[1]), x)
        on_items, on_users = OneSided(self.items, self.users, self.whole.n_layers)(x)
        return on_users, on_items

    def of_both(self, on_users: Tensor, on_items: Tensor) -> tuple[Tensor, Tensor]:
        """Propagates a table of all nodes, given as its two sides; otherwise as :meth:`from_users`."""
        if self.whole.users.loop is not None:
            return self._by_layers(on_users, on_items)
        of_users, of_items = self.from_users(on_users), self.from_items(on_items)
        return of_users[0] + of_items[0], of_users[1] + of_items[1]

    def hop_to_users(self, x: Tensor) -> Tensor:
        """One hop of an item table, shape (|I|, d), to the users that are asked for, without self loops."""
        users, items = self.users, self.whole.item_side
        return LinearMap.apply(
            x,
            lambda x: users.left.scale_(users.sums(items.right(x))),
            lambda gradient: items.right.scale_(users.sums.transposed(users.left(gradient))),
        )

    def from_masked_items(self, x: Tensor, masks: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
        """Propagates x * mask, shape (|I|, d), for each mask; otherwise as :meth:`from_items`."""
        if self.whole.items.loop is not None:
            return [self.from_items(x * mask) for mask in masks]
        arrivals = OneSided(self.items, self.users, self.whole.n_layers).masked(x, masks)
        return [(on_users, on_items) for on_items, on_users in arrivals]

    def _by_layers(self, on_users: Tensor, on_items: Tensor) -> tuple[Tensor, Tensor]:
        hops = [self.whole.hop] * self.whole.n_layers
        on_users, on_items = mean_over_layers(hops, on_users, on_items)
        return self.users.of(on_users), self.items.of(on_items)


Hop = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def mean_over_layers(
    hops: Sequence[Hop], on_users: Tensor, on_items: Tensor
) -> tuple[Tensor, Tensor]:
    """The encoder of a whole table as it reads, for hops that are not the same or have self loops.

    Args:
        hops: what each layer does with the two sides of the layer before.
        on_users: the table's side of users, shape (|U|, d).
        on_items: that of items, shape (|I|, d).

    Returns:
        The two sides of the mean of the table and all its layers.
    """
    sum_users, sum_items = on_users, on_items
    for hop in hops:
        on_users, on_items = hop(on_users, on_items)
        sum_users, sum_items = sum_users + on_users, sum_items + on_items
    return sum_users / (len(hops) + 1), sum_items / (len(hops) + 1)
