"""SLMRec's settings that are ``auto``: what they stand for on a data set."""

from __future__ import annotations

from recbole_slmrec.graph.product import InteractionBlock

# Found on validation (docs/results.md): with fewer interactions an item, those of a batch do better.
_FEW_INTERACTIONS = 12
# From this size on a step over every item takes several times as long as one over drawn items.
_LARGE_CATALOGUE = 20_000


def follow_the_data(config, block: InteractionBlock) -> None:
    """Writes what ``auto`` stands for into the configuration, so that what a run tells and keeps of
    itself is what it did.

    ``negatives`` follows from the training interactions of a mean item that has any: ``in_batch``
    below 12, else ``all``, or ``uniform`` from 20,000 items on. What suits the negatives follows from
    them: ``exclude_positives`` (not in the batch), ``tau`` (0.5 in the batch, else 0.2) and ``ssl_task``
    (FAC in the batch; over all items no task was of use). ``score`` is the cosine that training compares
    by, to which validation finds the ``popularity_weight``: over all items the cosine itself is
    calibrated, in-batch negatives push popular items down. Losses without a temperature compare by inner
    product and rank by it, with what is popular in the vectors' lengths.

    Args:
        config: the run's configuration.
        block: the training graph.
    """
    over_all = False
    if config["main_loss"] == "info_nce":
        if config["negatives"] == "auto":
            config["negatives"] = _negatives(block)
        over_all = config["negatives"] != "in_batch"
        _fill(config, "exclude_positives", over_all)
        _fill(config, "tau", 0.2 if over_all else 0.5)
    elif config["main_loss"] == "sampled":
        _fill(config, "tau", 0.2)
    _fill(config, "ssl_task", "none" if over_all else "FAC")
    by_cosine = config["main_loss"] in ("info_nce", "sampled")
    _fill(config, "score", "cosine" if by_cosine else "dot")
    if config["score"] == "dot":
        _fill(config, "popularity_weight", 0)


def _fill(config, key: str, value) -> None:
    if config[key] == "auto":
        config[key] = value


def _negatives(block: InteractionBlock) -> str:
    degrees = block.item_degrees
    if degrees.sum() < _FEW_INTERACTIONS * (degrees > 0).sum():
        return "in_batch"
    return "all" if block.n_items - 1 < _LARGE_CATALOGUE else "uniform"
