"""The nearest known name to one that is not known."""

from __future__ import annotations

import difflib
from typing import Iterable


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint such as ``: did you mean SLMRec?``, empty where no known name is near."""
    by_lower_case = {str(other).lower(): str(other) for other in known}
    near = difflib.get_close_matches(str(name).lower(), by_lower_case, n=3, cutoff=0.7)
    if not near:
        return ""
    return f": did you mean {' or '.join(by_lower_case[match] for match in near)}?"
