"""A training loader of all interactions, for training anew once the settings are found."""

from __future__ import annotations

from recbole.data.utils import create_samplers, get_dataloader

from recbole_slmrec.data.exact_times import round_times


def everything_for_training(config, dataset):
    """A loader of the interactions of training, validation and test together.

    Args:
        config: the run's configuration.
        dataset: RecBole's data set before its split.
    """
    # What ``Dataset.build`` begins with, before it splits.
    dataset._change_feat_format()
    round_times(dataset)
    whole = dataset.copy(dataset.inter_feat)
    sampler, _, _ = create_samplers(config, dataset, [whole, whole, whole])
    loader = get_dataloader(config, "train")
    return loader(config, whole, sampler, shuffle=config["shuffle"])
