"""Products of the binary interaction block with a node table, by DGL's kernels or torch's sparse CSR."""

from __future__ import annotations

from typing import Callable

import dgl
import torch
from torch import Tensor

from recbole_slmrec.graph.bipartite import ITEM_TO_USER, USER_TO_ITEM

BACKENDS = ("auto", "dgl", "torch")

Product = Callable[[Tensor], Tensor]


class _LinearMap(torch.autograd.Function):
    """Applies a linear map whose transpose is known, so that no kernel derives one for the backward."""

    @staticmethod
    def forward(ctx, x: Tensor, product: Product, transposed: Product) -> Tensor:
        ctx.transposed = transposed
        return product(x)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient: Tensor):
        return ctx.transposed(gradient.contiguous()), None, None


class InteractionBlock:
    """The |U| x |I| binary block B of the adjacency matrix, and its transpose.

    Args:
        graph: the heterograph of :func:`~recbole_slmrec.graph.bipartite.interaction_graph`.
        device: where the products run.
        backend: ``dgl`` (message passing kernels), ``torch`` (sparse CSR), or ``auto``: DGL where the
            installed build has kernels for ``device``, torch otherwise.

    Raises:
        ValueError: for an unknown backend, or ``dgl`` on a device that this DGL build does not serve.
    """

    def __init__(self, graph: dgl.DGLGraph, device: torch.device, backend: str = "auto"):
        self.backend = resolve_backend(backend, device)
        self.n_users, self.n_items = graph.num_nodes("user"), graph.num_nodes("item")
        self.user_degrees = graph.out_degrees(etype=USER_TO_ITEM).to(device)
        self.item_degrees = graph.in_degrees(etype=USER_TO_ITEM).to(device)
        products = _dgl_products if self.backend == "dgl" else _torch_products
        self._to_items, self._to_users = products(graph, device)

    def to_items(self, x: Tensor) -> Tensor:
        """B' x: sums each item's users. Shape (|U|, d) -> (|I|, d)."""
        return _LinearMap.apply(x, self._to_items, self._to_users)

    def to_users(self, x: Tensor) -> Tensor:
        """B x: sums each user's items. Shape (|I|, d) -> (|U|, d)."""
        return _LinearMap.apply(x, self._to_users, self._to_items)


def resolve_backend(backend: str, device: torch.device) -> str:
    """Names the backend that ``backend`` means on ``device``: ``dgl`` or ``torch``.

    Raises:
        ValueError: as :class:`InteractionBlock`.
    """
    if backend not in BACKENDS:
        raise ValueError(f"graph_backend [{backend}] is not one of {', '.join(BACKENDS)}")
    if backend == "torch":
        return "torch"
    served = _dgl_serves(device)
    if backend == "dgl" and not served:
        raise ValueError(
            f"graph_backend: dgl, but the installed DGL {dgl.__version__} has no kernels for "
            f"[{device}]: use graph_backend: auto or torch, or install a DGL build for it"
        )
    return "dgl" if served else "torch"


def _dgl_serves(device: torch.device) -> bool:
    if torch.device(device).type == "cpu":
        return True
    try:
        dgl.graph(([0], [0])).to(device)
    except Exception:  # DGL raises its own error, KeyError or AssertionError, by build and device
        return False
    return True


def _dgl_products(graph: dgl.DGLGraph, device: torch.device) -> tuple[Product, Product]:
    graph = graph.to(device)
    to_items, to_users = graph[USER_TO_ITEM], graph[ITEM_TO_USER]
    return (
        lambda x: dgl.ops.copy_u_sum(to_items, x),
        lambda x: dgl.ops.copy_u_sum(to_users, x),
    )


def _torch_products(graph: dgl.DGLGraph, device: torch.device) -> tuple[Product, Product]:
    to_items = _csr(graph, USER_TO_ITEM, device)
    to_users = _csr(graph, ITEM_TO_USER, device)
    return (
        lambda x: to_items.by(x.dtype) @ x,
        lambda x: to_users.by(x.dtype) @ x,
    )


class _Csr:
    """Rows are the relation's destinations, columns its sources; ones of the operand's dtype."""

    def __init__(self, row_starts: Tensor, columns: Tensor, shape: tuple[int, int]):
        self.row_starts, self.columns, self.shape = row_starts, columns, shape
        self._matrices: dict[torch.dtype, Tensor] = {}

    def by(self, dtype: torch.dtype) -> Tensor:
        if dtype not in self._matrices:
            ones = torch.ones(len(self.columns), dtype=dtype, device=self.columns.device)
            self._matrices[dtype] = torch.sparse_csr_tensor(
                self.row_starts, self.columns, ones, size=self.shape, check_invariants=True
            )
        return self._matrices[dtype]


def _csr(graph: dgl.DGLGraph, relation: str, device: torch.device) -> _Csr:
    starts, columns, _ = graph.adj_tensors("csc", etype=relation)
    source, _, destination = graph.to_canonical_etype(relation)
    shape = (graph.num_nodes(destination), graph.num_nodes(source))
    return _Csr(starts.to(device), columns.to(device), shape)
