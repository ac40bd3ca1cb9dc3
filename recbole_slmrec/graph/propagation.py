"""Mean over layers of a linear propagation, one side of the graph at a time (SLMRec Eq. 1-4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

import torch
from torch import Tensor

from recbole_slmrec.graph.product import InteractionBlock

ADJACENCIES = ("pre", "norm", "gcmc", "mean", "plain")

Hop = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class _Weights:
    """A_hat as diag(left) A diag(right) + diag(loop), per node of one side; None stands for 1 (loop: 0)."""

    left: Tensor | None
    right: Tensor | None
    loop: Tensor | None


class Propagation:
    r"""The encoder's linear part: :math:`\frac{1}{L+1} \sum_{l=0}^{L} \hat A^l` on a table of nodes.

    ``from_users`` takes a table that is zero on the items, ``from_items`` one that is zero on the
    users; the encoder of any table is the sum of both, since it is linear. Without self loops a hop
    moves everything to the other side, so each needs L products with one half of the graph.

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
        self.users = _weights(block.user_degrees, adjacency)
        self.items = _weights(block.item_degrees, adjacency)

    def from_users(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Propagates a user table, shape (|U|, d), to ((|U|, d) on users, (|I|, d) on items)."""
        if self.users.loop is None:
            return _by_parity(x, self.to_items, self.to_users, self.n_layers, self.block.n_items)
        return self._layer_by_layer(x, x.new_zeros(self.block.n_items, x.shape[1]))

    def from_items(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Propagates an item table, shape (|I|, d), to ((|U|, d) on users, (|I|, d) on items)."""
        if self.items.loop is None:
            on_items, on_users = _by_parity(
                x, self.to_users, self.to_items, self.n_layers, self.block.n_users
            )
            return on_users, on_items
        return self._layer_by_layer(x.new_zeros(self.block.n_users, x.shape[1]), x)

    def to_items(self, x: Tensor) -> Tensor:
        """The user-to-item half of one hop, shape (|U|, d) -> (|I|, d)."""
        return _scaled(self.block.to_items(_scaled(x, self.users.right)), self.items.left)

    def to_users(self, x: Tensor) -> Tensor:
        """The item-to-user half of one hop, shape (|I|, d) -> (|U|, d)."""
        return _scaled(self.block.to_users(_scaled(x, self.items.right)), self.users.left)

    def hop(self, on_users: Tensor, on_items: Tensor) -> tuple[Tensor, Tensor]:
        """One product with A_hat of a whole table, given and returned as its two sides."""
        next_users, next_items = self.to_users(on_items), self.to_items(on_users)
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


def _by_parity(
    x: Tensor, there: Hop, back: Hop, n_layers: int, n_others: int
) -> tuple[Tensor, Tensor]:
    """Even powers stay on x's side and odd ones land on the other; both by Horner's rule."""
    x = x / (n_layers + 1)
    if n_layers == 0:
        return x, x.new_zeros(n_others, x.shape[1])
    same = x
    for _ in range((n_layers - 1) // 2):
        same = x + back(there(same))
    other = there(same)
    if n_layers % 2 == 0:
        same = x + back(other)
    return same, other


def _scaled(x: Tensor, scale: Tensor | None) -> Tensor:
    return x if scale is None else x * scale.to(x.dtype)


def _weights(degrees: Tensor, adjacency: str) -> _Weights:
    # In double, so that a float64 model is not limited by the scales; cast where they are used.
    degrees = degrees.to(torch.float64).unsqueeze(1)
    inverse = torch.where(degrees > 0, 1 / degrees, torch.zeros_like(degrees))
    if adjacency == "pre":
        return _Weights(left=inverse.sqrt(), right=inverse.sqrt(), loop=None)
    if adjacency == "norm":
        return _Weights(left=1 / (degrees + 1), right=None, loop=1 / (degrees + 1))
    if adjacency == "gcmc":
        return _Weights(left=inverse, right=None, loop=None)
    if adjacency == "mean":
        return _Weights(left=inverse, right=None, loop=torch.ones_like(degrees))
    return _Weights(left=None, right=None, loop=None)
