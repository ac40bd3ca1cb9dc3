"""Aggregation of each node's neighbours: their sum, mean or maximum (MMGCN's aggregation layer)."""

from __future__ import annotations

from typing import Callable

import torch
from torch import Tensor

from recbole_slmrec.graph import dgl_kernels
from recbole_slmrec.graph.bipartite import Half, InteractionGraph
from recbole_slmrec.graph.product import InteractionBlock, Product, resolve_backend


class NeighbourSum:
    """The sum of each node's neighbours; zero for an isolated node.

    Called with a table of all nodes, shape (|U| + |I|, d), users before items; returns one of that
    shape.

    Args:
        graph: the interactions.
        device: where it runs.
        backend: as for :class:`~recbole_slmrec.graph.product.InteractionBlock`.

    Raises:
        ValueError: as :class:`~recbole_slmrec.graph.product.InteractionBlock`.
    """

    def __init__(self, graph: InteractionGraph, device: torch.device, backend: str = "auto"):
        self.block = InteractionBlock(graph, device, backend)

    def __call__(self, x: Tensor) -> Tensor:
        on_users, on_items = x.split([self.block.n_users, self.block.n_items])
        return torch.cat([self.block.to_users(on_items), self.block.to_items(on_users)])


class NeighbourMean(NeighbourSum):
    """The mean of each node's neighbours; zero for an isolated node.

    Made and called as :class:`NeighbourSum`.
    """

    def __init__(self, graph: InteractionGraph, device: torch.device, backend: str = "auto"):
        super().__init__(graph, device, backend)
        degrees = torch.cat([self.block.user_degrees, self.block.item_degrees])
        self.divisors = degrees.clamp(min=1).unsqueeze(1)

    def __call__(self, x: Tensor) -> Tensor:
        return super().__call__(x) / self.divisors


class NeighbourMax:
    """The maximum of each node's neighbours, column by column; zero for an isolated node.

    Made and called as :class:`NeighbourSum`, but that ``auto`` is DGL where it has kernels, a CPU too:
    torch has none of its own. Where neighbours tie, DGL's kernel gives the gradient to one
    of them and torch's shares it among them; both are subgradients.
    """

    def __init__(self, graph: InteractionGraph, device: torch.device, backend: str = "auto"):
        graph = graph.to(device)
        self.n_users, self.n_items = graph.n_users, graph.n_items
        maxima = _MAXIMA[resolve_backend(backend, device)]
        self.to_users, self.to_items = maxima(graph)
        degrees = torch.cat([graph.on_users.degrees, graph.on_items.degrees])
        self.isolated = (degrees == 0).unsqueeze(1)

    def __call__(self, x: Tensor) -> Tensor:
        on_users, on_items = x.split([self.n_users, self.n_items])
        maxima = torch.cat([self.to_users(on_items), self.to_items(on_users)])
        return maxima.masked_fill(self.isolated, 0)


Aggregation = Callable[[Tensor], Tensor]

AGGREGATIONS = {"mean": NeighbourMean, "sum": NeighbourSum, "max": NeighbourMax}


def _dgl_maxima(graph: InteractionGraph) -> tuple[Product, Product]:
    """On users and on items, the maximum over each one's neighbours; -inf where it has none."""
    whole = dgl_kernels.heterograph(graph)
    relations = dgl_kernels.ITEM_TO_USER, dgl_kernels.USER_TO_ITEM
    on_users, on_items = (dgl_kernels.neighbour_maxima(whole[relation]) for relation in relations)
    return on_users, on_items


def _torch_maxima(graph: InteractionGraph) -> tuple[Product, Product]:
    """As `_dgl_maxima`."""
    return _torch_maximum(graph.on_users), _torch_maximum(graph.on_items)


_MAXIMA = {"dgl": _dgl_maxima, "torch": _torch_maxima}


def _torch_maximum(half: Half) -> Product:
    numbers = torch.arange(half.n_destinations, device=half.starts.device)
    sources, destinations = half.columns.long(), numbers.repeat_interleave(half.degrees)

    def maximum(x: Tensor) -> Tensor:
        messages = x[sources]
        rows = destinations.unsqueeze(1).expand_as(messages)
        # Not zeros with include_self=False: torch would share the gradient with a zero that ties.
        lowest = x.new_full((half.n_destinations, x.shape[1]), -torch.inf)
        return lowest.scatter_reduce(0, rows, messages, "amax")

    return maximum
