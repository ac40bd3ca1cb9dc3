"""What a checkpoint notes of its data, so that data that have changed since are recognised."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from recbole_slmrec.data.modality import DenseModality, Modality

# Features that are computed (TF-IDF, reduced) differ in the last bits from machine to machine.
_ROUNDING = 0.01


def fingerprint(dataset) -> dict[str, Any]:
    """Counts and digests of a training split: its ids, its interactions and its modalities.

    Args:
        dataset: the training split, RecBole's or a
            :class:`~recbole_slmrec.data.dataset.MultimodalDataset`.

    Returns:
        Plain values, to be compared by :func:`differences`. The order of the interactions is not
        noted; that of the ids is, for it says which row of a table is whose.
    """
    users, items = (
        dataset.inter_feat[field].numpy() for field in (dataset.uid_field, dataset.iid_field)
    )
    modalities = getattr(dataset, "item_modalities", ())
    return {
        "number of users": dataset.user_num - 1,
        "number of items": dataset.item_num - 1,
        "number of training interactions": len(users),
        "user ids": _digest_of_ids(dataset, dataset.uid_field),
        "item ids": _digest_of_ids(dataset, dataset.iid_field),
        "training interactions": _digest(np.sort(users * dataset.item_num + items).tobytes()),
        **{f"features of {modality.name}": _sum(modality) for modality in modalities},
    }


def differences(noted: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """What differs between two fingerprints, a phrase each; empty if they are of the same data."""
    told = []
    for key in {**noted, **found}:
        was, now = noted.get(key), found.get(key)
        if isinstance(was, float) and isinstance(now, float):
            if abs(was - now) > _ROUNDING:
                told.append(f"the {key} differ")
        elif was != now:
            counts = isinstance(was, int) and isinstance(now, int)
            told.append(f"the {key} was {was:,} and is {now:,}" if counts else f"the {key} differ")
    return told


def _digest_of_ids(dataset, field: str) -> str:
    return _digest("\n".join(map(str, dataset.field2id_token[field])).encode())


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _sum(modality: Modality) -> float | str:
    if not isinstance(modality, DenseModality):
        return _digest(modality.items.tobytes() + modality.words.tobytes())
    # Weights that no two rows and no two columns share, so that an exchange of rows shows.
    rows, columns = (np.cos(np.arange(n) + 1.0) for n in modality.features.shape)
    return float(rows @ (modality.features @ columns))
