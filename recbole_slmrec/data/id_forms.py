"""Ids that may be one thing in two forms, such as ``7`` and ``7.0``."""

from __future__ import annotations

import re
import unicodedata
from typing import Iterable

_FLOAT = re.compile(r"(-?\d+)\.0+")


def common_form(name: str) -> str:
    """The form that ids have in common which are probably one thing.

    Blanks around an id and the decimals of a whole number are left out, and an accented letter is
    one character.
    """
    if name.isascii() and name.isalnum():
        return name
    name = unicodedata.normalize("NFC", name).strip()
    float_ = _FLOAT.fullmatch(name)
    return float_[1] if float_ else name


def in_two_forms(names: Iterable[str]) -> list[tuple[str, str]]:
    """The pairs of distinct ids that have a form in common; the one that comes first goes first."""
    first: dict[str, str] = {}
    pairs = ((first.setdefault(common_form(name), name), name) for name in names)
    return [(one, other) for one, other in pairs if one != other]


def told(pairs: list[tuple[str, str]]) -> str:
    """The first few pairs in words, empty if there are none."""
    if not pairs:
        return ""
    shown = ", ".join(f"{one!r} and {other!r}" for one, other in pairs[:3])
    return f"{len(pairs):,} id(s) may be others in another form ({shown})"
