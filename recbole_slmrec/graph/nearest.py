"""The k nearest items of each item: by their features, or by the users that they share."""

from __future__ import annotations

from typing import Iterator

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor
from tqdm import tqdm

from recbole_slmrec.graph.product import InteractionBlock, NeighbourSums
from recbole_slmrec.top_k import top_k

# A neighbour: its id, and its cosine with the item. Where an item has fewer than k, the rest of its
# row is NONE with the cosine 0.
NEIGHBOUR = np.dtype([("item", np.int64), ("cosine", np.float64)])
NONE = -1

# Similarities that are held at a time: 128 MiB.
_BLOCK = 2**24

# Unit rows are compared in steps of 2^-26: any partial sum of the products of two rows is a whole
# number of steps of 2^-52, below 2, which float64 holds exactly. So a cosine is the same in any order
# of additions: equal rows tie whatever the block, the number of threads and the kernel.
_STEPS = 2**26


def content_neighbours(features: Tensor, k: int) -> np.ndarray:
    """The k items of the largest cosine for each item, the item itself always among them.

    Of items of equal cosine those of the lowest ids are taken. A zero row has no neighbour and is
    nobody's. Rows are compared in steps of 2^-26, which moves a cosine by some 1e-8, so that the
    neighbours depend neither on blocks nor on threads.

    Args:
        features: shape (|I|, D), on any device; rows of any length, of which the direction counts.
        k: at least 1, below |I|.

    Returns:
        Shape (|I|, k), of :data:`NEIGHBOUR`: each item's neighbours in the order of their ids; fewer
        than k only if fewer items have features.

    Raises:
        ValueError: if ``k`` is out of range, or a feature is not a finite number.
    """
    check_k("item_graph_k", k, len(features))
    lengths, present, steps = _directions(features)
    neighbours = _no_neighbours(len(features), k)
    step = _rows_at_once(max(len(present), k * features.shape[1]))
    # The same memory for all blocks: to have it mapped anew took a third more time.
    memory = steps.new_empty(min(step, len(present)), len(present))
    for block in _blocks(len(present), step, "item graph"):
        items, others = present[block], present[_nearest(steps, block, k, memory)]
        products = features[items].double().unsqueeze(1) * features[others].double()
        cosines = products.sum(2) / lengths[items].unsqueeze(1) / lengths[others]
        found = items.cpu().numpy(), slice(others.shape[1])
        neighbours["item"][found] = others.cpu().numpy()
        neighbours["cosine"][found] = cosines.cpu().numpy()
    return neighbours


def nearest_to(rows: Tensor, features: Tensor, k: int) -> np.ndarray:
    """The k items of the largest cosine with each of some rows that are no items themselves.

    Args:
        rows: shape (n, D); a zero row has no neighbour.
        features: those of the items, shape (|I|, D), otherwise as for :func:`content_neighbours`.
        k: 0 or more, at most |I|.

    Returns:
        Shape (n, k), otherwise as :func:`content_neighbours`.

    Raises:
        ValueError: if a feature is not a finite number.
    """
    (own_lengths, own, own_steps), (lengths, present, steps) = map(_directions, (rows, features))
    neighbours = _no_neighbours(len(rows), k)
    for block in _blocks(len(own), _rows_at_once(len(present)), "nearest items"):
        places = own[block]
        others = present[_largest(own_steps[block] @ steps.T, min(k, len(present)))]
        products = rows[places].double().unsqueeze(1) * features[others].double()
        cosines = products.sum(2) / own_lengths[places].unsqueeze(1) / lengths[others]
        found = places.cpu().numpy(), slice(others.shape[1])
        neighbours["item"][found] = others.cpu().numpy()
        neighbours["cosine"][found] = cosines.cpu().numpy()
    return neighbours


def shared_user_neighbours(block: InteractionBlock, k: int, shrink: float = 0) -> np.ndarray:
    r"""The k items that share users with an item and have the largest cosine, the item among them.

    What ItemKNN ranks by (Sarwar et al., WWW 2001; s: Bell and Koren, KDD Cup 2007), and leaves the
    item itself out of: :math:`c_{ij} / (\sqrt{c_{ii} c_{jj}} + s)`, where :math:`c_{ij}` users have
    both items. Ties as in :func:`content_neighbours`. An item without users has no neighbour and is
    nobody's.

    Args:
        block: the interactions.
        k: at least 1, below |I|.
        shrink: s >= 0; the larger, the less do items with few users count.

    Returns:
        As :func:`content_neighbours`; fewer than k where fewer items share a user.

    Raises:
        ValueError: if ``k`` or ``shrink`` is out of range.
    """
    check_k("item_graph_k", k, block.n_items)
    if not isinstance(shrink, (int, float)) or not 0 <= shrink < np.inf:
        raise ValueError(f"shrink [{shrink}] must be a number, 0 or more")
    users_of_items, items_of_users = _ones(block.on_items), _ones(block.on_users)
    counts = np.diff(users_of_items.indptr).astype(np.float64)
    neighbours = _no_neighbours(block.n_items, k)
    for rows in _blocks(block.n_items, _rows_at_once(block.n_items), "graph of shared users"):
        shared = users_of_items[rows] @ items_of_users
        for item, start, end in zip(range(rows.start, rows.stop), shared.indptr, shared.indptr[1:]):
            others = shared.indices[start:end]
            cosines = _cosines(shared.data[start:end], counts[item] * counts[others], shrink)
            best = _best(np.where(others == item, np.inf, cosines), others, k)
            neighbours["item"][item, : len(best)] = others[best]
            neighbours["cosine"][item, : len(best)] = cosines[best]
    return neighbours


