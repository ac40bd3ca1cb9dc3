"""Silences the deprecation warnings that RecBole's own code raises, and no others."""

from __future__ import annotations

import warnings

# Message (a regular expression, from its start), category, and the module whose line raises it.
_KNOWN = (
    (r"A value is trying to be set on a copy", FutureWarning, r"recbole\.data\.dataset\.dataset"),
    (r"using <built-in function len> in Series\.agg", FutureWarning, r"recbole\.data\.dataset\.d"),
    (r"`torch\.cuda\.amp\.GradScaler", FutureWarning, r"recbole\.trainer\.trainer"),
    (r"pkg_resources is deprecated", UserWarning, r"hyperopt\.atpe"),
    (r"Sparse CSR tensor support is in beta", UserWarning, r"recbole_slmrec\."),
)


def silence_upstream_deprecations() -> None:
    """Adds one filter per known warning, bound to the module that raises it."""
    for message, category, module in _KNOWN:
        warnings.filterwarnings("ignore", message=message, category=category, module=module)
