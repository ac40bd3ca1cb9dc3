"""The ids that users and items have in the data, and their rows in the model's tables."""

from __future__ import annotations

from typing import Iterable, Sequence

import numpy as np

from recbole_slmrec.names import first_few


class Ids:
    """Ids by row and rows by id. Row 0 is RecBole's padding, which has no id.

    Args:
        kind: ``user`` or ``item``, for messages.
        tokens: the ids in the order of the rows from 1 on.
    """

    def __init__(self, kind: str, tokens: Sequence):
        self.kind = kind
        self.tokens = np.array(["", *map(str, tokens)], dtype=object)
        self._rows = {token: row for row, token in enumerate(self.tokens) if row}

    def __len__(self) -> int:
        return len(self.tokens) - 1

    def all_rows(self) -> np.ndarray:
        """Every row but the padding: shape (n,), int64."""
        return np.arange(1, len(self.tokens))

    def known(self, ids: Iterable) -> tuple[np.ndarray, list[str]]:
        """The rows of the ids that are known, and the others; both once each, in their order."""
        ids = list(dict.fromkeys(map(str, ids)))
        rows = [self._rows[each] for each in ids if each in self._rows]
        return np.array(rows, dtype=np.int64), [each for each in ids if each not in self._rows]

    def rows(self, ids: Iterable) -> np.ndarray:
        """The row of each id, repeated where it is: shape (n,), int64.

        Raises:
            ValueError: if one is unknown; the message names it.
        """
        ids = [str(each) for each in ids]
        unknown = [each for each in dict.fromkeys(ids) if each not in self._rows]
        if unknown:
            raise ValueError(self.unknown(unknown))
        return np.array([self._rows[each] for each in ids], dtype=np.int64)

    def check_new(self, ids: Sequence[str]) -> None:
        """Raises ValueError, naming the first, if any of the ids is known."""
        known = [each for each in ids if each in self._rows]
        if known:
            plural = "" if len(known) == 1 else "s"
            raise ValueError(
                f"{len(known):,} new {self.kind}{plural} known to the checkpoint already: "
                f"{first_few(known)}; leave them out"
            )

    def unknown(self, ids: Sequence[str]) -> str:
        """A phrase that counts unknown ids and names the first."""
        plural = "" if len(ids) == 1 else "s"
        return f"{len(ids):,} {self.kind}{plural} unknown to the checkpoint: {first_few(ids)}"
