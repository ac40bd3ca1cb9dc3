"""The mean over layers of one side's table, against powers of the dense adjacency."""

from __future__ import annotations

import pytest
import torch

from recbole_slmrec.graph.bipartite import interaction_graph
from recbole_slmrec.graph.product import InteractionBlock
from recbole_slmrec.graph.propagation import ADJACENCIES, Propagation
from tests.model.dense import adjacency as dense_adjacency
from tests.model.dense import encode

N_USERS, N_ITEMS = 6, 8
USERS, ITEMS = torch.tensor([1, 1, 2, 3, 4, 4, 4]), torch.tensor([1, 2, 2, 5, 1, 2, 5])


def block() -> InteractionBlock:
    graph = interaction_graph(USERS, ITEMS, N_USERS, N_ITEMS)
    return InteractionBlock(graph, torch.device("cpu"))


@pytest.mark.parametrize("n_layers", range(7))
@pytest.mark.parametrize("adjacency", ADJACENCIES)
def test_each_side_is_its_share_of_the_dense_encoder(adjacency, n_layers):
    propagation = Propagation(block(), n_layers, adjacency)
    A = dense_adjacency(USERS, ITEMS, N_USERS, N_ITEMS, adjacency)
    users = torch.randn(N_USERS, 3, dtype=torch.float64)
    items = torch.randn(N_ITEMS, 3, dtype=torch.float64)
    expected = encode(A, users, torch.zeros_like(items), n_layers)
    for actual, other in zip(propagation.from_users(users), expected):
        torch.testing.assert_close(actual, other, rtol=1e-12, atol=1e-12)
    expected = encode(A, torch.zeros_like(users), items, n_layers)
    for actual, other in zip(propagation.from_items(items), expected):
        torch.testing.assert_close(actual, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("n_layers", range(1, 6))
def test_without_self_loops_one_side_costs_one_product_a_layer(monkeypatch, n_layers):
    propagation = Propagation(block(), n_layers)
    calls = []
    for name in ("to_users", "to_items"):
        original = getattr(propagation.block, name)
        monkeypatch.setattr(
            propagation.block, name, lambda x, original=original: calls.append(1) or original(x)
        )
    propagation.from_items(torch.ones(N_ITEMS, 2))
    assert len(calls) == n_layers


@pytest.mark.parametrize("n_layers", [-1, 1.5, "3"])
def test_n_layers_out_of_range_is_refused(n_layers):
    with pytest.raises(ValueError, match=r"n_layers \[.*\] must be a whole number"):
        Propagation(block(), n_layers)


def test_an_unknown_adjacency_is_refused():
    with pytest.raises(ValueError, match=r"adjacency \[sym\] is not one of pre, norm, gcmc, mean"):
        Propagation(block(), 3, "sym")
