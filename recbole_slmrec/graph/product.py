"""Sums over neighbours: products of the interaction block, by DGL's kernels or by torch's."""

from __future__ import annotations

from copy import copy, deepcopy
from functools import cached_property
from typing import Callable

import scipy.sparse as sp
import torch
import torch.nn.functional as F
from torch import Tensor

from recbole_slmrec.counting import counted
from recbole_slmrec.graph import dgl_kernels
from recbole_slmrec.graph.bipartite import Half, InteractionGraph

BACKENDS = ("auto", "dgl", "torch")

Product = Callable[[Tensor], Tensor]

# Looking up the edges of single rows costs more an edge than the sums of all: above this share of
# the edges, the latter are the quicker ones.
_FEW_EDGES = 0.4


class LinearMap(torch.autograd.Function):
    """Applies a linear map whose transpose is known, so that no kernel derives one for the backward.

    ``product`` takes a table and gives one or more; ``transposed`` takes as many and gives one. Half
    precision is widened to float32: sums over hundreds of neighbours need it.
    """

    @staticmethod
    def forward(ctx, x: Tensor, product: Callable, transposed: Callable):
        ctx.transposed = transposed
        with torch.autocast(x.device.type, enabled=False):
            return product(x.float() if x.dtype in (torch.bfloat16, torch.float16) else x)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, *gradients: Tensor):
        return ctx.transposed(*(gradient.contiguous() for gradient in gradients)), None, None


