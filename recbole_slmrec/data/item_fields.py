"""The fields of items as they stand in ``<name>.item``: what a person reads, not what a model learns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Mapping, Sequence

import pandas as pd

from recbole_slmrec.data.atomic import AtomicFile, opener, read_header
from recbole_slmrec.data.rows import look_through, parsed
from recbole_slmrec.names import did_you_mean


@dataclass(frozen=True)
class ItemFields:
    """Where the fields of a data set's items are to be read.

    Attributes:
        file: the path of ``<name>.item``.
        id_field: the field that holds the ids.
        settings: ``field_separator`` and ``encoding``.
    """

    file: Path
    id_field: str
    settings: Mapping[str, Any]

    @classmethod
    def of(cls, dataset) -> ItemFields:
        """Those of one of RecBole's data sets."""
        file = Path(dataset.dataset_path) / f"{dataset.dataset_name}.item"
        settings = {key: dataset.config[key] for key in ("field_separator", "encoding")}
        return cls(file, dataset.iid_field, settings)

    def check(self, flag: str, wanted: Sequence[str]) -> dict[str, str]:
        """The types of fields, such as ``token_seq``.

        Args:
            flag: what names them, for messages.
            wanted: names of fields.

        Raises:
            ValueError: if there is no such file, or a field is not in it; names those that are.
        """
        if not wanted:
            return {}
        if not self.file.is_file():
            raise ValueError(
                f"{flag}: there is no {self.file}, where the fields of items would stand"
            )
        types = self._header.types
        for field in wanted:
            if field not in types:
                raise ValueError(
                    f"{flag}: {self.file} has no field [{field}]{did_you_mean(field, types)}; its "
                    f"fields are {', '.join(types)}"
                )
        return {field: types[field] for field in wanted}

    def read(self, wanted: Sequence[str], items: Sequence[str]) -> pd.DataFrame:
        """Fields of items as text, empty where an item has none or no row.

        Args:
            wanted: names of fields.
            items: ids of items.

        Returns:
            A row an item, in their order, and a column a field.

        Raises:
            ValueError: if the file cannot be read.
        """
        if not wanted:
            return pd.DataFrame(index=range(len(items)))
        return self._table[list(wanted)].reindex(items, fill_value="").reset_index(drop=True)

    @cached_property
    def _header(self) -> AtomicFile:
        return read_header(self.file, [self.id_field], None, self.settings)

    @cached_property
    def _table(self) -> pd.DataFrame:
        table = read_texts(self._header, self.settings)
        return table.drop_duplicates(self.id_field).set_index(self.id_field, drop=False)


def read_texts(header: AtomicFile, settings: Mapping[str, Any]) -> pd.DataFrame:
    """All rows of an atomic file as text, a column a field.

    Args:
        header: its first line, as :func:`~recbole_slmrec.data.atomic.read_header` gives it.
        settings: ``field_separator`` and ``encoding``.

    Raises:
        ValueError: if it cannot be read; names the file and the line.
    """
    open_text = opener(header.path, settings.get("encoding"))
    separator = settings["field_separator"]
    look = look_through(open_text, separator)
    problem = next(iter(header.problems), look.problem)
    if problem:
        raise ValueError(f"{header.path}: {problem}")
    _, *rows = (cells for _, cells in parsed(open_text, separator, look.quoted))
    return pd.DataFrame(rows, columns=list(header.types), dtype=str)
