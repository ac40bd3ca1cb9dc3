"""Which items the test ranking leaves out."""

from __future__ import annotations

import copy

from recbole.data.dataloader import FullSortEvalDataLoader

from recbole_slmrec.data.full_sort import FullSortLoader
from recbole_slmrec.data.samplers import joined, no_items


def ranking_all_but_training_items(config, train_data, test_data) -> FullSortLoader:
    """A test loader that ranks validation items too, as most multimodal papers do.

    RecBole leaves out every item that a user had in training or validation.

    Args:
        config: the run's configuration.
        train_data: the training loader.
        test_data: RecBole's test loader.

    Raises:
        ValueError: if the test is not a full ranking.
    """
    if not isinstance(test_data, FullSortEvalDataLoader):
        raise ValueError("test_mask: train is for full ranking: leave eval_args.mode at full")
    pairs = train_data._dataset.inter_feat
    dataset = test_data._dataset
    sampler = copy.copy(test_data._sampler)
    nothing = no_items(dataset.user_num)
    sampler.used_ids = joined(nothing, pairs, dataset.uid_field, dataset.iid_field)
    return FullSortLoader(config, dataset, sampler, shuffle=False)
