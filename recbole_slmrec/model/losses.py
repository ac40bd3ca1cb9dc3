"""Losses on vectors: InfoNCE in-batch and with sampled negatives, BPR."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from recbole_slmrec.parallel import gathered_rows

SIMILARITIES = ("cosine", "dot")

# Rows of logits made at a time: a block of 256 x 2,048 floats stays in a CPU's cache. Devices that
# are not named here take all rows at once.
_BLOCK_ROWS = {"cpu": 256}


def info_nce(
    anchors: Tensor,
    positives: Tensor,
    temperature: float,
    similarity: str = "cosine",
    gather: bool = True,
) -> Tensor:
    """InfoNCE with in-batch negatives (van den Oord et al., 2018; SLMRec Eq. 9, 11 and 13).

    Row k of ``positives`` is the positive of row k of ``anchors``; every other row is a negative.

    Args:
        anchors: shape (B, d).
        positives: shape (B, d).
        temperature: divides the similarity; > 0.
        similarity: ``cosine``, or ``dot`` for plain inner products.
        gather: whether rows of other processes' batches, where there are any, are negatives too.

    Returns:
        The batch mean, a scalar.

    Raises:
        ValueError: if the shapes differ, ``temperature`` is not positive or ``similarity`` unknown.
    """
    if anchors.shape != positives.shape or anchors.dim() != 2:
        raise ValueError(
            f"anchors {tuple(anchors.shape)} and positives {tuple(positives.shape)} "
            "must both have the shape (B, d)"
        )
    check_temperature("temperature", temperature)
    check_similarity("similarity", similarity)
    if similarity == "cosine":
        anchors, positives = F.normalize(anchors, dim=1), F.normalize(positives, dim=1)
    candidates, first = gathered_rows(positives) if gather else (positives, 0)
    return _InBatchSoftmax.apply(anchors, candidates, first, float(temperature))


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


class _InBatchSoftmax(torch.autograd.Function):
    """Mean cross-entropy of (anchors candidates' / temperature), row k's target being first + k.

    The gradient is made in the forward pass, block by block, so that the logits are never stored
    whole and are computed once. Under autocast the three matrix products run in its precision; sums
    stay in that of the vectors.
    """

    @staticmethod
    def forward(ctx, anchors: Tensor, candidates: Tensor, first: int, temperature: float) -> Tensor:
        n_rows, device = len(anchors), anchors.device.type
        own = slice(first, first + n_rows)
        precision = anchors.dtype
        if torch.is_autocast_enabled(device):
            precision = torch.get_autocast_dtype(device)
            anchors, candidates = anchors.float(), candidates.float()
        with torch.autocast(device, enabled=False):
            anchors = anchors / temperature
            loss = anchors.new_zeros(())
            grad_anchors, grad_candidates = torch.empty_like(anchors), torch.zeros_like(candidates)
            rows_and_columns = anchors.to(precision), candidates.to(precision)
            for start in range(0, n_rows, block_rows := _BLOCK_ROWS.get(device, n_rows)):
                block = slice(start, start + block_rows)
                loss += _softmax_block(
                    block, first + start, *rows_and_columns, grad_anchors, grad_candidates
                )
            grad_anchors -= candidates[own]
            grad_candidates[own] -= anchors
        grad_anchors /= temperature * n_rows
        grad_candidates /= n_rows
        ctx.save_for_backward(grad_anchors, grad_candidates)
        return loss / n_rows

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient: Tensor):
        grad_anchors, grad_candidates = ctx.saved_tensors
        return grad_anchors * gradient, grad_candidates * gradient, None, None


def _softmax_block(
    block: slice,
    first_target: int,
    anchors: Tensor,
    candidates: Tensor,
    grad_anchors: Tensor,
    grad_candidates: Tensor,
) -> Tensor:
    """Adds the gradients of the rows' log-sum-exp; returns the sum of the rows' cross-entropy."""
    rows = anchors[block]
    logits = rows @ candidates.T
    largest = logits.amax(dim=1, keepdim=True)
    own = logits.diagonal(offset=first_target)[: len(rows)].unsqueeze(1)
    below_largest = largest - own
    weights = logits.sub_(largest).exp_()
    total = weights.sum(dim=1, keepdim=True, dtype=grad_anchors.dtype)
    # The small matrices are divided by the totals, not the large one.
    torch.div(weights @ candidates, total, out=grad_anchors[block])
    grad_candidates += weights.T @ (rows / total).to(rows.dtype)
    return (below_largest + total.log()).sum()
