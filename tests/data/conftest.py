"""Fixtures on a tiny data set."""

from __future__ import annotations

import pytest

from recbole_slmrec.data.dataset import MultimodalDataset
from tests.data.tiny import Tiny


@pytest.fixture
def tiny(tmp_path) -> Tiny:
    """Three items p, q and r, all interacted with, in an order that is not the file's."""
    data = Tiny(tmp_path)
    data.items("p", "q", "r")
    data.inter(("u", "r"), ("u", "p"), ("w", "q"), ("w", "r"))
    return data


@pytest.fixture
def by_token():
    """A function from a data set and the index of a modality to {item: its row as a list}."""

    def rows(dataset: MultimodalDataset, index: int = 0) -> dict[str, list[float]]:
        tokens = dataset.field2id_token["item_id"]
        features = dataset.item_modalities[index].features
        return {str(token): row.tolist() for token, row in zip(tokens[1:], features[1:])}

    return rows
