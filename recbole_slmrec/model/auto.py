"""SLMRec's settings that are ``auto``: what they stand for on a data set."""

from __future__ import annotations

from recbole_slmrec.graph.product import InteractionBlock

# Found on validation (docs/results.md): with fewer interactions an item, those of a batch do better, and
# EASE as it is.
_FEW_INTERACTIONS = 12
# From this size on a step over every item takes several times as long as one over a batch's.
_LARGE_CATALOGUE = 20_000


def follow_the_data(config, block: InteractionBlock) -> None:
    """Writes what ``auto`` stands for into the configuration, so that what a run tells and keeps of
    itself is what it did.

    ``negatives`` are ``all`` items where a mean item that has any interaction in training has 12 or
    more, and the catalogue is below 20,000 items; else ``in_batch``. In a batch and with fewer than 12,
    ``tau`` is 0.5 and ``ssl_task`` FAC; else 0.2 and none, for no task was of use there.
    With fewer than 12 the powers of the linear part are 0; else validation chooses them.
    ``exclude_positives`` is False in the batch. ``score`` is the cosine that training compares by, to
    which validation finds the ``popularity_weight``: over all items the cosine itself is calibrated,
    in-batch negatives push popular items down. Losses without a temperature compare by inner product and
    rank by it, with what is popular in the vectors' lengths.

    Args:
        config: the run's configuration.
        block: the training graph.
    """
    few, over_all = _few_interactions(block), False
    if config["main_loss"] == "info_nce":
        if config["negatives"] == "auto":
            in_batch = few or block.n_items - 1 >= _LARGE_CATALOGUE
            config["negatives"] = "in_batch" if in_batch else "all"
        over_all = config["negatives"] != "in_batch"
        _fill(config, "exclude_positives", over_all)
        _fill(config, "tau", 0.5 if few and not over_all else 0.2)
    elif config["main_loss"] == "sampled":
        _fill(config, "tau", 0.2)
    if few:
        _fill(config, "linear_user_power", 0.0)
        _fill(config, "linear_item_power", 0.0)
    no_use = config["main_loss"] == "info_nce" and (over_all or not few)
    _fill(config, "ssl_task", "none" if no_use else "FAC")
    by_cosine = config["main_loss"] in ("info_nce", "sampled")
    _fill(config, "score", "cosine" if by_cosine else "dot")
    if config["score"] == "dot" or not by_cosine:
        _fill(config, "popularity_weight", 0)


def _fill(config, key: str, value) -> None:
    if config[key] == "auto":
        config[key] = value


def _few_interactions(block: InteractionBlock) -> bool:
    degrees = block.item_degrees
    return bool(degrees.sum() < _FEW_INTERACTIONS * (degrees > 0).sum())
