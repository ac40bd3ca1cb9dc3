"""One hop of 64 columns by each graph backend, both directions of the graph together."""

from __future__ import annotations

from typing import Sequence

import torch
from torch import Tensor

from benchmarks import shapes
from benchmarks.device import device
from benchmarks.timing import medians_in_turn
from recbole_slmrec.graph.bipartite import interaction_graph
from recbole_slmrec.graph.dgl_kernels import obstacle
from recbole_slmrec.graph.product import InteractionBlock

N_COLUMNS = 64


def measure(sizes: Sequence[shapes.Shape], rounds: int) -> dict[str, dict[str, float]]:
    """Times the training graphs of generated sets.

    Returns:
        By the name of a set: its ``edges``, and the seconds of ``torch`` and, where it has kernels, of
        ``dgl``.
    """
    return {shape.name: _measured(shape, rounds) for shape in sizes}


def _measured(shape: shapes.Shape, rounds: int) -> dict[str, float]:
    users, items = torch.from_numpy(shapes.interactions(shape)["train"]).unbind(1)
    graph = interaction_graph(users, items, shape.n_users, shape.n_items)
    on_users, on_items = (
        torch.rand(n, N_COLUMNS, device=device()) for n in (shape.n_users, shape.n_items)
    )
    backends = ["torch"] if obstacle(device().type) else ["dgl", "torch"]
    blocks = {name: InteractionBlock(graph, device(), name) for name in backends}
    tasks = {name: _hop(block, on_users, on_items) for name, block in blocks.items()}
    return {"edges": len(users), **medians_in_turn(tasks, rounds)}


def _hop(block: InteractionBlock, on_users: Tensor, on_items: Tensor):
    def run() -> None:
        block.on_items(on_users)
        block.on_users(on_items)

    return run
