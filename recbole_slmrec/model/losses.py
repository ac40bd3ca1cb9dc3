"""Losses on vectors: InfoNCE in-batch and with sampled negatives, BPR."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from recbole_slmrec.parallel import gathered_rows

SIMILARITIES = ("cosine", "dot")

# Anchors whose logits are made at a time: some MiB, which stay in a CPU's last cache. No power of two,
# so that a column's places fall into different sets of it. Devices that are not named take all at once.
_BLOCK_ANCHORS = {"cpu": 640}

_LN_2 = math.log(2)


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
    _check_shapes(anchors, candidates, pairs)
    check_temperature("temperature", temperature)
    check_similarity("similarity", similarity)
    if pairs is None:
        rows = torch.arange(len(anchors), device=anchors.device)
        pairs = Pairs(rows, rows)
    if similarity == "cosine":
        anchors, candidates = F.normalize(anchors, dim=1), F.normalize(candidates, dim=1)
    counts = _counts(pairs.positives, candidates)
    if gather:
        candidates, counts, first = gathered_rows(candidates, counts)
        pairs = Pairs(pairs.anchors, pairs.positives + first)
    return _InBatchSoftmax.apply(anchors, candidates, counts, pairs, float(temperature))


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
    margins = (users * positives).sum(-1) - (users.unsqueeze(0) * negatives).sum(-1)
    return -F.logsigmoid(margins).mean()


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


def _counts(places: Tensor, table: Tensor) -> Tensor:
    """How often ``places`` name each row of ``table``, shape (n, d): shape (n, 1)."""
    # Half precision would round counts above some hundred.
    dtype = torch.promote_types(table.dtype, torch.float32)
    return torch.bincount(places, minlength=len(table)).to(dtype).unsqueeze(1)


class _InBatchSoftmax(torch.autograd.Function):
    """Mean over pairs of the cross-entropy of (anchor candidates' / temperature).

    Every candidate is in the sum ``counts`` times over. The gradient is made in the forward pass, so
    that the logits are computed once. Under autocast the three matrix products run in its precision;
    sums stay in that of the vectors.
    """

    @staticmethod
    def forward(
        ctx, anchors: Tensor, candidates: Tensor, counts: Tensor, pairs: Pairs, temperature: float
    ) -> Tensor:
        device, precision = anchors.device.type, anchors.dtype
        if torch.is_autocast_enabled(device):
            precision = torch.get_autocast_dtype(device)
            anchors, candidates = anchors.float(), candidates.float()
        n_pairs = len(pairs.anchors)
        with torch.autocast(device, enabled=False):
            anchors = anchors / temperature
            loss, grad_anchors, grad_candidates = _entropies(
                anchors, candidates, counts, pairs, precision
            )
            chosen = anchors.index_select(0, pairs.anchors)
            positives = candidates.index_select(0, pairs.positives)
            grad_anchors.index_add_(0, pairs.anchors, positives, alpha=-1)
            grad_candidates.index_add_(0, pairs.positives, chosen, alpha=-1)
        grad_anchors /= temperature * n_pairs
        grad_candidates /= n_pairs
        ctx.save_for_backward(grad_anchors, grad_candidates)
        return loss / n_pairs

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient: Tensor):
        grad_anchors, grad_candidates = ctx.saved_tensors
        return grad_anchors * gradient, grad_candidates * gradient, None, None, None


def _entropies(
    anchors: Tensor, candidates: Tensor, counts: Tensor, pairs: Pairs, precision: torch.dtype
) -> tuple[Tensor, Tensor, Tensor]:
    """The pairs' cross-entropies, summed, and the gradients of their log-sum-exps.

    Block by block, so that the logits are never stored whole, an anchor a column. How often an anchor
    or a candidate counts multiplies narrow matrices only. Powers are of 2, which take a CPU a third
    of the time of those of e.
    """
    scaled, columns = (anchors / _LN_2).to(precision), candidates.to(precision)
    weighted, occurrences = (candidates * counts).to(precision), _counts(pairs.anchors, anchors)
    entropies = anchors.new_zeros(())
    grad_anchors, grad_candidates = torch.empty_like(anchors), torch.zeros_like(candidates)
    block_size = _BLOCK_ANCHORS.get(anchors.device.type, len(anchors))
    blocks = range(0, len(anchors), block_size)
    for start, own in zip(blocks, _places_in_blocks(pairs, blocks)):
        block = slice(start, start + block_size)
        logits = columns @ scaled[block].T
        below_largest = logits.sub_(logits.amax(dim=0))
        entropies -= below_largest[own.positives, own.anchors].sum(dtype=anchors.dtype)
        powers = below_largest.exp2_()
        sums = powers.T.to(counts.dtype) @ counts
        entropies += (occurrences[block] * sums.log2()).sum()
        shares = occurrences[block] / sums
        torch.mul(powers.T @ weighted, shares, out=grad_anchors[block])
        grad_candidates += powers @ (anchors[block] * shares).to(precision)
    return entropies * _LN_2, grad_anchors, grad_candidates.mul_(counts)


def _places_in_blocks(pairs: Pairs, blocks: range) -> list[Pairs]:
    """The pairs of each block of anchors, these numbered from its first."""
    anchors, order = pairs.anchors.sort()
    ends = torch.tensor(blocks[1:], dtype=anchors.dtype, device=anchors.device)
    ends = torch.searchsorted(anchors, ends).cpu()
    places = (anchors % blocks.step).tensor_split(ends), pairs.positives[order].tensor_split(ends)
    return [Pairs(*each) for each in zip(*places)]
