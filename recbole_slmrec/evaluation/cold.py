"""Cold-start evaluation: how the test items that were kept out of training are ranked."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from recbole.data.dataloader import FullSortEvalDataLoader
from torch import Tensor

from recbole_slmrec.data.full_sort import FullSortLoader

AMONG_ALL = "cold_among_all"
AMONG_COLD = "cold_among_cold"


def evaluate_cold(config, trainer, test_data) -> dict[str, dict[str, float]]:
    """The metrics of the test's cold items alone, after the test itself.

    Cold items are those of ``<name>.cold``, which ``prepare --split cold-items:0.1`` writes. Users
    without one among their test items are left out.

    Args:
        config: the run's configuration.
        trainer: with the model as it was tested.
        test_data: the test loader.

    Returns:
        Metrics by ranking. ``cold_among_all`` ranks the items that the test ranks, and counts cold
        positives only; ``cold_among_cold`` ranks the cold items. Empty if the data set has no cold
        items in its test, or the test is no full ranking for users.
    """
    if not isinstance(test_data, FullSortEvalDataLoader) or test_data.is_sequential:
        return {}
    dataset = test_data._dataset
    cold = _cold_rows(dataset)
    is_cold = torch.isin(dataset.inter_feat[dataset.iid_field], cold)
    if not is_cold.any():
        return {}
    sampler = copy.copy(test_data._sampler)
    # What the test leaves out; a user's warm test items stay in the ranking, as in the test.
    sampler.used_ids = np.array(
        [set() if items is None else set(items.tolist()) for items in test_data.uid2history_item]
    )
    positives = dataset.copy(dataset.inter_feat[is_cold])
    among_cold = _AmongCold(config, positives, sampler)
    everything = torch.arange(dataset.item_num)
    among_cold.warm = everything[~torch.isin(everything, cold)]
    loaders = {
        AMONG_ALL: FullSortLoader(config, positives, sampler),
        AMONG_COLD: among_cold,
    }
    return {
        name: dict(
            trainer.evaluate(loader, load_best_model=False, show_progress=config["show_progress"])
        )
        for name, loader in loaders.items()
    }


class _AmongCold(FullSortLoader):
    """Leaves out the ``warm`` items, a batch at a time, beside what each user has seen."""

    warm: Tensor

    def collate_fn(self, index):
        users, (seen_by, seen), positive_users, positives = super().collate_fn(index)
        n_users = len(users)
        seen_by = torch.cat([seen_by, torch.arange(n_users).repeat_interleave(len(self.warm))])
        seen = torch.cat([seen, self.warm.repeat(n_users)])
        return users, (seen_by, seen), positive_users, positives


def _cold_rows(dataset) -> Tensor:
    """The rows of the cold items, those aside that the run's settings have filtered out."""
    path = Path(dataset.dataset_path) / f"{dataset.dataset_name}.cold"
    if not path.is_file():
        return torch.empty(0, dtype=torch.int64)
    tokens = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False).iloc[:, 0]
    rows = pd.Index(dataset.field2id_token[dataset.iid_field]).get_indexer(tokens)
    return torch.from_numpy(rows[rows > 0].astype(np.int64))
