"""Sums over neighbours: products of the interaction block, by DGL's kernels or torch's sparse CSR."""

from __future__ import annotations

from copy import copy
from functools import cached_property
from typing import Callable

import dgl
import torch
import torch.nn.functional as F
from torch import Tensor

from recbole_slmrec.graph.bipartite import ITEM_TO_USER, USER_TO_ITEM

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

    def __call__(self, x: Tensor) -> Tensor:
        """Shape (n_sources, d) -> (n_destinations, d)."""
        return bag_sums(self.columns, x, self.starts, self.weights)

    def transposed(self, x: Tensor) -> Tensor:
        """Shape (n_destinations, d) -> (n_sources, d)."""
        return self.reverse(x)

    def edges(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """How many edges each of the destinations ``rows`` has, shape (n,), and the places of these
        edges in ``columns``, one destination's after another's."""
        first = self.starts[rows]
        counts = self.starts[rows + 1] - first
        edges = torch.repeat_interleave(first - _offsets(counts)[:-1], counts)
        edges += torch.arange(len(edges), device=edges.device, dtype=edges.dtype)
        return counts, edges

    def at(self, rows: Tensor | None) -> NeighbourSums | RowSums | WholeThenRows:
        """The same sums, of the destinations ``rows`` only; shape (n,), distinct; all if None."""
        if rows is None:
            return self
        few = self.degrees[rows].sum() <= _FEW_EDGES * len(self.columns)
        return RowSums(self, rows) if few else WholeThenRows(self, rows)


class RowSums:
    """The sums of some destinations only, at the cost of their own edges.

    Args:
        half: the sums of all destinations.
        rows: the destinations, shape (n,), distinct.
    """

    def __init__(self, half: NeighbourSums, rows: Tensor):
        self._counts, edges = half.edges(rows)
        self._offsets, self._n_sources = _offsets(self._counts), half.n_sources
        self.sources = half.columns[edges]
        self._weights = None if half.weights is None else half.weights[edges]

    def __call__(self, x: Tensor) -> Tensor:
        """Shape (n_sources, d) -> (n, d)."""
        return bag_sums(self.sources, x, self._offsets, self._weights)

    def transposed(self, x: Tensor) -> Tensor:
        """Shape (n, d) -> (n_sources, d)."""
        rows, offsets, weights = self._by_source
        return bag_sums(rows, x, offsets, weights)

    @cached_property
    def _by_source(self) -> tuple[Tensor, Tensor, Tensor | None]:
        """The edges' rows in the order of their sources, where each source's begin, and weights."""
        numbers = torch.arange(len(self._counts), device=self.sources.device)
        rows = torch.repeat_interleave(numbers.to(self.sources.dtype), self._counts)
        counts = torch.bincount(self.sources, minlength=self._n_sources)
        order = self.sources.argsort()
        weights = None if self._weights is None else self._weights[order]
        return rows[order], _offsets(counts.to(self.sources.dtype)), weights


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

    def transposed(self, x: Tensor) -> Tensor:
        """Shape (n, d) -> (n_sources, d)."""
        whole = x.new_zeros(self.half.n_destinations, x.shape[1])
        return self.half.transposed(whole.index_copy_(0, self.rows, x))


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
    """Those of a graph, by the kernel of a backend.

    Args:
        graph: the heterograph of :func:`~recbole_slmrec.graph.bipartite.interaction_graph`.
        relation: the edges, from sources to destinations.
        device: where the sums run.
        backend: ``dgl`` or ``torch``.
    """

    def __init__(self, graph: dgl.DGLGraph, relation: str, device: torch.device, backend: str):
        source, _, _ = graph.to_canonical_etype(relation)
        starts, columns, _ = graph.adj_tensors("csc", etype=relation)
        super().__init__(starts.to(device), columns.to(device), graph.num_nodes(source))
        self.sums = (
            _dgl_sums(graph[relation].to(device)) if backend == "dgl" else _TorchSums(self)
        )

    def __call__(self, x: Tensor) -> Tensor:
        """As :class:`NeighbourSums`."""
        return self.sums(x)


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
        graph: the heterograph of :func:`~recbole_slmrec.graph.bipartite.interaction_graph`.
        device: where the products run.
        backend: ``dgl`` (message passing kernels), ``torch`` (sparse CSR), or ``auto``: DGL where the
            installed build has kernels for ``device``, torch otherwise.

    Raises:
        ValueError: for an unknown backend, or ``dgl`` on a device that this DGL build does not serve.
    """

    def __init__(self, graph: dgl.DGLGraph, device: torch.device, backend: str = "auto"):
        self.backend = resolve_backend(backend, device)
        on_users = KernelSums(graph, ITEM_TO_USER, device, self.backend)
        super().__init__(on_users, KernelSums(graph, USER_TO_ITEM, device, self.backend))


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


# Wider tables fall out of the cache: 128 columns at once take nearly three times as long as 64 twice.
_CACHED_COLUMNS = 64


def _dgl_sums(graph: dgl.DGLGraph) -> Product:
    def sums(x: Tensor) -> Tensor:
        if x.shape[1] <= _CACHED_COLUMNS:
            return dgl.ops.copy_u_sum(graph, x)
        chunks = [chunk.contiguous() for chunk in x.split(_CACHED_COLUMNS, dim=1)]
        return torch.cat([dgl.ops.copy_u_sum(graph, chunk) for chunk in chunks], dim=1)

    return sums


class _TorchSums:
    """Rows are destinations, columns sources; ones of the operand's dtype."""

    def __init__(self, half: NeighbourSums):
        self._starts, self._columns = half.starts, half.columns
        self._shape = (half.n_destinations, half.n_sources)
        self._matrices: dict[torch.dtype, Tensor] = {}

    def __deepcopy__(self, memo: dict) -> _TorchSums:
        # PyTorch copies no sparse CSR tensor, and these never change.
        return self

    def __call__(self, x: Tensor) -> Tensor:
        if x.dtype not in self._matrices:
            ones = torch.ones(len(self._columns), dtype=x.dtype, device=x.device)
            self._matrices[x.dtype] = torch.sparse_csr_tensor(
                self._starts, self._columns, ones, size=self._shape, check_invariants=True
            )
        return self._matrices[x.dtype] @ x
