"""Products of the interaction block: both backends, values and gradients, against a dense matrix."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch

from recbole_slmrec.graph import dgl_kernels
from recbole_slmrec.graph.bipartite import interaction_graph
from recbole_slmrec.graph.product import (
    InteractionBlock,
    KernelSums,
    NeighbourSums,
    SparseProduct,
    backend_of_sums,
    resolve_backend,
)
from tests.backends import BACKENDS, DGL

USERS, ITEMS = torch.tensor([1, 1, 2, 3, 1]), torch.tensor([2, 3, 3, 1, 2])
CPU = torch.device("cpu")


def dense_block() -> torch.Tensor:
    block = torch.zeros(4, 5, dtype=torch.float64)
    block[USERS, ITEMS] = 1
    return block


@pytest.mark.parametrize("backend", BACKENDS)
def test_products_and_gradients_are_those_of_the_dense_block(backend):
    block = InteractionBlock(interaction_graph(USERS, ITEMS, 4, 5), CPU, backend)
    for products, matrix in ((block.to_users, dense_block()), (block.to_items, dense_block().T)):
        x = torch.randn(matrix.shape[1], 3, dtype=torch.float64, requires_grad=True)
        torch.testing.assert_close(products(x), matrix @ x)
        weights = torch.randn(matrix.shape[0], 3, dtype=torch.float64)
        (gradient,) = torch.autograd.grad((products(x) * weights).sum(), x)
        torch.testing.assert_close(gradient, matrix.T @ weights)
    assert block.user_degrees.tolist() == [0, 2, 1, 1]
    assert block.item_degrees.tolist() == [0, 1, 1, 2, 0]


# With one column and with three: fewer and more numbers than edges.
@pytest.mark.parametrize("width", [1, 3])
@pytest.mark.parametrize("rows", [None, [1], [1, 2, 3]], ids=["all", "few", "most"])
@pytest.mark.parametrize("weights", [None, torch.tensor([2.0, 0.5, -1, 3]).double()])
def test_sums_of_a_scaled_table_are_those_of_the_table_that_is_made(width, rows, weights):
    starts, columns = torch.tensor([0, 0, 1, 4]), torch.tensor([1, 0, 2, 1])
    starts = torch.cat([starts, starts[-1:]]).int()
    rows = None if rows is None else torch.tensor(rows)
    sums = NeighbourSums(starts, columns.int(), 3, weights).at(rows)
    factors = torch.tensor([[2.0], [0.0], [-3.0]]).double()
    for x in torch.randn(2, 3, width).double():
        for given in (None, factors, 2 * factors):
            expected = sums(x if given is None else x * given)
            torch.testing.assert_close(sums.of_scaled(x, given), expected)


def test_torch_s_sparse_product_which_serves_other_devices_gives_the_same_sums():
    graph = interaction_graph(USERS, ITEMS, 4, 5)
    for half, matrix in ((graph.on_users, dense_block()), (graph.on_items, dense_block().T)):
        sums = KernelSums(half, SparseProduct(half))
        for dtype in (torch.float64, torch.float32):
            x = torch.randn(matrix.shape[1], 3, dtype=dtype)
            torch.testing.assert_close(sums(x), matrix.to(dtype) @ x)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_deep_copy_of_a_used_block_gives_the_same_products(backend):
    block = InteractionBlock(interaction_graph(USERS, ITEMS, 4, 5), CPU, backend)
    x = torch.randn(5, 3)
    expected = block.to_users(x)
    assert torch.equal(deepcopy(block).to_users(x), expected)


def test_a_deep_copy_of_a_used_sparse_product_gives_the_same_sums():
    product = SparseProduct(interaction_graph(USERS, ITEMS, 4, 5).on_users)
    x = torch.randn(5, 3)
    expected = product(x)
    assert torch.equal(deepcopy(product)(x), expected)


def test_on_a_cpu_auto_sums_by_torch():
    assert InteractionBlock(interaction_graph(USERS, ITEMS, 4, 5), CPU).backend == "torch"


@pytest.mark.parametrize("backend", [DGL])
def test_for_what_torch_has_no_kernel_auto_is_dgl(backend):
    assert resolve_backend("auto", CPU) == backend


def test_torch_takes_over_where_dgl_has_no_kernels(monkeypatch):
    monkeypatch.setattr(dgl_kernels, "obstacle", lambda kind: "no DGL is installed")
    assert resolve_backend("auto", CPU) == "torch"
    with pytest.raises(ValueError, match="no DGL is installed: use graph_backend: auto or torch"):
        resolve_backend("dgl", CPU)


@pytest.mark.parametrize("resolve", [backend_of_sums, resolve_backend])
def test_dgl_does_not_serve_a_device_that_cannot_compute(resolve):
    assert resolve("auto", torch.device("meta")) == "torch"


def test_an_unknown_backend_is_refused():
    with pytest.raises(ValueError, match=r"graph_backend \[numpy\] is not one of auto, dgl, torch"):
        backend_of_sums("numpy", CPU)
