"""The mean over layers of one side's table, against powers of the dense adjacency."""

from __future__ import annotations

import pytest
import torch

from recbole_slmrec.graph.bipartite import interaction_graph
from recbole_slmrec.graph.product import InteractionBlock, NeighbourSums, RowSums
from recbole_slmrec.graph.propagation import Propagation
from recbole_slmrec.graph.sides import ADJACENCIES
from tests.backends import BACKENDS
from tests.model.dense import adjacency as dense_adjacency
from tests.model.dense import encode

N_USERS, N_ITEMS = 6, 8
USERS, ITEMS = torch.tensor([1, 1, 2, 3, 4, 4, 4]), torch.tensor([1, 2, 2, 5, 1, 2, 5])


N_EDGES = len(USERS)


def block(backend: str = "auto") -> InteractionBlock:
    graph = interaction_graph(USERS, ITEMS, N_USERS, N_ITEMS)
    return InteractionBlock(graph, torch.device("cpu"), backend)


# A table of users with one column has fewer numbers than there are edges.
@pytest.mark.parametrize("width", [1, 3])
@pytest.mark.parametrize("n_layers", range(7))
@pytest.mark.parametrize("adjacency", ADJACENCIES)
def test_each_side_is_its_share_of_the_dense_encoder(adjacency, n_layers, width):
    propagation = Propagation(block(), n_layers, adjacency)
    A = dense_adjacency(USERS, ITEMS, N_USERS, N_ITEMS, adjacency)
    users = torch.randn(N_USERS, width, dtype=torch.float64)
    items = torch.randn(N_ITEMS, width, dtype=torch.float64)
    expected = encode(A, users, torch.zeros_like(items), n_layers)
    for actual, other in zip(propagation.from_users(users), expected):
        torch.testing.assert_close(actual, other, rtol=1e-12, atol=1e-12)
    expected = encode(A, torch.zeros_like(users), items, n_layers)
    for actual, other in zip(propagation.from_items(items), expected):
        torch.testing.assert_close(actual, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n_layers", range(7))
@pytest.mark.parametrize("adjacency", ADJACENCIES)
@pytest.mark.parametrize("side", ["users", "items"])
@pytest.mark.parametrize(
    "rows", [([1, 5], [0, 5, 7]), ([1, 4, 5], [0, 2, 5, 7])], ids=["few", "most"]
)
def test_some_rows_are_those_of_all_rows_and_so_are_their_gradients(
    rows, side, adjacency, n_layers, backend
):
    propagation = Propagation(block(backend), n_layers, adjacency)
    n = N_USERS if side == "users" else N_ITEMS
    x = torch.randn(n, 70, dtype=torch.float64, requires_grad=True)
    some_users, some_items = map(torch.tensor, rows)
    on_users, on_items = getattr(propagation.at(some_users, some_items), f"from_{side}")(x)
    all_users, all_items = getattr(propagation, f"from_{side}")(x)
    torch.testing.assert_close(on_users, all_users[some_users], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(on_items, all_items[some_items], rtol=1e-12, atol=1e-12)

    # Both against the dense powers, which know of no rows and no sides.
    A = dense_adjacency(USERS, ITEMS, N_USERS, N_ITEMS, adjacency)
    tables = {
        "users": torch.zeros(N_USERS, 70).double(),
        "items": torch.zeros(N_ITEMS, 70).double(),
    }
    dense_users, dense_items = encode(A, *{**tables, side: x}.values(), n_layers)
    weights = torch.randn(on_users.shape).double(), torch.randn(on_items.shape).double()

    def gradient(users, items):
        return torch.autograd.grad((users * weights[0]).sum() + (items * weights[1]).sum(), x)[0]

    expected = gradient(dense_users[some_users], dense_items[some_items])
    for users, items in ((on_users, on_items), (all_users[some_users], all_items[some_items])):
        torch.testing.assert_close(gradient(users, items), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("n_layers", range(5))
@pytest.mark.parametrize("adjacency", ADJACENCIES)
@pytest.mark.parametrize("rows", [(None, None), (torch.tensor([1, 5]), torch.tensor([0, 5, 7]))])
def test_a_masked_table_is_the_product_with_the_mask(rows, adjacency, n_layers):
    propagation = Propagation(block(), n_layers, adjacency).at(*rows)
    x = torch.randn(N_ITEMS, 3, dtype=torch.float64, requires_grad=True)
    masks = [(torch.rand(x.shape) < 0.5).double() for _ in range(3)]
    before = x.detach().clone()
    masked = [each for pair in propagation.from_masked_items(x, masks) for each in pair]
    expected = [each for mask in masks for each in propagation.from_items(x * mask)]
    weights = [torch.randn(table.shape, dtype=torch.float64) for table in expected]
    for actual, other in zip(masked, expected):
        torch.testing.assert_close(actual, other, rtol=1e-12, atol=1e-12)
    gradients = [
        torch.autograd.grad(sum((t * w).sum() for t, w in zip(tables, weights)), x)[0]
        for tables in (masked, expected)
    ]
    torch.testing.assert_close(*gradients, rtol=1e-12, atol=1e-12)
    assert torch.equal(x, before)


@pytest.mark.parametrize(
    "users, items, last", [([1], [5], 2), ([1, 4], [1, 2], N_EDGES)], ids=["few", "most"]
)
@pytest.mark.parametrize("n_layers", range(1, 6))
def test_a_side_costs_a_product_a_layer_and_the_last_its_rows_only_unless_they_hold_most_edges(
    n_layers, users, items, last
):
    propagation = Propagation(block("torch"), n_layers)
    edges = []

    class Counted(NeighbourSums):
        def __call__(self, x):
            edges.append(N_EDGES)
            return super().__call__(x)

        def of_scaled(self, x, factors):
            edges.append(N_EDGES)
            return super().of_scaled(x, factors)

    def counted_at(at):
        def some(rows):
            sums = at(rows)
            if isinstance(sums, RowSums):
                edges.append(len(sums.sources))
            return sums

        return some

    for half in (propagation.block.on_users, propagation.block.on_items):
        half.__class__, half.at = Counted, counted_at(half.at)
    propagation.at(torch.tensor(users), torch.tensor(items)).from_items(torch.ones(N_ITEMS, 2))
    assert edges == [N_EDGES] * (n_layers - 1) + [last]


@pytest.mark.parametrize("n_layers", [-1, 1.5, "3"])
def test_n_layers_out_of_range_is_refused(n_layers):
    with pytest.raises(ValueError, match=r"n_layers \[.*\] must be a whole number"):
        Propagation(block(), n_layers)


def test_an_unknown_adjacency_is_refused():
    with pytest.raises(ValueError, match=r"adjacency \[sym\] is not one of pre, norm, gcmc, mean"):
        Propagation(block(), 3, "sym")
