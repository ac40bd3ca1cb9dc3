"""What a full ranking is judged by, collected batch by batch."""

from __future__ import annotations

from logging import getLogger

import torch
from recbole.evaluator.collector import Collector, DataStruct
from torch import Tensor

from recbole_slmrec.evaluation.top_k import top_k

_RANKED = ("rec.items", "rec.topk")


class RankingCollector(Collector):
    """RecBole's collector, without a matrix of the scores' size to look the positives up in.

    With tens of thousands of items, making and summing that matrix took longer than scoring. And it
    collects what metrics of coverage and popularity need: RecBole's fails on numbers, and counts the
    padding among the items.
    """

    def __init__(self, config):
        super().__init__(config)
        self._short_lists_told = False

    def data_collect(self, train_data) -> None:
        """Collects how many items there are and how often each occurs in training."""
        # A knowledge-based model's loader keeps its interactions in a loader of their own.
        super().data_collect(getattr(train_data, "general_dataloader", train_data))
        if "data.num_items" in self.data_struct:
            self.data_struct.set("data.num_items", self.data_struct.get("data.num_items") - 1)

    def get_data_struct(self) -> DataStruct:
        """What was collected; the numbers of the training data stay for the next evaluation."""
        collected = self.data_struct._data_dict
        numbers = {key: value for key, value in collected.items() if not torch.is_tensor(value)}
        for key in numbers:
            # RecBole's moves all that it has to the CPU, which only a tensor can be.
            del self.data_struct[key]
        struct = super().get_data_struct()
        for key, value in numbers.items():
            self.data_struct.set(key, value)
            struct.set(key, value)
        return struct

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
            values, ranked = top_k(scores_tensor, max(self.topk))
            if register.need("rec.items"):
                self._tell_of_short_lists(values)
                self.data_struct.update_tensor("rec.items", ranked)
            if register.need("rec.topk"):
                hits = _hits(ranked, positive_u, positive_i, scores_tensor.shape[1])
                self.data_struct.update_tensor("rec.topk", hits)
        self.register = _Rest(register)
        try:
            super().eval_batch_collect(scores_tensor, interaction, positive_u, positive_i)
        finally:
            self.register = register

    def _tell_of_short_lists(self, values: Tensor) -> None:
        n_short = int((values[:, -1] == -torch.inf).sum())
        if n_short and not self._short_lists_told:
            self._short_lists_told = True
            getLogger().warning(
                f"{n_short:,} users have fewer than {max(self.topk)} items to rank: metrics of "
                "coverage, popularity and diversity count items that are left out of their rankings; "
                "lower topk"
            )


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
