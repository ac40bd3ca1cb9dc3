"""Graphs among items: the weights of nearest neighbours, sums of graphs, and a graph's product."""

from __future__ import annotations

from typing import NamedTuple, Sequence

import numpy as np
import torch
from scipy.sparse import csr_matrix, diags
from torch import Tensor

from recbole_slmrec.graph.nearest import NONE
from recbole_slmrec.graph.product import LinearMap, NeighbourSums, Product, bag_sums


def neighbour_matrix(
    neighbours: np.ndarray, kept: np.ndarray, weights: np.ndarray, n_items: int | None = None
) -> csr_matrix:
    """Neighbours as a matrix with a row for each that has them.

    Args:
        neighbours: as :func:`~recbole_slmrec.graph.nearest.content_neighbours` gives them.
        kept: which of them have an entry, of the shape of ``neighbours``.
        weights: the entries, likewise.
        n_items: the number of columns; as many as rows if None.
    """
    starts = np.append(0, kept.sum(axis=1).cumsum())
    shape = len(neighbours), n_items or len(neighbours)
    return csr_matrix((weights[kept], neighbours["item"][kept], starts), shape=shape)


def binary(neighbours: np.ndarray) -> csr_matrix:
    """S_ij = 1 / k_i for the k_i neighbours j of i, as in FREEDOM (Zhou and Shen, MM 2023).

    The cosines do not count, nor their signs.

    Args:
        neighbours: as :func:`~recbole_slmrec.graph.nearest.content_neighbours` gives them.

    Returns:
        S, shape (|I|, |I|), float64; the row of an item without neighbours is empty.
    """
    found = neighbours["item"] != NONE
    counts = found.sum(axis=1, keepdims=True)
    return neighbour_matrix(neighbours, found, found / np.maximum(counts, 1))


def weighted(neighbours: np.ndarray) -> csr_matrix:
    """S = D^-1/2 W D^-1/2 of the cosines W and their row sums D (LATTICE, Zhang et al., MM 2021).

    A neighbour whose cosine is 0 or negative is dropped.

    Args:
        neighbours: as for :func:`binary`.

    Returns:
        As :func:`binary`.
    """
    W = neighbour_matrix(neighbours, neighbours["cosine"] > 0, neighbours["cosine"])
    sums = W.sum(axis=1).A1
    scales = diags(np.divide(1, np.sqrt(sums), out=np.zeros_like(sums), where=sums > 0))
    return (scales @ W @ scales).tocsr()


WEIGHTINGS = {"binary": binary, "weighted": weighted}


def mean_graph(graphs: Sequence[csr_matrix], shares: Sequence[float] | None = None) -> csr_matrix:
    """The mean of graphs, or their weighted sum: all their edges, whose weights are added.

    Args:
        graphs: one or more among the same items, shape (|I|, |I|) each.
        shares: a factor a graph; equal ones, of sum 1, if None.

    Returns:
        Shape (|I|, |I|).

    Raises:
        ValueError: if there is no graph, they differ in size, or there are not as many shares.
    """
    if not graphs or len({graph.shape for graph in graphs}) > 1:
        sizes = ", ".join(str(graph.shape[0]) for graph in graphs)
        raise ValueError(f"a mean is over one or more graphs of as many items, not of [{sizes}]")
    if shares is None:
        shares = [1 / len(graphs)] * len(graphs)
    if len(shares) != len(graphs):
        raise ValueError(f"there are {len(graphs)} item graphs, but {len(shares)} shares of them")
    return sum(share * graph for share, graph in zip(shares, graphs)).tocsr()


class ItemGraph:
    """The product with a graph among items, S x; its backward is the product with S'.

    Called with a table, shape (|I|, d); returns one of that shape. An item's row is zero if it has
    no neighbours.

    Args:
        weights: S, shape (|I|, |I|).
        device: where the products run.

    Attributes:
        sums: the same as :class:`~recbole_slmrec.graph.product.NeighbourSums`, outside autograd.
    """

    def __init__(self, weights: csr_matrix, device: torch.device):
        self.sums = _sums(weights, device)
        self.sums.reverse = _sums(weights.T.tocsr(), device)

    def __call__(self, x: Tensor) -> Tensor:
        return self.at(None)(x)

    def at(self, rows: Tensor | None) -> Product:
        """These rows of the product at the cost of their edges; shape (n,), distinct; None: all."""
        sums = self.sums.at(rows)
        return lambda x: LinearMap.apply(x, sums, sums.transposed)

    def diagonal(self) -> np.ndarray:
        """The weight of each item with itself, shape (|I|,)."""
        sums = self.sums
        items = torch.arange(sums.n_sources, device=sums.columns.device)
        loops = sums.columns == items.repeat_interleave(sums.degrees)
        diagonal = sums.weights.new_zeros(sums.n_sources)
        return diagonal.index_copy(0, sums.columns[loops].long(), sums.weights[loops]).cpu().numpy()

    def power(self, n: int, x: Tensor, rows: Tensor | None) -> Tensor:
        """S^n x on these rows, all if None; the last product alone is one with single rows.

        Args:
            n: 1 or more.
            x: shape (|I|, d).
            rows: shape (m,), distinct.
        """
        for _ in range(n - 1):
            x = self(x)
        return self.at(rows)(x)


