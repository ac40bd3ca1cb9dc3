"""Losses on vectors: InfoNCE in-batch, over weighted candidates and with sampled negatives; BPR."""

from __future__ import annotations

import math
from itertools import chain
from typing import NamedTuple, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from recbole_slmrec.counting import counted
from recbole_slmrec.processes.parallel import added_up, gathered_rows, one_batch, own_share

SIMILARITIES = ("cosine", "dot")

# Anchors whose logits are made at a time: some MiB, which stay in a CPU's last cache. No power of two,
# so that a column's places fall into different sets of it. Devices that are not named take all at once.
_BLOCK_ANCHORS = {"cpu": 640}

# Logits held at a time, 64 MiB of float32: with a whole catalogue of candidates, blocks are narrower.
_LOGITS_PER_BLOCK = 2**24

_LN_2 = math.log(2)

# What two tables make: the loss, summed over their pairs, and the gradients of anchors and candidates.
_OfTables = tuple[Tensor, Tensor, Tensor]

# Powers of 2 of numbers no further from 0, and sums of many, are far from float32's ends.
_SMALL = 60


class Pairs(NamedTuple):
    """The rows of a batch, each an anchor and its positive; several may name the same vector.

    Attributes:
        anchors: each row's place among the anchors, shape (B,).
        positives: each row's place among the candidates, shape (B,).
    """

    anchors: Tensor
    positives: Tensor


def info_nce(
    anchors: Tensor,
    candidates: Tensor,
    temperature: float,
    similarity: str = "cosine",
    gather: bool = True,
    pairs: Pairs | None = None,
) -> Tensor:
    """InfoNCE with in-batch negatives (van den Oord et al., 2018; SLMRec Eq. 9, 11 and 13).

    A row of the batch has one positive, and the positives of the other rows are its negatives. A
    vector that several rows share is given and compared once, and counts as often as it occurs.

    Args:
        anchors: shape (n, d).
        candidates: shape (m, d).
        temperature: divides the similarity; > 0.
        similarity: ``cosine``, or ``dot`` for plain inner products.
        gather: whether rows of other processes' batches, where there are any, are negatives too.
        pairs: the batch's B rows; by default B = n = m, and anchor k goes with candidate k.

    Returns:
        The batch mean, a scalar.

    Raises:
        ValueError: if the shapes do not fit, ``temperature`` is not positive or ``similarity``
            unknown.
    """
    return info_nces([(anchors, candidates)], temperature, similarity, gather, pairs)


def info_nces(
    tables: Sequence[tuple[Tensor, Tensor]],
    temperature: float,
    similarity: str = "cosine",
    gather: bool = True,
    pairs: Pairs | None = None,
) -> Tensor:
    """The sum of :func:`info_nce` of several tables of anchors and candidates with the same rows.

    Where processes share one batch out, they add up what they make of all tables in one message.

    Args:
        tables: anchors, shape (n, d), and candidates, shape (m, d); each pair has a d of its own.
        temperature, similarity, gather, pairs: as there.

    Returns:
        A scalar.

    Raises:
        ValueError: as there.
    """
    for anchors, candidates in tables:
        _check_shapes(anchors, candidates, pairs)
    check_temperature("temperature", temperature)
    check_similarity("similarity", similarity)
    if pairs is None:
        rows = torch.arange(len(tables[0][0]), device=tables[0][0].device)
        pairs = Pairs(rows, rows)
    if similarity == "cosine":
        tables = [(F.normalize(a, dim=1), F.normalize(c, dim=1)) for a, c in tables]
    counts, first = occurrences(pairs.positives, tables[0][1]), 0
    if gather:
        joint = [gathered_rows(candidates, counts) for _, candidates in tables]
        tables = [(anchors, of_all) for (anchors, _), (of_all, *_) in zip(tables, joint)]
        _, counts, first = joint[0]
    pairs = Pairs(pairs.anchors, pairs.positives + first)
    return _WeightedSoftmax.apply(
        counts, pairs, float(temperature), None, None, *chain.from_iterable(tables)
    )


