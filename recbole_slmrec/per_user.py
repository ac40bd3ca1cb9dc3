"""Metrics user by user, from the ranking whose mean RecBole's evaluator gives."""

from __future__ import annotations

import copy

import numpy as np
from recbole.evaluator.base_metric import TopkMetric


class UserEvaluator:
    """RecBole's evaluator, which also remembers the last ranking that it was given.

    Args:
        evaluator: RecBole's.
    """

    def __init__(self, evaluator):
        self.evaluator = evaluator
        self._ranking = None

    def evaluate(self, struct):
        """RecBole's metrics."""
        self._ranking = struct
        return self.evaluator.evaluate(struct)

    def per_user(self) -> dict[str, np.ndarray]:
        """The top-K metrics of the last evaluation, without another one.

        Returns:
            By name, such as ``recall@10``: shape (users,), in the order of the evaluated loader.
        """
        values = {}
        for metric in self.evaluator.metric_class.values():
            if isinstance(metric, TopkMetric):
                matrices = {}
                # RecBole hands a matrix, a row a user and a column a K, to what averages it.
                metric = copy.copy(metric)
                metric.topk_result = matrices.__setitem__
                metric.calculate_metric(self._ranking)
                for name, matrix in matrices.items():
                    values.update({f"{name}@{k}": matrix[:, k - 1] for k in metric.topk})
        return values
