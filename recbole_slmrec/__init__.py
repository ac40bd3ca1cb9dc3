"""SLMRec, self-supervised multimedia recommendation, as a DGL-based plugin for RecBole."""

import os
import sys
import warnings

if not (3, 10) <= sys.version_info[:2] <= (3, 11):
    raise ImportError(
        f"recbole_slmrec runs on Python 3.10 and 3.11, not {sys.version.split()[0]}: PyTorch 2.13 "
        "needs 3.10, and RecBole 1.2.1 needs ray <= 2.6.3, which has no wheel for 3.12"
    )

# Without it DGL prints about its backend and writes a file into the home folder on first import.
os.environ.setdefault("DGLBACKEND", "pytorch")

from recbole_slmrec import quiet  # noqa: E402

quiet.silence_upstream_deprecations()

try:
    from recbole_slmrec import recbole_hook
except Exception as error:  # what a broken package raises is not known
    # Not raised, so that `doctor` can look; whatever needs the models fails with the same error.
    warnings.warn(
        f"recbole_slmrec's models cannot be imported: {error}. "
        "`python -m recbole_slmrec doctor` tells what to do"
    )
else:
    recbole_hook.install()

__version__ = "0.1.0"