def weighted_info_nce(
    anchors: Tensor,
    candidates: Tensor,
    temperature: float,
    pairs: Pairs,
    weights: Tensor,
    own_weights: Tensor | None = None,
    left_out: Pairs | None = None,
    similarity: str = "cosine",
) -> Tensor:
    r"""InfoNCE over candidates that weigh differently (SLMRec Eq. 12-13).

    With s the similarity over the temperature, the mean over pairs (a, p) of

    .. math:: -\log \frac{e^{s_{ap}}}{\sum_{j \notin O_a} w_j e^{s_{aj}} + v_{ap} e^{s_{ap}}}

    Args:
        anchors: shape (n, d).
        candidates: shape (m, d).
        temperature: divides the similarity; > 0.
        pairs: the batch's B rows.
        weights: w, shape (m,), 0 or more.
        own_weights: v, how often a pair's positive counts beside its place in the sum, shape (B,);
            0 if None.
        left_out: O, pairs of an anchor and a candidate that its sum leaves out, sorted by anchor.
        similarity: ``cosine``, or ``dot`` for plain inner products.

    Returns:
        The batch mean, a scalar.

    Raises:
        ValueError: if the shapes do not fit, ``temperature`` is not positive or ``similarity``
            unknown.
    """
    _check_shapes(anchors, candidates, pairs)
    check_temperature("temperature", temperature)
    check_similarity("similarity", similarity)
    if similarity == "cosine":
        anchors, candidates = F.normalize(anchors, dim=1), F.normalize(candidates, dim=1)
    dtype = torch.promote_types(anchors.dtype, torch.float32)
    weights = weights.to(dtype).unsqueeze(1)
    if own_weights is not None:
        own_weights = own_weights.to(dtype)
    return _WeightedSoftmax.apply(
        weights, pairs, float(temperature), own_weights, left_out, anchors, candidates
    )


def sampled_info_nce(
    users: Tensor, positives: Tensor, negatives: Tensor, temperature: float
) -> Tensor:
    """InfoNCE over a positive and its k sampled negatives, by cosine (SLMRec Eq. 12-13).

    Args:
        users: shape (B, d).
        positives: shape (B, d).
        negatives: shape (k, B, d); ``negatives[:, b]`` belong to row b.
        temperature: divides the cosine; > 0.

    Returns:
        The batch mean, a scalar.

    Raises:
        ValueError: if ``temperature`` is not positive.
    """
    check_temperature("temperature", temperature)
    items = torch.cat([positives.unsqueeze(0), negatives])
    logits = F.cosine_similarity(users.unsqueeze(0), items, dim=-1) / temperature
    return -F.log_softmax(logits, dim=0)[0].mean()


def bpr(users: Tensor, positives: Tensor, negatives: Tensor) -> Tensor:
    """Bayesian personalised ranking on inner products (Rendle et al., 2009).

    Args:
        users: shape (B, d).
        positives: shape (B, d).
        negatives: shape (k, B, d).

    Returns:
        The mean of -log sigmoid(user . positive - user . negative) over batch and k, a scalar.
    """
    return bpr_of(users, positives - negatives)


def bpr_of(users: Tensor, beyond: Tensor) -> Tensor:
    """:func:`bpr` from what a positive's vector is beyond a negative's.

    Args:
        users: shape (B, d).
        beyond: shape (k, B, d).

    Returns:
        As there.
    """
    return -F.logsigmoid((users * beyond).sum(-1)).mean()


def half_squares(users: Tensor, positives: Tensor, negatives: Tensor) -> Tensor:
    """Half the squared norms of the three vectors of a triple, the L2 term beside :func:`bpr`.

    Args:
        users: shape (B, d).
        positives: shape (B, d).
        negatives: shape (k, B, d).

    Returns:
        The mean over batch and k, a scalar.
    """
    return sum(table.square().sum(-1).mean() for table in (users, positives, negatives)) / 2


def check_temperature(key: str, temperature: float) -> None:
    """Raises ValueError, naming ``key``, unless ``temperature`` is a positive number."""
    if not isinstance(temperature, (int, float)) or not temperature > 0:
        raise ValueError(
            f"{key} [{temperature}] must be a number above 0: it divides the similarity"
        )


def check_similarity(key: str, similarity: str) -> None:
    """Raises ValueError, naming ``key``, unless ``similarity`` is a known one."""
    if similarity not in SIMILARITIES:
        raise ValueError(f"{key} [{similarity}] is not one of {', '.join(SIMILARITIES)}")


def _check_shapes(anchors: Tensor, candidates: Tensor, pairs: Pairs | None) -> None:
    as_wide = anchors.dim() == candidates.dim() == 2 and anchors.shape[1] == candidates.shape[1]
    as_many = len(anchors) == len(candidates) if pairs is None else len(pairs[0]) == len(pairs[1])
    if not as_wide or not as_many:
        raise ValueError(
            f"anchors {tuple(anchors.shape)} and candidates {tuple(candidates.shape)} must both have "
            "the shape (B, d); with pairs, (n, d) and (m, d), and as many anchors as positives in them"
        )