class NewItems(NamedTuple):
    """Items that join a graph among items, each by itself: they take in others, and nobody takes in them.

    Attributes:
        weights: those of their neighbours, shape (n, |I|).
        own: the weight of each with itself, shape (n,).
    """

    weights: csr_matrix
    own: np.ndarray

    def power(self, n: int, graph: Product, x: Tensor) -> Tensor:
        """Their rows of the n-th power of the graph with them, times a table that is zero on them.

        Args:
            n: 1 or more.
            graph: the product with the graph without them.
            x: shape (|I|, d).
        """
        sums = _sums(self.weights, x.device)
        own = torch.from_numpy(self.own).to(x).unsqueeze(1)
        h = x.new_zeros(len(own), x.shape[1])
        for layer in range(n):
            h = sums(x) + own * h
            x = graph(x) if layer < n - 1 else x
        return h


def binary_of_new(neighbours: np.ndarray, present: np.ndarray, n_items: int) -> NewItems:
    """New items in a :func:`binary` graph.

    Args:
        neighbours: as :func:`~recbole_slmrec.graph.nearest.nearest_to` gives them; one less than k.
        present: whether each has features, shape (n,).
        n_items: |I|.
    """
    found = neighbours["item"] != NONE
    counts = found.sum(axis=1, keepdims=True) + 1
    return NewItems(
        neighbour_matrix(neighbours, found, found / counts, n_items), present / counts[:, 0]
    )


def cosines_of_new(neighbours: np.ndarray, n_items: int) -> csr_matrix:
    """The cosines above 0 of new items with their neighbours, shape (n, |I|)."""
    return neighbour_matrix(neighbours, neighbours["cosine"] > 0, neighbours["cosine"], n_items)


def weighted_of_new(neighbours: np.ndarray, present: np.ndarray, diagonal: np.ndarray) -> NewItems:
    """New items in a :func:`weighted` graph.

    Args:
        neighbours: as for :func:`binary_of_new`.
        present: likewise.
        diagonal: that of the graph without them, 1 / D for the row sums D of cosines; shape (|I|,).
    """
    W = cosines_of_new(neighbours, len(diagonal))
    inverse = 1 / np.maximum(W.sum(axis=1).A1 + present, 1)
    weights = diags(np.sqrt(inverse)) @ W @ diags(np.sqrt(diagonal))
    return NewItems(weights.tocsr(), present * inverse)


class LearntItemGraph:
    """A graph among items through whose weights gradients flow; several edges of a pair are added.

    Args:
        items: where each edge ends, shape (E,).
        neighbours: where it comes from, likewise.
        weights: shape (E,).
        n_items: |I|.
    """

    def __init__(self, items: Tensor, neighbours: Tensor, weights: Tensor, n_items: int):
        order = items.argsort(stable=True)
        counts = torch.bincount(items, minlength=n_items)
        self.starts = torch.nn.functional.pad(counts.cumsum(0), (1, 0))
        self.neighbours, self.weights = neighbours[order], weights[order]

    def power(self, n: int, x: Tensor) -> Tensor:
        """A^n x of a table, shape (|I|, d)."""
        for _ in range(n):
            x = bag_sums(self.neighbours, x, self.starts, self.weights)
        return x

    def matrix(self) -> csr_matrix:
        """A as it is, a constant, shape (|I|, |I|)."""
        parts = (self.weights.detach(), self.neighbours, self.starts)
        parts = tuple(part.cpu().numpy() for part in parts)
        # A copy, for scipy adds several edges of a pair in place.
        A = csr_matrix(parts, shape=(len(self.starts) - 1,) * 2, copy=True)
        A.sum_duplicates()
        return A


def _sums(matrix: csr_matrix, device: torch.device) -> NeighbourSums:
    """A matrix as sums over the entries of its rows.

    A bag a row: half the time of torch's sparse CSR, and a tenth of DGL's kernel of weighted edges.
    """
    parts = (
        torch.from_numpy(part).to(device) for part in (matrix.indptr, matrix.indices, matrix.data)
    )
    starts, columns, weights = parts
    return NeighbourSums(starts, columns, matrix.shape[1], weights)
