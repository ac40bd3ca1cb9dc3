"""SLMRec, self-supervised multimedia recommendation, as a DGL-based plugin for RecBole."""

import os
import sys

if sys.version_info < (3, 10):  # noqa: UP036 (pip is not always asked)
    raise ImportError(
        f"recbole_slmrec runs on Python 3.10 and later, not {sys.version.split()[0]}: PyTorch 2.13 "
        "needs 3.10"
    )

# Without it DGL prints about its backend and writes a file into the home folder on first import.
os.environ.setdefault("DGLBACKEND", "pytorch")
# PyTorch then asks for huge pages for what takes 2 MiB and more, which Linux often gives to those alone
# who ask: a step over large tables takes up to a tenth less. It is read with PyTorch's first tensor.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

from recbole_slmrec import first_use, quiet  # noqa: E402

quiet.silence_upstream_deprecations()
first_use.watch()

__version__ = "0.2.0"