def occurrences(places: Tensor, table: Tensor) -> Tensor:
    """How often ``places`` name each row of ``table``, shape (n, d): shape (n, 1)."""
    # Half precision would round counts above some hundred.
    dtype = torch.promote_types(table.dtype, torch.float32)
    return counted(places, len(table), dtype).unsqueeze(1)


class _WeightedSoftmax(torch.autograd.Function):
    """Mean over pairs of the cross-entropy of (anchor candidates' / temperature), summed over tables.

    Every candidate is in the sum with its weight. The gradient is made in the forward pass, so
    that the logits are computed once. Under autocast the three matrix products run in its precision;
    sums stay in that of the vectors.
    """

    @staticmethod
    def forward(
        ctx,
        weights: Tensor,
        pairs: Pairs,
        temperature: float,
        own_weights: Tensor | None,
        left_out: Pairs | None,
        *tables: Tensor,
    ) -> Tensor:
        device, precision = weights.device.type, tables[0].dtype
        if torch.is_autocast_enabled(device):
            precision = torch.get_autocast_dtype(device)
            tables = tuple(table.float() for table in tables)
        if own_weights is None:
            own_weights = tables[0].new_zeros(len(pairs.anchors))
        # By anchor, so that a block's pairs lie side by side.
        sorted_anchors, order = pairs.anchors.sort()
        pairs = Pairs(sorted_anchors, pairs.positives[order])
        terms = _Terms(weights, pairs, own_weights[order], left_out, precision)
        scaled = [(a / temperature, c) for a, c in zip(tables[::2], tables[1::2])]
        compute = _of_own_anchors if one_batch() else _of_all_anchors
        with torch.autocast(device, enabled=False):
            losses, *gradients = zip(*compute(scaled, terms))
        for grad_anchors, grad_candidates in zip(*gradients):
            grad_anchors /= temperature * len(order)
            grad_candidates /= len(order)
        ctx.save_for_backward(*chain.from_iterable(zip(*gradients)))
        return sum(losses) / len(order)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient: Tensor):
        return *[None] * 5, *(each * gradient for each in ctx.saved_tensors)


class _Terms(NamedTuple):
    """What every pair of tables is summed over.

    Attributes:
        weights: of the candidates, shape (m, 1).
        pairs: the batch's rows, sorted by anchor.
        own_weights: how often a pair's positive counts beside its place in the sum, shape (B,).
        left_out: anchors and candidates that their sums leave out, sorted by anchor.
        precision: of the matrix products.
    """

    weights: Tensor
    pairs: Pairs
    own_weights: Tensor
    left_out: Pairs | None
    precision: torch.dtype


def _of_all_anchors(tables: Sequence[tuple[Tensor, Tensor]], terms: _Terms) -> list[_OfTables]:
    return [_gradients(anchors, candidates, terms) for anchors, candidates in tables]


def _of_own_anchors(tables: Sequence[tuple[Tensor, Tensor]], terms: _Terms) -> list[_OfTables]:
    """:func:`_of_all_anchors` of one batch in all processes, each of which makes those of its anchors."""
    n = len(tables[0][0])
    share = own_share(n)
    pairs, places = _of_share(terms.pairs, share)
    own = terms._replace(
        pairs=pairs,
        own_weights=terms.own_weights[places],
        left_out=None if terms.left_out is None else _of_share(terms.left_out, share)[0],
    )
    own_tables = [(anchors[share], candidates) for anchors, candidates in tables]
    parts = [
        (loss, F.pad(grad_anchors, (0, 0, share.start, n - share.stop)), grad_candidates)
        for loss, grad_anchors, grad_candidates in _of_all_anchors(own_tables, own)
    ]
    summed = added_up(*chain.from_iterable(parts))
    return list(zip(summed[::3], summed[1::3], summed[2::3]))


def _of_share(pairs: Pairs, share: slice) -> tuple[Pairs, slice]:
    """The pairs of the anchors ``share``, numbered from 0, and where they stand; anchors are sorted."""
    ends = torch.tensor([share.start, share.stop], device=pairs.anchors.device)
    places = slice(*torch.searchsorted(pairs.anchors, ends).tolist())
    return Pairs(pairs.anchors[places] - share.start, pairs.positives[places]), places


