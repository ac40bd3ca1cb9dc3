"""SLMRec, self-supervised multimedia recommendation, as a DGL-based plugin for RecBole."""

import os
import sys
import warnings

if sys.version_info < (3, 10):  # noqa: UP036 (pip is not always asked)
    raise ImportError(
        f"recbole_slmrec runs on Python 3.10 and later, not {sys.version.split()[0]}: PyTorch 2.13 "
        "needs 3.10"
    )

# Without it DGL prints about its backend and writes a file into the home folder on first import.
os.environ.setdefault("DGLBACKEND", "pytorch")

from recbole_slmrec import quiet  # noqa: E402

quiet.silence_upstream_deprecations()

# Why the models cannot be imported; None if they can. Not raised, so that `doctor` can look; whatever
# needs the models fails with the same error.
hindrance: Exception | None = None
try:
    from recbole_slmrec import compat

    compat.mend_recbole()

    from recbole_slmrec import recbole_hook

    recbole_hook.install()
except Exception as error:  # what a broken package raises is not known
    hindrance = error
    warnings.warn(
        f"recbole_slmrec's models cannot be imported: {error}. "
        "`python -m recbole_slmrec doctor` tells what to do",
        stacklevel=2,
    )

__version__ = "0.2.0"
