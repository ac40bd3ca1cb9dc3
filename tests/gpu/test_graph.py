"""Sums over neighbours on a device, against those of the CPU."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch

from recbole_slmrec.graph.aggregation import AGGREGATIONS
from recbole_slmrec.graph.bipartite import interaction_graph
from recbole_slmrec.graph.product import InteractionBlock
from recbole_slmrec.graph.propagation import Propagation
from recbole_slmrec.graph.sides import ADJACENCIES

N_USERS, N_ITEMS, WIDTH = 300, 200, 64
CPU = torch.device("cpu")


def graph():
    generator = torch.Generator().manual_seed(0)
    users = torch.randint(1, N_USERS, (2000,), generator=generator)
    items = (N_ITEMS * torch.rand(2000, generator=generator) ** 3).long()
    return interaction_graph(users, items, N_USERS, N_ITEMS)


def table(n: int, dtype: torch.dtype) -> torch.Tensor:
    return torch.rand(n, WIDTH, dtype=dtype, generator=torch.Generator().manual_seed(1))


def value_and_gradient(product, x: torch.Tensor) -> list[torch.Tensor]:
    x = x.detach().clone().requires_grad_()
    parts = product(x)
    whole = torch.cat(parts) if isinstance(parts, tuple) else parts
    # Weights that differ, so that a gradient that is put in the wrong place shows.
    weights = torch.linspace(0, 1, len(whole), dtype=x.dtype, device=x.device).unsqueeze(1)
    (gradient,) = torch.autograd.grad((whole * weights).sum(), x)
    return [whole.detach().cpu(), gradient.cpu()]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_products_and_those_of_a_deep_copy(device, dtype):
    here, there = (InteractionBlock(graph(), each, "auto") for each in (CPU, device))
    for name, n in (("to_users", N_ITEMS), ("to_items", N_USERS)):
        expected = value_and_gradient(getattr(here, name), table(n, dtype))
        for block in (there, deepcopy(there)):
            actual = value_and_gradient(getattr(block, name), table(n, dtype).to(device))
            torch.testing.assert_close(actual, expected)


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_aggregations(device, name):
    x = table(N_USERS + N_ITEMS, torch.float64)
    expected = value_and_gradient(AGGREGATIONS[name](graph(), CPU), x)
    actual = value_and_gradient(AGGREGATIONS[name](graph(), device), x.to(device))
    torch.testing.assert_close(actual, expected)


@pytest.mark.parametrize("adjacency", ADJACENCIES)
@pytest.mark.parametrize("n_rows", [3, 150])
def test_a_propagation_to_some_rows(device, adjacency, n_rows):
    x, rows = table(N_ITEMS, torch.float64), torch.arange(n_rows)
    results = []
    for where in (CPU, device):
        propagation = Propagation(InteractionBlock(graph(), where), 3, adjacency)
        some = propagation.at(rows.to(where), rows.to(where))
        results.append(value_and_gradient(some.from_items, x.to(where)))
    torch.testing.assert_close(*results)