def _gradients(anchors: Tensor, candidates: Tensor, terms: _Terms) -> _OfTables:
    """The pairs' cross-entropies, summed, and the gradients of this sum."""
    loss, grad_anchors, grad_candidates, pulls = _entropies(anchors, candidates, terms)
    pairs = terms.pairs
    chosen = anchors.index_select(0, pairs.anchors)
    positives = candidates.index_select(0, pairs.positives)
    grad_anchors.index_add_(0, pairs.anchors, positives.mul_(pulls))
    grad_candidates.index_add_(0, pairs.positives, chosen.mul_(pulls))
    return loss, grad_anchors, grad_candidates


def _entropies(
    anchors: Tensor, candidates: Tensor, terms: _Terms
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The pairs' cross-entropies, summed; the gradients of their denominators' logarithms but for the
    positives that count beside the sum; and how far each pair pulls, shape (B, 1): its own logit's
    share in the denominator, beside the sum, less 1.

    Block by block, so that the logits are never stored whole, an anchor a column. The weights of
    candidates and anchors multiply narrow matrices only. Powers are of 2, which take a CPU a third
    of the time of those of e, and of what a logit is below the anchor's largest one, unless all are small.
    """
    weights, pairs, own_weights, left_out, precision = terms
    scaled, columns = (anchors / _LN_2).to(precision), candidates.to(precision)
    are_small = _are_small(scaled, columns)
    weighted, entropies = (candidates * weights).to(precision), anchors.new_zeros(())
    grad_anchors, grad_candidates = torch.empty_like(anchors), torch.zeros_like(candidates)
    pulls = [anchors.new_zeros(0)]
    blocks = _blocks(anchors, candidates)
    own_blocks, out_blocks = _by_block(pairs, blocks), _by_block(left_out, blocks)
    own_weights = own_weights.split([len(own.anchors) for own in own_blocks])
    for start, own, out, beside in zip(blocks, own_blocks, out_blocks, own_weights):
        block = slice(start, start + blocks.step)
        logits = columns @ scaled[block].T
        if not are_small:
            logits.sub_(logits.amax(dim=0))
        own_logits = logits[own.positives, own.anchors].to(anchors.dtype)
        powers = logits.exp2_()
        if out is not None:
            powers[out.positives, out.anchors] = 0
        sums = (powers.T.to(weights.dtype) @ weights).squeeze(1)
        own_terms = own_logits.exp2().mul_(beside)
        denominators = sums[own.anchors] + own_terms
        entropies += (denominators.log2() - own_logits).sum()
        pulls.append(own_terms / denominators - 1)
        shares = torch.zeros_like(sums).index_add_(0, own.anchors, 1 / denominators).unsqueeze(1)
        torch.mul(powers.T @ weighted, shares, out=grad_anchors[block])
        grad_candidates += powers @ (anchors[block] * shares).to(precision)
    return entropies * _LN_2, grad_anchors, grad_candidates.mul_(weights), torch.cat(pulls)[:, None]


def _are_small(anchors: Tensor, candidates: Tensor) -> bool:
    """Whether no inner product can be far from 0; on a CPU only, elsewhere the answer would be waited for."""
    if anchors.device.type != "cpu":
        return False
    longest = [torch.linalg.vector_norm(x.float(), dim=1).amax() for x in (anchors, candidates)]
    return bool(longest[0] * longest[1] < _SMALL)


def _blocks(anchors: Tensor, candidates: Tensor) -> range:
    """Where blocks of anchors begin; its step is their size."""
    size = _BLOCK_ANCHORS.get(anchors.device.type, len(anchors))
    size = min(size, _LOGITS_PER_BLOCK // len(candidates))
    return range(0, len(anchors), max(size, 1))


def _by_block(pairs: Pairs | None, blocks: range) -> list[Pairs | None]:
    """The pairs of each block, its anchors numbered from 0; ``pairs.anchors`` are sorted."""
    if pairs is None or len(blocks) == 1:
        return [pairs] * len(blocks)
    ends = torch.tensor(blocks[1:], dtype=pairs.anchors.dtype, device=pairs.anchors.device)
    ends = torch.searchsorted(pairs.anchors, ends).cpu()
    parts = (pairs.anchors % blocks.step).tensor_split(ends), pairs.positives.tensor_split(ends)
    return [Pairs(*each) for each in zip(*parts)]