def check_k(key: str, k: int, n_items: int) -> None:
    """Raises ValueError, naming ``key``, unless each of ``n_items`` can have ``k`` neighbours."""
    if not isinstance(k, int) or not 1 <= k < n_items:
        raise ValueError(
            f"{key} [{k}] must be a whole number from 1 to {n_items - 1}: there are {n_items} items"
        )


def _no_neighbours(n_items: int, k: int) -> np.ndarray:
    return np.full((n_items, k), np.array((NONE, 0), NEIGHBOUR))


def _rows_at_once(width: int) -> int:
    return max(1, _BLOCK // max(1, width))


def _blocks(n_rows: int, step: int, name: str) -> Iterator[slice]:
    """Slices of ``step`` rows, with a bar if they take long."""
    # disable=None: on a terminal only.
    with tqdm(total=n_rows, unit=" items", desc=name, disable=None, delay=2) as bar:
        for start in range(0, n_rows, step):
            end = min(start + step, n_rows)
            yield slice(start, end)
            bar.update(end - start)


def _directions(features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The rows' lengths, those that are not zero, and these at length one in whole steps."""
    lengths = torch.linalg.vector_norm(features, dim=1, dtype=torch.float64)
    if not lengths.isfinite().all():
        row = int(lengths.isfinite().logical_not().nonzero()[0])
        raise ValueError(f"the features of item {row} are not all finite numbers")
    present = lengths.nonzero().squeeze(1)
    unit = features.index_select(0, present).double().div_(lengths[present].unsqueeze(1))
    return lengths, present, unit.mul_(_STEPS).round_()


def _nearest(steps: Tensor, block: slice, k: int, memory: Tensor) -> Tensor:
    """The k rows nearest to each of a block, or all if there are no more: shape (n, k), ascending."""
    scores = torch.mm(steps[block], steps.T, out=memory[: block.stop - block.start])
    scores.diagonal(block.start).fill_(torch.inf)
    return _largest(scores, k)


def _largest(scores: Tensor, k: int) -> Tensor:
    """The columns of a row's k largest scores, or all if there are no more: shape (n, k), ascending.

    Of equal scores the lowest columns are taken.
    """
    n_columns = scores.shape[1]
    values, columns = top_k(scores, min(k + 1, n_columns))
    if 0 < k < n_columns:
        smallest = values[:, k - 1]
        for row in (values[:, k] == smallest).nonzero().squeeze(1).tolist():
            above = int((values[row] > smallest[row]).sum())
            tied = (scores[row] == smallest[row]).nonzero().squeeze(1)
            columns[row, above:k] = tied[: k - above]
    return columns[:, :k].sort(1).values


def _ones(half: NeighbourSums) -> csr_matrix:
    """A half of the graph as a matrix with a row a destination."""
    columns, starts = half.columns.cpu().numpy(), half.starts.cpu().numpy()
    shape = (half.n_destinations, half.n_sources)
    return csr_matrix((np.ones(len(columns)), columns, starts), shape=shape)


def _cosines(shared: np.ndarray, products: np.ndarray, shrink: float) -> np.ndarray:
    """Cosines from numbers of shared users and the ``products`` of both items' numbers of users."""
    if shrink == 0:
        # Divided before the root is taken, so that equal cosines, such as 1 / sqrt(2) and
        # 3 / sqrt(18), are equal numbers. With a shrinkage only whole roots, which are exact, tie.
        return np.sqrt(shared**2 / products)
    return shared / (np.sqrt(products) + shrink)


def _best(scores: np.ndarray, items: np.ndarray, k: int) -> np.ndarray:
    """The places of the k largest scores, or of all if there are no more, ascending by item."""
    places = np.arange(len(scores))
    if len(scores) > k:
        places = np.flatnonzero(scores >= np.partition(scores, -k)[-k])
        places = places[np.lexsort((items[places], -scores[places]))[:k]]
    return places[items[places].argsort()]
