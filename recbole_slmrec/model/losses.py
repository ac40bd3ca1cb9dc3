"""Losses on vectors: InfoNCE in-batch and with sampled negatives, BPR."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from recbole_slmrec.parallel import gathered_rows

SIMILARITIES = ("cosine", "dot")

# Rows of logits made at a time: a block of 256 x 2,048 floats stays in a core's cache.
_BLOCK_ROWS = 256


def info_nce(
    anchors: Tensor, positives: Tensor, temperature: float, similarity: str = "cosine"
) -> Tensor:
    """InfoNCE with in-batch negatives (van den Oord et al., 2018; SLMRec Eq. 9, 11 and 13).

    Row k of ``positives`` is the positive of row k of ``anchors``; every other row is a negative, of
    other processes' batches too where there are several.

    Args:
        anchors: shape (B, d).
        positives: shape (B, d).
        temperature: divides the similarity; > 0.
        similarity: ``cosine``, or ``dot`` for plain inner products.

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
    candidates, first = gathered_rows(positives)
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
    whole and are computed once.
    """

    @staticmethod
    def forward(ctx, anchors: Tensor, candidates: Tensor, first: int, temperature: float) -> Tensor:
        n_rows = len(anchors)
        loss = anchors.new_zeros(())
        grad_anchors, grad_candidates = torch.empty_like(anchors), torch.zeros_like(candidates)
        for start in range(0, n_rows, _BLOCK_ROWS):
            rows = slice(start, min(start + _BLOCK_ROWS, n_rows))
            block = anchors[rows]
            logits = (block @ candidates.T).div_(temperature)
            own = logits.diagonal(offset=first + start)[: len(block)]
            largest = logits.amax(dim=1, keepdim=True)
            loss += largest.sum() - own.sum()
            weights = logits.sub_(largest).exp_()
            total = weights.sum(dim=1, keepdim=True)
            loss += total.log().sum()
            weights.div_(total)
            own.sub_(1)
            torch.mm(weights, candidates, out=grad_anchors[rows])
            grad_candidates.addmm_(weights.T, block)
        scale = 1 / (temperature * n_rows)
        ctx.save_for_backward(grad_anchors.mul_(scale), grad_candidates.mul_(scale))
        return loss / n_rows

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient: Tensor):
        grad_anchors, grad_candidates = ctx.saved_tensors
        return grad_anchors * gradient, grad_candidates * gradient, None, None
