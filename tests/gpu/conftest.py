"""The device, and the marker by which ``make test-gpu`` finds what lies here."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

DEVICE = torch.device("cuda")
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.gpu)
            if not torch.cuda.is_available():
                item.add_marker(pytest.mark.skip(reason="PyTorch sees no CUDA device here"))


@pytest.fixture
def device() -> torch.device:
    """The first CUDA device."""
    return DEVICE
