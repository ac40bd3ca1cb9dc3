"""A data set whose every number can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from recbole_slmrec.config import Config
from recbole_slmrec.describe.modalities import DescribedDataset
from tests.data.tiny import Tiny

# Items in the order of the file: two equal rows, a zero row, two that are not finite, and two that
# differ in the sign of zero.
FEATURES = [[3, 4], [3, 4], [0, 0], [np.nan, 1], [np.inf, 0], [-0.0, 2], [0.0, 2]]


@pytest.fixture
def tiny(tmp_path) -> Tiny:
    """Three splits; the item r is in test only, the user c not in training, s to w nowhere."""
    data = Tiny(tmp_path)
    data.items(*"pqrstvw")
    data.inter(("a", "p"), ("a", "p"), ("a", "q"), ("b", "p"), suffix="train.inter")
    data.inter(("a", "p"), ("c", "q"), suffix="valid.inter")
    data.inter(("b", "r"), ("c", "r"), ("c", "r"), suffix="test.inter")
    data.save("v.npy", np.array(FEATURES, dtype=np.float32))
    return data


@pytest.fixture
def described(tiny):
    """A function from a declaration and settings to the data set."""

    def read(item_modalities: dict | None = None, **settings) -> DescribedDataset:
        config_dict = {
            "data_path": str(tiny.root),
            "load_col": {"inter": ["user_id", "item_id"], "item": "*"},
            "benchmark_filename": ["train", "valid", "test"],
            "item_modalities": item_modalities,
            **settings,
        }
        return DescribedDataset(Config("SLMRec", "tiny", config_dict=config_dict))

    return read
