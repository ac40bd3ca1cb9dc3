"""Products of the interaction block: both backends, values and gradients, against a dense matrix."""

from __future__ import annotations

import pytest
import torch

from recbole_slmrec.graph import product
from recbole_slmrec.graph.bipartite import interaction_graph
from recbole_slmrec.graph.product import InteractionBlock, resolve_backend

USERS, ITEMS = torch.tensor([1, 1, 2, 3, 1]), torch.tensor([2, 3, 3, 1, 2])
CPU = torch.device("cpu")


def dense_block() -> torch.Tensor:
    block = torch.zeros(4, 5, dtype=torch.float64)
    block[USERS, ITEMS] = 1
    return block


@pytest.mark.parametrize("backend", ["dgl", "torch"])
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


def test_torch_takes_over_where_dgl_has_no_kernels(monkeypatch):
    monkeypatch.setattr(product, "_dgl_serves", lambda device: False)
    assert resolve_backend("auto", CPU) == "torch"
    assert InteractionBlock(interaction_graph(USERS, ITEMS, 4, 5), CPU).backend == "torch"
    with pytest.raises(ValueError, match="has no kernels.*graph_backend: auto or torch"):
        resolve_backend("dgl", CPU)


def test_auto_is_dgl_on_the_cpu_and_a_cpu_build_does_not_serve_other_devices():
    assert resolve_backend("auto", CPU) == "dgl"
    assert resolve_backend("auto", torch.device("meta")) == "torch"


def test_an_unknown_backend_is_refused():
    with pytest.raises(ValueError, match=r"graph_backend \[numpy\] is not one of auto, dgl, torch"):
        resolve_backend("numpy", CPU)
