"""Times in RecBole's data sets, as exact as they are written until the interactions are split."""

from __future__ import annotations

import numpy as np
import torch
from recbole.utils import FeatureType


class ExactTimes:
    """RecBole's data set, or a subclass, whose interactions are ordered and split by exact times.

    RecBole keeps times in float32, where those of today's epoch are 128 seconds apart, and orders
    the interactions by them: with ``order: TO``, the test item was not always a user's latest one.
    Here they are float64 up to the split, and float32 after it, as models expect.
    """

    def build(self):
        """Split the interactions as RecBole does.

        Raises:
            ValueError: if ``eval_args`` orders by times that are not there, or are no numbers.
        """
        if self.benchmark_filename_list is None and self.config["eval_args"]["order"] == "TO":
            self._check_times()
        datasets = super().build()
        for dataset in datasets:
            round_times(dataset)
        return datasets

    def time_based_split(self, ratios, group_by):
        # RecBole looks a user's interactions up in the order of time, whatever order they stand in.
        self.sort(by=self.time_field)
        return super().time_based_split(ratios, group_by)

    def _dataframe_to_interaction(self, data):
        interaction = super()._dataframe_to_interaction(data)
        field = self.time_field
        if field in data and self.field2type[field] is FeatureType.FLOAT:
            # A discretised time is a pair.
            times = np.array(data[field].tolist(), dtype=np.float64)
            interaction[field] = torch.from_numpy(times)
        return interaction

    def _check_times(self) -> None:
        where = f"data set {self.dataset_name}: eval_args has order: TO, but"
        if self.time_field not in self.inter_feat:
            raise ValueError(
                f"{where} the interactions have no field {self.time_field}; add it to load_col "
                "under inter, name the field of the times in TIME_FIELD, or set order: RO"
            )
        kind = self.field2type[self.time_field]
        if kind is not FeatureType.FLOAT:
            raise ValueError(
                f"{where} {self.time_field} is of type {kind.value}, which has no order; write "
                f"{self.time_field}:float in the first line of the interactions"
            )


def round_times(dataset) -> None:
    """Makes what :class:`ExactTimes` has kept exact float32, as RecBole's models expect it."""
    for field, values in dataset.inter_feat.interaction.items():
        if values.dtype is torch.float64:
            dataset.inter_feat[field] = values.float()
