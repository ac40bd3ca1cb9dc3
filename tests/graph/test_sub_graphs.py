"""Sub-graphs: the same edges in both directions."""

from __future__ import annotations

import pytest
import torch

from recbole_slmrec.graph.bipartite import interaction_graph
from recbole_slmrec.graph.product import InteractionBlock
from recbole_slmrec.graph.sub_graphs import SubGraphs
from tests.backends import BACKENDS

N_USERS, N_ITEMS = 5, 6
# Neither sorted nor distinct; by user and item: (1, 2), (1, 4), (2, 4), (3, 1), (3, 2), (3, 5).
USERS, ITEMS = torch.tensor([3, 1, 1, 2, 3, 3, 1]), torch.tensor([5, 4, 2, 4, 1, 2, 4])
KEEP = torch.tensor([False, True, True, True, False, True])


def block(backend: str = "auto") -> InteractionBlock:
    graph = interaction_graph(USERS, ITEMS, N_USERS, N_ITEMS)
    return InteractionBlock(graph, torch.device("cpu"), backend)


def dense(*edges: tuple[int, int]) -> torch.Tensor:
    matrix = torch.zeros(N_USERS, N_ITEMS, dtype=torch.float64)
    for user, item in edges:
        matrix[user, item] = 1
    return matrix


def test_the_edges_of_the_whole_are_by_user_and_by_item():
    graphs = SubGraphs(block())
    assert graphs.users.tolist() == [1, 1, 2, 3, 3, 3]
    assert graphs.items.tolist() == [2, 4, 4, 1, 2, 5]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "keep, edges",
    [
        (KEEP, [(1, 4), (2, 4), (3, 1), (3, 5)]),
        (torch.zeros(6, dtype=torch.bool), []),
        (torch.ones(6, dtype=torch.bool), [(1, 2), (1, 4), (2, 4), (3, 1), (3, 2), (3, 5)]),
    ],
)
def test_an_edge_is_kept_or_dropped_in_both_directions(keep, edges, backend):
    kept = SubGraphs(block(backend)).of(keep)
    matrix = dense(*edges)
    assert torch.equal(kept.to_users(torch.eye(N_ITEMS).double()), matrix)
    assert torch.equal(kept.to_items(torch.eye(N_USERS).double()), matrix.T)
    assert kept.user_degrees.tolist() == matrix.sum(1).tolist()
    assert kept.item_degrees.tolist() == matrix.sum(0).tolist()
    for products, size in ((kept.to_users, N_ITEMS), (kept.to_items, N_USERS)):
        x = torch.randn(size, 3, dtype=torch.float64, requires_grad=True)
        (gradient,) = torch.autograd.grad(products(x).sum(), x)
        degrees = kept.item_degrees if size == N_ITEMS else kept.user_degrees
        assert torch.equal(gradient, degrees.double().unsqueeze(1).expand(-1, 3))


def test_the_whole_is_left_as_it_was():
    whole = block()
    SubGraphs(whole).of(KEEP)
    assert whole.user_degrees.tolist() == [0, 2, 1, 3, 0]
    x = torch.randn(N_ITEMS, 3)
    torch.testing.assert_close(whole.to_users(x), block().to_users(x), rtol=0, atol=0)
