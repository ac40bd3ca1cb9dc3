"""What a full ranking is judged by, collected batch by batch."""

from __future__ import annotations

import torch
from recbole.evaluator.collector import Collector
from torch import Tensor

from recbole_slmrec.top_k import top_k

_RANKED = ("rec.items", "rec.topk")


class RankingCollector(Collector):
    """RecBole's collector, without a matrix of the scores' size to look the positives up in.

    With tens of thousands of items, making and summing that matrix took longer than scoring.
    """

    def eval_batch_collect(
        self, scores_tensor: Tensor, interaction, positive_u: Tensor, positive_i: Tensor
    ) -> None:
        """Collects a batch, as RecBole's does.

        Args:
            scores_tensor: shape (n, |I|), what is not ranked at -inf.
            interaction: the batch's users.
            positive_u: shape (p,), the row of each positive.
            positive_i: shape (p,), the positive items.
        """
        register = self.register
        if any(map(register.need, _RANKED)):
            _, ranked = top_k(scores_tensor, max(self.topk))
            if register.need("rec.items"):
                self.data_struct.update_tensor("rec.items", ranked)
            if register.need("rec.topk"):
                hits = _hits(ranked, positive_u, positive_i, scores_tensor.shape[1])
                self.data_struct.update_tensor("rec.topk", hits)
        self.register = _Rest(register)
        try:
            super().eval_batch_collect(scores_tensor, interaction, positive_u, positive_i)
        finally:
            self.register = register


class _Rest:
    """What a metric needs besides the rankings."""

    def __init__(self, register):
        self._register = register

    def need(self, key: str) -> bool:
        return key not in _RANKED and self._register.need(key)


def _hits(ranked: Tensor, positive_u: Tensor, positive_i: Tensor, n_items: int) -> Tensor:
    """Whether each ranked item is a positive, and how many positives there are: shape (n, K + 1)."""
    rows = torch.arange(len(ranked), device=ranked.device).unsqueeze(1)
    positives = torch.unique(positive_u.to(ranked) * n_items + positive_i.to(ranked))
    counts = torch.bincount(positives // n_items, minlength=len(ranked)).unsqueeze(1)
    hits = torch.isin(rows * n_items + ranked, positives)
    return torch.cat([hits.int(), counts.int()], dim=1)
