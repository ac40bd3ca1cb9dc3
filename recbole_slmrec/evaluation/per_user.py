"""Metrics user by user, from the ranking whose mean RecBole's evaluator gives."""

from __future__ import annotations

import copy

import numpy as np


class UserEvaluator:
    """RecBole's evaluator, which also remembers the last ranking that it was given.

    Args:
        evaluator: RecBole's.
    """

    def __init__(self, evaluator):
        self.evaluator = evaluator
        self._ranking = None

    def evaluate(self, struct):
        """RecBole's metrics, as Python's floats: its GAUC is a float32, which JSON does not know."""
        self._ranking = struct
        places = self.evaluator.config["metric_decimal_place"]
        result = self.evaluator.evaluate(struct)
        return type(result)((name, round(float(value), places)) for name, value in result.items())

    def per_user(self) -> dict[str, np.ndarray]:
        """The metrics of the last evaluation that are means over users, without another one.

        Returns:
            By name, such as ``recall@10``: shape (users,), in the order of the evaluated loader.
        """
        values = {}
        for metric in self.evaluator.metric_class.values():
            if hasattr(metric, "topk_result"):
                matrices = {}
                # RecBole hands a matrix, a row a user and a column a K, to what averages it.
                metric = copy.copy(metric)
                metric.topk_result = matrices.__setitem__
                metric.calculate_metric(self._ranking)
                for name, matrix in matrices.items():
                    values.update({f"{name}@{k}": matrix[:, k - 1] for k in metric.topk})
        return values
