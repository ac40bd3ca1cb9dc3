"""The k nearest items of each item: by their features, or by the users that they share."""

from __future__ import annotations

from typing import Iterator

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor
from tqdm import tqdm

from recbole_slmrec.evaluation.top_k import top_k
from recbole_slmrec.graph.product import InteractionBlock, NeighbourSums

# A neighbour: its id, and its cosine with the item. Where an item has fewer than k, the rest of its
# row is NONE with the cosine 0.
NEIGHBOUR = np.dtype([("item", np.int64), ("cosine", np.float64)])
NONE = -1

# Similarities that are held at a time: 64 MiB in single precision, 128 MiB in double.
_BLOCK = 2**24

# Unit rows are compared in steps of 2^-26: any partial sum of the products of two rows is a whole
# number of steps of 2^-52, below 2, which float64 holds exactly. So a cosine is the same in any order
# of additions: equal rows tie whatever the block, the number of threads and the kernel.
_STEPS = 2**26

# Single precision, in which a product takes half the time, finds so many times k candidates first.
_CANDIDATES = 2


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
    step = _rows_at_once(max(len(present), _CANDIDATES * k * features.shape[1]))
    search = _Search(steps, k, min(step, len(present)))
    for block in _blocks(len(present), step, "item graph"):
        items, others = present[block], present[search(block)]
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


class _Search:
    """The k rows nearest to each of a block, or all if there are no more.

    Single precision, wrong by no more than half of ``margin``, says which rows may be among them, and
    double which are. Where too many may be, as among many equal rows, or a product was wrong by more, as
    where TF32 is allowed, a row is compared with all in double.

    Args:
        steps: the rows in whole steps, shape (n, D).
        k: at least 1.
        n_at_once: the most rows of a block.
    """

    def __init__(self, steps: Tensor, k: int, n_at_once: int):
        self.steps, self.narrow = steps, steps.div(_STEPS).float()
        n_rows, width = steps.shape
        self.k, self.n_candidates = min(k, n_rows), min(_CANDIDATES * k, n_rows)
        # Twice what roundings of two rows and of a sum of D products, half an eps each, can add up to.
        self.margin = (width + 4) * torch.finfo(torch.float32).eps
        # The same memory for all blocks: to have it mapped anew took a third more time.
        self.memory = self.narrow.new_empty(n_at_once, n_rows)

    def __call__(self, block: slice) -> Tensor:
        """Shape (rows of the block, k), ascending; of equally near ones those of the lowest places."""
        # Half precision would not keep the margin.
        with torch.autocast(self.steps.device.type, enabled=False):
            values, candidates = self._candidates(block)
        clear = values[:, self.k - 1] - values[:, -1] > self.margin
        candidates, order = candidates.sort(1)
        scores = torch.bmm(self.steps[candidates], self.steps[block].unsqueeze(2)).squeeze(2)
        errors = (values.gather(1, order) - scores / _STEPS**2).abs()
        own = torch.arange(block.start, block.stop, device=candidates.device).unsqueeze(1)
        is_own = candidates == own
        clear &= (errors.masked_fill_(is_own, 0) <= self.margin / 2).all(1)
        best = scores.masked_fill_(is_own, torch.inf).argsort(dim=1, descending=True, stable=True)
        nearest = candidates.gather(1, best[:, : self.k])
        unclear = clear.logical_not().nonzero().squeeze(1)
        if self.n_candidates < len(self.steps) and len(unclear):
            nearest[unclear] = self._among_all(unclear + block.start)
        return nearest.sort(1).values

    def _candidates(self, block: slice) -> tuple[Tensor, Tensor]:
        """The largest similarities in single precision, and whose they are."""
        n_rows = block.stop - block.start
        scores = torch.mm(self.narrow[block], self.narrow.T, out=self.memory[:n_rows])
        scores.diagonal(block.start).fill_(torch.inf)
        return top_k(scores, self.n_candidates)

    def _among_all(self, rows: Tensor) -> Tensor:
        scores = self.steps[rows] @ self.steps.T
        scores.scatter_(1, rows.unsqueeze(1), torch.inf)
        return _largest(scores, self.k)


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
