"""Aggregation of each node's neighbours: their sum, mean or maximum (MMGCN's aggregation layer)."""

from __future__ import annotations

from typing import Callable

import dgl
import torch
from torch import Tensor

from recbole_slmrec.graph.bipartite import ITEM_TO_USER, USER_TO_ITEM
from recbole_slmrec.graph.product import InteractionBlock, Product, resolve_backend


class NeighbourSum:
    """The sum of each node's neighbours; zero for an isolated node.

    Called with a table of all nodes, shape (|U| + |I|, d), users before items; returns one of that
    shape.

    Args:
        graph: the heterograph of :func:`~recbole_slmrec.graph.bipartite.interaction_graph`.
        device: where it runs.
        backend: as for :class:`~recbole_slmrec.graph.product.InteractionBlock`.

    Raises:
        ValueError: as :class:`~recbole_slmrec.graph.product.InteractionBlock`.
    """

    def __init__(self, graph: dgl.DGLGraph, device: torch.device, backend: str = "auto"):
        self.block = InteractionBlock(graph, device, backend)

    def __call__(self, x: Tensor) -> Tensor:
        on_users, on_items = x.split([self.block.n_users, self.block.n_items])
        return torch.cat([self.block.to_users(on_items), self.block.to_items(on_users)])


class NeighbourMean(NeighbourSum):
    """The mean of each node's neighbours; zero for an isolated node.

    Made and called as `NeighbourSum`.
    """

    def __init__(self, graph: dgl.DGLGraph, device: torch.device, backend: str = "auto"):
        super().__init__(graph, device, backend)
        degrees = torch.cat([self.block.user_degrees, self.block.item_degrees])
        self.divisors = degrees.clamp(min=1).unsqueeze(1)

    def __call__(self, x: Tensor) -> Tensor:
        return super().__call__(x) / self.divisors


class NeighbourMax:
    """The maximum of each node's neighbours, column by column; zero for an isolated node.

    Made and called as `NeighbourSum`. Where neighbours tie, DGL's kernel gives the gradient to one
    of them and torch's shares it among them; both are subgradients.
    """

    def __init__(self, graph: dgl.DGLGraph, device: torch.device, backend: str = "auto"):
        self.n_users, self.n_items = graph.num_nodes("user"), graph.num_nodes("item")
        maximum = _dgl_max if resolve_backend(backend, device) == "dgl" else _torch_max
        self.to_users = maximum(graph, ITEM_TO_USER, device)
        self.to_items = maximum(graph, USER_TO_ITEM, device)
        degrees = [graph.in_degrees(etype=relation) for relation in (ITEM_TO_USER, USER_TO_ITEM)]
        self.isolated = (torch.cat(degrees) == 0).unsqueeze(1).to(device)

    def __call__(self, x: Tensor) -> Tensor:
        on_users, on_items = x.split([self.n_users, self.n_items])
        maxima = torch.cat([self.to_users(on_items), self.to_items(on_users)])
        return maxima.masked_fill(self.isolated, 0)


Aggregation = Callable[[Tensor], Tensor]

AGGREGATIONS = {"mean": NeighbourMean, "sum": NeighbourSum, "max": NeighbourMax}


def _dgl_max(graph: dgl.DGLGraph, relation: str, device: torch.device) -> Product:
    """Maximum over each destination's sources; -inf where it has none."""
    graph = graph.to(device)[relation]
    return lambda x: dgl.ops.copy_u_max(graph, x)


def _torch_max(graph: dgl.DGLGraph, relation: str, device: torch.device) -> Product:
    """As `_dgl_max`."""
    sources, destinations = (ends.long().to(device) for ends in graph.edges(etype=relation))
    n_destinations = graph.num_nodes(graph.to_canonical_etype(relation)[2])

    def maximum(x: Tensor) -> Tensor:
        messages = x[sources]
        rows = destinations.unsqueeze(1).expand_as(messages)
        # Not zeros with include_self=False: torch would share the gradient with a zero that ties.
        lowest = x.new_full((n_destinations, x.shape[1]), -torch.inf)
        return lowest.scatter_reduce(0, rows, messages, "amax")

    return maximum