class NeighbourSums:
    """For each destination, the sum over its neighbours among the sources: one half of a graph.

    Neither this nor what :meth:`at` gives takes part in autograd; :class:`LinearMap` puts it there.

    Args:
        starts: where each destination's edges begin, and where the last one's end; shape
            (n_destinations + 1,).
        columns: the source of each edge, shape (E,).
        n_sources: number of sources.
        weights: a factor an edge, in the order of ``columns``; None stands for 1.

    Attributes:
        reverse: the sums of the sources over their destinations; set by what holds both.
    """

    reverse: NeighbourSums

    def __init__(
        self, starts: Tensor, columns: Tensor, n_sources: int, weights: Tensor | None = None
    ):
        self.starts, self.columns, self.weights = starts, columns, weights
        self.n_sources, self.n_destinations = n_sources, len(starts) - 1
        self.degrees = starts.diff()
        self._of_edges: dict[Tensor, Tensor] = {}

    def __call__(self, x: Tensor) -> Tensor:
        """Shape (n_sources, d) -> (n_destinations, d)."""
        return bag_sums(self.columns, x, self.starts, self.weights)

    def of_scaled(self, x: Tensor, factors: Tensor | None) -> Tensor:
        """Those of ``x * factors``, by edges that weigh so much unless they are more than x has numbers.

        Args:
            x: shape (n_sources, d).
            factors: shape (n_sources, 1), in the type of x; None stands for 1. What edges have of a
                tensor is kept for the next call with it.
        """
        if factors is None:
            return self(x)
        if len(self.columns) > x.numel():
            return self(x * factors)
        if factors not in self._of_edges:
            self._of_edges[factors] = _of_edges(self.weights, factors, self.columns)
        return bag_sums(self.columns, x, self.starts, self._of_edges[factors])

    def transposed(self, x: Tensor) -> Tensor:
        """Shape (n_destinations, d) -> (n_sources, d)."""
        return self.reverse(x)

    def edges(self, rows: Tensor, n_edges: int | None = None) -> tuple[Tensor, Tensor]:
        """How many edges each of the destinations ``rows`` has, shape (n,), and the places of these
        edges in ``columns``, one destination's after another's.

        Args:
            rows: shape (n,).
            n_edges: how many there are in all, which saves a GPU's caller the wait for it.
        """
        first = self.starts[rows]
        counts = self.starts[rows + 1] - first
        edges = torch.repeat_interleave(first - _offsets(counts)[:-1], counts, output_size=n_edges)
        edges += torch.arange(len(edges), device=edges.device, dtype=edges.dtype)
        return counts, edges

    def pairs(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The edges of the destinations ``rows``, shape (n,): the place of each one's destination in
        ``rows``, and its source; shapes (E,), sorted by place."""
        counts, edges = self.edges(rows)
        numbers = torch.arange(len(counts), device=counts.device)
        places = torch.repeat_interleave(numbers, counts, output_size=len(edges))
        return places, self.columns[edges].long()

    def at(self, rows: Tensor | None) -> NeighbourSums | RowSums | WholeThenRows:
        """The same sums, of the destinations ``rows`` only; shape (n,), distinct; all if None."""
        if rows is None:
            return self
        n_edges = int(self.degrees[rows].sum())
        few = n_edges <= _FEW_EDGES * len(self.columns)
        return RowSums(self, rows, n_edges) if few else WholeThenRows(self, rows)


class RowSums:
    """The sums of some destinations only, at the cost of their own edges.

    Args:
        half: the sums of all destinations.
        rows: the destinations, shape (n,), distinct.
        n_edges: how many edges they have.
    """

    def __init__(self, half: NeighbourSums, rows: Tensor, n_edges: int):
        self._counts, edges = half.edges(rows, n_edges)
        self._offsets, self._n_sources = _offsets(self._counts), half.n_sources
        self.sources = half.columns[edges]
        self._weights = None if half.weights is None else half.weights[edges]

    def __call__(self, x: Tensor) -> Tensor:
        """Shape (n_sources, d) -> (n, d)."""
        return bag_sums(self.sources, x, self._offsets, self._weights)

    def of_scaled(self, x: Tensor, factors: Tensor | None) -> Tensor:
        """As :meth:`NeighbourSums.of_scaled`."""
        if factors is None:
            return self(x)
        weights = _of_edges(self._weights, factors, self.sources)
        return bag_sums(self.sources, x, self._offsets, weights)

    def transposed(self, x: Tensor) -> Tensor:
        """Shape (n, d) -> (n_sources, d)."""
        rows, offsets, weights = self._by_source
        return bag_sums(rows, x, offsets, weights)

    @cached_property
    def _by_source(self) -> tuple[Tensor, Tensor, Tensor | None]:
        """The edges' rows in the order of their sources, where each source's begin, and weights."""
        if self.sources.device.type == "cpu":
            return self._counted_by_source()
        numbers = torch.arange(len(self._counts), device=self.sources.device)
        numbers = numbers.to(self.sources.dtype)
        rows = torch.repeat_interleave(numbers, self._counts, output_size=len(self.sources))
        counts = counted(self.sources, self._n_sources, self.sources.dtype)
        order = self.sources.argsort()
        weights = None if self._weights is None else self._weights[order]
        return rows[order], _offsets(counts), weights

    def _counted_by_source(self) -> tuple[Tensor, Tensor, Tensor | None]:
        """The same without a sort, by counting."""
        weights = torch.ones_like(self.sources, dtype=torch.int8)
        weights = weights if self._weights is None else self._weights
        parts = (weights.numpy(), self.sources.numpy(), self._offsets.numpy())
        matrix = sp.csr_matrix(parts, (len(self._counts), self._n_sources)).tocsc()
        rows, offsets = (
            torch.from_numpy(part).to(self.sources.dtype)
            for part in (matrix.indices, matrix.indptr)
        )
        return rows, offsets, None if self._weights is None else torch.from_numpy(matrix.data)


class WholeThenRows:
    """The sums of some destinations that hold most edges: those of all, of which the rest is dropped.

    Args:
        half: the sums of all destinations.
        rows: the destinations, shape (n,), distinct.
    """

    def __init__(self, half: NeighbourSums, rows: Tensor):
        self.half, self.rows = half, rows

    def __call__(self, x: Tensor) -> Tensor:
        """Shape (n_sources, d) -> (n, d)."""
        return self.half(x).index_select(0, self.rows)

    def of_scaled(self, x: Tensor, factors: Tensor | None) -> Tensor:
        """As :meth:`NeighbourSums.of_scaled`."""
        return self.half.of_scaled(x, factors).index_select(0, self.rows)

    def transposed(self, x: Tensor) -> Tensor:
        """Shape (n, d) -> (n_sources, d)."""
        whole = x.new_zeros(self.half.n_destinations, x.shape[1])
        return self.half.transposed(whole.index_copy_(0, self.rows, x))


def _of_edges(weights: Tensor | None, factors: Tensor, sources: Tensor) -> Tensor:
    """The weights of edges times their sources' factors: shape (E,)."""
    factors = factors.flatten().index_select(0, sources)
    return factors if weights is None else factors.mul_(weights)


def _offsets(counts: Tensor) -> Tensor:
    return F.pad(counts.cumsum(0, dtype=counts.dtype), (1, 0))


def bag_sums(places: Tensor, x: Tensor, offsets: Tensor, weights: Tensor | None) -> Tensor:
    """The sums of the rows ``places`` of a table, times ``weights``, bag by bag.

    Args:
        places: shape (E,).
        x: shape (n, d).
        offsets: where each bag begins among the places, then E; shape (bags + 1,).
        weights: shape (E,); None stands for 1.

    Returns:
        Shape (bags, d).
    """
    if weights is not None:
        weights = weights.to(x.dtype)
    return F.embedding_bag(
        places, x, offsets, mode="sum", per_sample_weights=weights, include_last_offset=True
    )


class KernelSums(NeighbourSums):
    """Those of a half of the interaction graph, by another kernel than that of :func:`bag_sums`.

    Args:
        half: the edges, on the device where the sums run.
        kernel: shape (n_sources, d) -> (n_destinations, d).
    """

    def __init__(self, half: Half, kernel: Product):
        super().__init__(half.starts, half.columns, half.n_sources)
        self.kernel = kernel

    def __call__(self, x: Tensor) -> Tensor:
        """As :class:`NeighbourSums`."""
        return self.kernel(x)

    def of_scaled(self, x: Tensor, factors: Tensor | None) -> Tensor:
        """As :meth:`NeighbourSums.of_scaled`, but for a table that is made."""
        return self.kernel(x if factors is None else x * factors)


class Block:
    """The |U| x |I| binary block B of the adjacency matrix of a bipartite graph, and its transpose.

    Args:
        on_users: B, the sums of users over items.
        on_items: B', those of items over users.
    """

    def __init__(self, on_users: NeighbourSums, on_items: NeighbourSums):
        self.on_users, self.on_items = on_users, on_items
        # Of copies, for in a cycle they would outlive their use until the garbage collector comes.
        on_users.reverse, on_items.reverse = copy(on_items), copy(on_users)
        self.n_users, self.n_items = on_users.n_destinations, on_items.n_destinations
        self.user_degrees, self.item_degrees = on_users.degrees, on_items.degrees

    def to_items(self, x: Tensor) -> Tensor:
        """B' x: sums each item's users. Shape (|U|, d) -> (|I|, d)."""
        return LinearMap.apply(x, self.on_items, self.on_items.transposed)

    def to_users(self, x: Tensor) -> Tensor:
        """B x: sums each user's items. Shape (|I|, d) -> (|U|, d)."""
        return LinearMap.apply(x, self.on_users, self.on_users.transposed)


class InteractionBlock(Block):
    """That of all interactions, whose products run by the kernels of a backend.

    Args:
        graph: the interactions.
        device: where the products run.
        backend: ``dgl`` (message passing kernels), ``torch``, or ``auto``: torch on a CPU, elsewhere
            DGL where an installed build has kernels for ``device``.

    Raises:
        ValueError: for an unknown backend, or ``dgl`` where DGL has no kernels for ``device``.
    """

    def __init__(self, graph: InteractionGraph, device: torch.device, backend: str = "auto"):
        self.backend = backend_of_sums(backend, device)
        super().__init__(*_SUMS[self.backend](graph.to(device)))


def backend_of_sums(backend: str, device: torch.device) -> str:
    """Names the backend that ``backend`` means for sums on ``device``: ``dgl`` or ``torch``.

    Raises:
        ValueError: as :class:`InteractionBlock`.
    """
    # On every CPU that was measured, a bag a row takes less time than DGL's kernel, down to 0.44 of it.
    if backend == "auto" and torch.device(device).type == "cpu":
        return "torch"
    return resolve_backend(backend, device)


def resolve_backend(backend: str, device: torch.device) -> str:
    """Names the backend that ``backend`` means on ``device``, ``auto`` being DGL where it has kernels.

    Raises:
        ValueError: as :class:`InteractionBlock`.
    """
    if backend not in BACKENDS:
        raise ValueError(f"graph_backend [{backend}] is not one of {', '.join(BACKENDS)}")
    if backend == "torch":
        return "torch"
    obstacle = dgl_kernels.obstacle(torch.device(device).type)
    if backend == "dgl" and obstacle:
        raise ValueError(
            f"graph_backend: dgl, but {obstacle}: use graph_backend: auto or torch, or install a "
            "DGL build for it"
        )
    return "torch" if obstacle else "dgl"


def _dgl_sums(graph: InteractionGraph) -> tuple[NeighbourSums, NeighbourSums]:
    whole = dgl_kernels.heterograph(graph)
    on_users = dgl_kernels.neighbour_sums(whole[dgl_kernels.ITEM_TO_USER])
    on_items = dgl_kernels.neighbour_sums(whole[dgl_kernels.USER_TO_ITEM])
    return KernelSums(graph.on_users, on_users), KernelSums(graph.on_items, on_items)


def _torch_sums(graph: InteractionGraph) -> tuple[NeighbourSums, NeighbourSums]:
    return _torch_half(graph.on_users), _torch_half(graph.on_items)


def _torch_half(half: Half) -> NeighbourSums:
    # On a CPU a bag a row takes half the time of torch's sparse CSR or less.
    # On a GPU, where neither was measured, cuSPARSE shares out the edges of popular nodes.
    if half.columns.device.type == "cpu":
        return NeighbourSums(half.starts, half.columns, half.n_sources)
    return KernelSums(half, SparseProduct(half))


_SUMS = {"dgl": _dgl_sums, "torch": _torch_sums}


class SparseProduct:
    """Sums by torch's sparse CSR: rows are destinations, columns sources; ones of the operand's dtype.

    Args:
        half: the edges, on the device where the sums run.
    """

    def __init__(self, half: Half):
        self._half = half
        self._matrices: dict[torch.dtype, Tensor] = {}

    def __call__(self, x: Tensor) -> Tensor:
        """Shape (n_sources, d) -> (n_destinations, d)."""
        if x.dtype not in self._matrices:
            half = self._half
            self._matrices[x.dtype] = torch.sparse_csr_tensor(
                half.starts,
                half.columns,
                torch.ones(len(half.columns), dtype=x.dtype, device=x.device),
                size=(half.n_destinations, half.n_sources),
                check_invariants=True,
            )
        return self._matrices[x.dtype] @ x

    def __deepcopy__(self, memo: dict) -> SparseProduct:
        # PyTorch 2.13 cannot copy a sparse CSR tensor deeply; the copy makes its own when asked.
        return SparseProduct(deepcopy(self._half, memo))
