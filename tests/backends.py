"""The graph backends, for tests that run with each; DGL's are skipped where it has no kernels."""

from __future__ import annotations

import pytest

from recbole_slmrec.graph.dgl_kernels import obstacle

DGL = pytest.param(
    "dgl", marks=pytest.mark.skipif(bool(obstacle("cpu")), reason=str(obstacle("cpu")))
)
BACKENDS = [DGL, "torch"]
