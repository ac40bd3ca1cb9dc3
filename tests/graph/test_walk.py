"""A mean over layers with a graph for each, against the product of dense adjacencies."""

from __future__ import annotations

import pytest
import torch

from recbole_slmrec.graph.bipartite import interaction_graph
from recbole_slmrec.graph.product import InteractionBlock
from recbole_slmrec.graph.propagation import Propagation
from recbole_slmrec.graph.sides import ADJACENCIES
from recbole_slmrec.graph.sub_graphs import SubGraphs
from recbole_slmrec.graph.walk import Walk
from tests.backends import BACKENDS
from tests.model.dense import adjacency as dense_adjacency
from tests.model.dense import edges_kept, encode_walk

N_USERS, N_ITEMS = 6, 8
USERS, ITEMS = torch.tensor([1, 1, 2, 3, 4, 4, 4]), torch.tensor([1, 2, 2, 5, 1, 2, 5])
EVERYWHERE = None, None
FEW = torch.tensor([1, 5]), torch.tensor([0, 5, 7])
MOST = torch.tensor([1, 2, 4, 5]), torch.tensor([0, 1, 2, 5])


def whole(n_layers: int, adjacency: str, backend: str = "auto") -> Propagation:
    graph = interaction_graph(USERS, ITEMS, N_USERS, N_ITEMS)
    return Propagation(InteractionBlock(graph, torch.device("cpu"), backend), n_layers, adjacency)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n_layers", range(1, 6))
@pytest.mark.parametrize("adjacency", ADJACENCIES)
@pytest.mark.parametrize("side", ["users", "items"])
@pytest.mark.parametrize("rows", [EVERYWHERE, FEW, MOST], ids=["all", "few", "most"])
def test_values_and_gradients_are_those_of_the_dense_walk(rows, side, adjacency, n_layers, backend):
    propagation = whole(n_layers, adjacency, backend)
    graphs = SubGraphs(propagation.block)
    keeps = [torch.rand(len(USERS)) < 0.7 for _ in range(n_layers)]
    layers = [Propagation(graphs.of(keep), n_layers, adjacency) for keep in keeps]
    walk = Walk([layer.at(*rows) for layer in layers])
    n = N_USERS if side == "users" else N_ITEMS
    x = torch.randn(n, 3, dtype=torch.float64, requires_grad=True)
    before = x.detach().clone()
    actual = getattr(walk, f"from_{side}")(x)

    As = [
        dense_adjacency(*edges_kept((USERS, ITEMS), keep), N_USERS, N_ITEMS, adjacency)
        for keep in keeps
    ]
    tables = {"users": torch.zeros(N_USERS, 3).double(), "items": torch.zeros(N_ITEMS, 3).double()}
    expected = encode_walk(As, *{**tables, side: x}.values())
    expected = [z if at is None else z[at] for z, at in zip(expected, rows)]
    weights = [torch.randn(z.shape, dtype=torch.float64) for z in expected]
    for ours, theirs in zip(actual, expected):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    gradients = [
        torch.autograd.grad(sum((z * w).sum() for z, w in zip(tables, weights)), x)[0]
        for tables in (actual, expected)
    ]
    torch.testing.assert_close(*gradients, rtol=1e-12, atol=1e-12)
    assert torch.equal(x, before)
