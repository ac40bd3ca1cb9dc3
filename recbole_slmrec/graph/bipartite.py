"""The user-item interaction graph: its two directions, each in compressed sparse rows."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Half:
    """One direction of a bipartite graph: the sources of each destination's edges.

    Attributes:
        starts: where each destination's edges begin, and where the last one's end; shape
            (n_destinations + 1,), 32-bit.
        columns: the source of each edge, ascending for the edges of one destination; shape (E,),
            32-bit.
        n_sources: number of sources.
    """

    starts: Tensor
    columns: Tensor
    n_sources: int

    @property
    def n_destinations(self) -> int:
        """Number of destinations."""
        return len(self.starts) - 1

    @property
    def degrees(self) -> Tensor:
        """The number of edges of each destination, shape (n_destinations,)."""
        return self.starts.diff()

    def to(self, device: torch.device) -> Half:
        """The same on ``device``."""
        return Half(self.starts.to(device), self.columns.to(device), self.n_sources)


@dataclass(frozen=True)
class InteractionGraph:
    """The graph of SLMRec section II.

    Attributes:
        on_users: the edges that end in users.
        on_items: the same edges, that end in items.
    """

    on_users: Half
    on_items: Half

    @property
    def n_users(self) -> int:
        """|U|."""
        return self.on_users.n_destinations

    @property
    def n_items(self) -> int:
        """|I|."""
        return self.on_items.n_destinations

    def to(self, device: torch.device) -> InteractionGraph:
        """The same on ``device``."""
        return InteractionGraph(self.on_users.to(device), self.on_items.to(device))


def interaction_graph(users: Tensor, items: Tensor, n_users: int, n_items: int) -> InteractionGraph:
    """Builds the graph of SLMRec section II: one edge per distinct interaction, in both directions.

    Args:
        users: shape (E,), user of each interaction, in [0, n_users).
        items: shape (E,), item of each interaction, in [0, n_items).
        n_users: number of user nodes; those without an interaction are isolated.
        n_items: number of item nodes; likewise.

    Raises:
        ValueError: if there is no interaction, or an id is out of range.
    """
    if len(users) == 0:
        raise ValueError("the interaction graph has no edge: the training split is empty")
    for ids, count, side in ((users, n_users, "user"), (items, n_items, "item")):
        if int(ids.min()) < 0 or int(ids.max()) >= count:
            raise ValueError(
                f"{side} ids reach from {int(ids.min())} to {int(ids.max())}, "
                f"but the graph has {count} {side}s (0 to {count - 1})"
            )
    pairs = torch.unique(users.long() * n_items + items.long())
    users, items = pairs // n_items, pairs % n_items
    by_item = items.argsort(stable=True)
    return InteractionGraph(
        on_users=Half(_starts(users, n_users), items.int(), n_items),
        on_items=Half(_starts(items, n_items), users[by_item].int(), n_users),
    )


def _starts(destinations: Tensor, n_destinations: int) -> Tensor:
    counts = torch.bincount(destinations, minlength=n_destinations)
    return F.pad(counts.cumsum(0), (1, 0)).int()
