"""Aggregation of neighbours: both backends, values and gradients, against loops over neighbours."""

from __future__ import annotations

import pytest
import torch

from recbole_slmrec.graph.aggregation import AGGREGATIONS
from recbole_slmrec.graph.bipartite import interaction_graph
from tests.backends import BACKENDS

# User 1 has items 2 (twice) and 3, user 2 item 3, user 3 item 1; user 0, items 0 and 4 have none.
USERS, ITEMS = torch.tensor([1, 1, 2, 3, 1]), torch.tensor([2, 3, 3, 1, 2])
N_USERS, N_ITEMS = 4, 5
NEIGHBOURS = [[], [6, 7], [7], [5], [], [3], [1], [1, 2], []]
CPU = torch.device("cpu")


def aggregation(name: str, backend: str):
    graph = interaction_graph(USERS, ITEMS, N_USERS, N_ITEMS)
    return AGGREGATIONS[name](graph, CPU, backend)


def table(seed: int = 0) -> torch.Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(N_USERS + N_ITEMS, 3, generator=rng, dtype=torch.float64)


def of_neighbours(name: str, x: torch.Tensor) -> torch.Tensor:
    reduce = {
        "mean": lambda rows: rows.mean(0),
        "sum": lambda rows: rows.sum(0),
        "max": lambda rows: rows.max(0).values,
    }[name]
    rows = [reduce(x[own]) if own else torch.zeros_like(x[0]) for own in NEIGHBOURS]
    return torch.stack(rows)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", AGGREGATIONS)
def test_values_and_gradients_are_those_of_a_loop_over_neighbours(name, backend):
    x, weights = table().requires_grad_(), table(1)
    actual, expected = aggregation(name, backend)(x), of_neighbours(name, x)
    torch.testing.assert_close(actual, expected, rtol=1e-12, atol=1e-12)
    (gradient,) = torch.autograd.grad((actual * weights).sum(), x)
    (expected_gradient,) = torch.autograd.grad((expected * weights).sum(), x)
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", AGGREGATIONS)
def test_isolated_nodes_get_zero_even_where_all_values_are_negative(name, backend):
    aggregated = aggregation(name, backend)(-1 - table().abs())
    isolated = [node for node, own in enumerate(NEIGHBOURS) if not own]
    assert not aggregated[isolated].any()
    connected = [node for node, own in enumerate(NEIGHBOURS) if own]
    assert (aggregated[connected] <= -1).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_neighbours_that_tie_share_one_gradient(backend):
    x = torch.zeros(N_USERS + N_ITEMS, 1, dtype=torch.float64, requires_grad=True)
    aggregation("max", backend)(x)[1].backward()
    assert x.grad.sum() == 1
    assert x.grad[[6, 7]].sum() == 1 and (x.grad >= 0).all()


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_an_unknown_backend_is_refused(name):
    with pytest.raises(ValueError, match=r"graph_backend \[numpy\] is not one of auto, dgl, torch"):
        aggregation(name, "numpy")
