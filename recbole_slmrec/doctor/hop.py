"""How long a hop takes on this machine: a measure of a second."""

from __future__ import annotations

from statistics import median
from time import perf_counter

import torch

from recbole_slmrec.graph.bipartite import interaction_graph
from recbole_slmrec.graph.product import InteractionBlock

# Of the size of a public data set, with a popularity that falls with the rank.
EDGES, WIDTH = 400_000, 64
_NODES, _SECONDS, _FEWEST = 30_000, 1.0, 5


def milliseconds(backend: str, device: str) -> float:
    """The median time of the sums over neighbours of all users and of all items, together.

    Args:
        backend: ``dgl`` or ``torch``.
        device: such as ``cpu``.
    """
    generator = torch.Generator().manual_seed(0)
    users = torch.randint(_NODES, (EDGES,), generator=generator)
    items = (_NODES * torch.rand(EDGES, generator=generator) ** 3).long()
    graph = interaction_graph(users, items, _NODES, _NODES)
    block = InteractionBlock(graph, torch.device(device), backend)
    x = torch.rand(_NODES, WIDTH, generator=generator).to(device)
    taken: list[float] = []
    while len(taken) < _FEWEST or sum(taken) < _SECONDS:
        start = perf_counter()
        on_both = block.on_users(x), block.on_items(x)
        # Reads a number of each, for a device works on while Python goes ahead.
        for sums in on_both:
            sums[0, 0].item()
        taken.append(perf_counter() - start)
    return 1e3 * median(taken)
