"""Recommendations for a terminal: a table with a block of lines for each user."""

from __future__ import annotations

import pandas as pd
from pandas.api.types import is_float_dtype, is_numeric_dtype
from texttable import Texttable

MOST_USERS = 20
_LONGEST = 40


def terminal_table(recommendations: pd.DataFrame) -> str:
    """A plain text table: a user is named once, numbers have 4 decimals, long texts are cut.

    Args:
        recommendations: with columns ``user``, ``rank`` and ``item``, and any others, whose texts
            stand before numbers.
    """
    numbers = [name for name in recommendations if is_numeric_dtype(recommendations[name])]
    texts = [name for name in recommendations if name not in numbers]
    columns = ["user", "rank", *(name for name in texts if name != "user")]
    columns += [name for name in numbers if name != "rank"]
    shown = recommendations[columns].copy()
    for name in columns:
        if is_float_dtype(shown[name]):
            shown[name] = shown[name].map("{:.4f}".format)
        elif name in texts:
            shown[name] = shown[name].map(_line)
    shown["user"] = shown["user"].where(
        recommendations["user"] != recommendations["user"].shift(), ""
    )
    drawn = Texttable(max_width=0)
    drawn.set_deco(Texttable.HEADER)
    drawn.set_cols_align(["l" if name in texts else "r" for name in columns])
    drawn.set_cols_dtype(["t"] * len(columns))
    drawn.add_rows([columns, *shown.astype(str).to_numpy().tolist()])
    return "\n".join(line.rstrip() for line in drawn.draw().splitlines())


def _line(text: str) -> str:
    """A text on one line that a terminal takes for nothing else, cut where it is long."""
    text = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
