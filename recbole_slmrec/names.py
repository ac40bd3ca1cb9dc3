"""Names in messages: the nearest known one, and the first of many."""

from __future__ import annotations

import difflib
from typing import Iterable, Sequence

_N_NAMED = 5
_MUCH = 0.1


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint such as ``: did you mean SLMRec?``, empty where no known name is near."""
    by_lower_case = {str(other).lower(): str(other) for other in known}
    name = str(name).lower()
    near = difflib.get_close_matches(name, by_lower_case, n=3, cutoff=0.7)
    if not near:
        return ""
    # Names that are much farther than the nearest are not what was meant.
    likeness = [difflib.SequenceMatcher(None, other, name).ratio() for other in near]
    near = [other for other, own in zip(near, likeness) if own > likeness[0] - _MUCH]
    return f": did you mean {' or '.join(by_lower_case[match] for match in near)}?"


def first_few(names: Sequence) -> str:
    """The first five names in quotes, and dots if there are more."""
    return ", ".join(map(repr, names[:_N_NAMED])) + (", ..." if len(names) > _N_NAMED else "")
