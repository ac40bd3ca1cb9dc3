"""RecBole's data sets, read with every row of their files or with a word about the one at fault."""

from __future__ import annotations

import csv
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

import numpy as np
import pandas as pd
from recbole.utils import FeatureSource, FeatureType

from recbole_slmrec.data.atomic import examine, opener, read_header, without_mark
from recbole_slmrec.data.rows import Rows, line_of, look_through, unquoted
from recbole_slmrec.names import did_you_mean


class WholeRows:
    """RecBole's data set, or a subclass, that reads atomic files as they stand.

    RecBole reads them as CSV, in which a stray quotation mark swallows all rows up to the next one,
    a short row is filled up and an empty time becomes the mean of the others. What it cannot read
    ends in an error that names neither file nor row.

    Raises:
        ValueError: if a file is not as it must be; names the line, and what to do.
    """

    def _get_preset(self):
        super()._get_preset()
        self.config["encoding"] = without_mark(self.config["encoding"])

    def _init_alias(self):
        super()._init_alias()
        # RecBole's own check of this compares a numpy value by `is`, and so never fails.
        for name, fields in self.alias.items():
            for field in set(fields) - set(self.token_like_fields):
                raise ValueError(
                    f"alias_of_{name}: [{field}] is no field of ids{did_you_mean(field, self.field2type)}"
                )

    def _filter_inter_by_user_or_item(self):
        pairs = self.inter_feat[[self.uid_field, self.iid_field]].copy()
        super()._filter_inter_by_user_or_item()
        left_out = pairs.loc[pairs.index.difference(self.inter_feat.index)]
        if len(left_out):
            user, item = left_out.iloc[0]
            self.logger.warning(
                f"{len(left_out):,} of {len(pairs):,} interactions are left out, for the .user or .item "
                f"file has no row of their user or item, first ({user}, {item}): add the rows, or set "
                "filter_inter_by_user_or_item: False"
            )

    def _load_feat(self, filepath, source):
        loaded, unloaded = self._get_load_and_unload_col(source)
        if loaded == set():
            return None
        file = _File(self, Path(filepath), source)
        file.check_header(unloaded or ())
        rows = file.look()
        try:
            with _read_by(rows, self.config["field_separator"]):
                feat = super()._load_feat(filepath, source)
        # What RecBole and pandas cannot read ends in errors of this kind.
        except ValueError as error:
            file.explain(error)
        if feat is not None:
            file.check_values(feat, rows)
        return feat


class _File:
    """An atomic file that a data set reads."""

    def __init__(self, dataset: WholeRows, path: Path, source: FeatureSource | str):
        self.dataset = dataset
        self.path = path
        self.source = source
        self.kind = source.value if isinstance(source, FeatureSource) else source
        ids = {"inter": (dataset.uid_field, dataset.iid_field), "user": (dataset.uid_field,)}
        ids["item"] = (dataset.iid_field,)
        self.ids = [field for field in ids.get(self.kind, ()) if field]
        self.loaded = (dataset.config["load_col"] or {}).get(self.kind)
        self.settings = {
            key: dataset.config[key]
            for key in ("field_separator", "seq_separator", "encoding", "TIME_FIELD")
        }

    def check_header(self, unloaded) -> None:
        header = read_header(self.path, self.ids, self.loaded, self.settings)
        if header.problems:
            raise ValueError(f"{self.path}: {header.problems[0]}")
        for field in self.ids:
            if field in unloaded or (isinstance(self.loaded, list) and field not in self.loaded):
                raise ValueError(
                    f"{self.path}: its field {field} is not loaded; add it to load_col under "
                    f"{self.kind} (or take it out of unload_col)"
                )

    def look(self) -> Rows:
        rows = look_through(self._open, self.settings["field_separator"])
        if rows.problem or rows.nul:
            self.explain(ValueError(rows.problem or "it has a NUL character"))
        split = self.kind == "inter" and self.dataset.benchmark_filename_list is not None
        if rows.n == 0 and not split:
            raise ValueError(
                f"{self.path}: it has a header and no rows; write them, or take its fields out of load_col"
            )
        for warning in rows.warnings(self.path):
            self.dataset.logger.warning(warning)
        return rows

    def explain(self, error: ValueError) -> None:
        """Raises ValueError: what is wrong with the file, or else what the error says."""
        problems = examine(self.path, self.ids, self.loaded, self.settings).problems
        told = problems[0] if problems else f"it cannot be read ({error}); write it anew"
        raise ValueError(f"{self.path}: {told}") from error

    def check_values(self, feat: pd.DataFrame, rows: Rows) -> None:
        if len(feat) != rows.n:
            self.explain(ValueError(f"of its {rows.n:,} rows, {len(feat):,} can be read"))
        for field in feat:
            if field in self.ids:
                self._check_ids(feat[field], rows)
            elif self.dataset.field2type[field] is FeatureType.FLOAT:
                self._check_floats(feat[field], rows)

    def _check_ids(self, column: pd.Series, rows: Rows) -> None:
        again = (column == f"{column.name}:{self.dataset.field2type[column.name].value}").to_numpy()
        if again.any():
            raise ValueError(
                f"{self.path}: {self._line(rows, again)} has the header again; take the line out"
            )
        missing = column.isna().to_numpy()
        # RecBole drops such rows and says so, unless the split is given.
        if missing.any() and self.dataset.benchmark_filename_list is not None:
            raise ValueError(
                f"{self.path}: {self._line(rows, missing)} has no {column.name} (an empty one, NA, "
                "null and the like are none); correct it, or take the line out"
            )

    def _check_floats(self, column: pd.Series, rows: Rows) -> None:
        values = column.to_numpy()
        if np.isinf(values).any():
            self.explain(ValueError(f"{column.name} is infinite somewhere"))
        missing = np.isnan(values)
        if missing.any() and column.name == self.dataset.time_field:
            raise ValueError(
                f"{self.path}: {self._line(rows, missing)} has no {column.name}; write it, or take "
                f"{column.name} out of load_col"
            )
        if missing.any() and not missing.all():
            self.dataset.logger.warning(
                f"{self.path}: {missing.sum():,} of {len(values):,} rows have no {column.name}, "
                f"first {self._line(rows, missing)}; RecBole takes the mean of the others for it"
            )

    def _line(self, rows: Rows, bad: np.ndarray) -> str:
        """Names the line of the first row that is bad."""
        separator = self.settings["field_separator"]
        return f"line {line_of(self._open, separator, rows.quoted, int(np.argmax(bad)))}"

    def _open(self):
        return opener(self.path, self.settings["encoding"])()


@contextmanager
def _read_by(rows: Rows, separator: str) -> Iterator[None]:
    """Lets RecBole read with quotation marks as they are meant, by pandas' parser in C.

    RecBole takes that in Python, which needs eight times as long. For a separator of one character
    the two give the same.
    """
    read_csv = pd.read_csv

    def read(*args, engine: str, **kwargs) -> pd.DataFrame:
        quoting = csv.QUOTE_MINIMAL if rows.quoted else csv.QUOTE_NONE
        frame = read_csv(*args, engine="c", quoting=quoting, **kwargs)
        return _without_marks(frame) if rows.marked and not rows.quoted else frame

    if len(separator) == 1:
        pd.read_csv = read
    try:
        yield
    finally:
        pd.read_csv = read_csv


def _without_marks(frame: pd.DataFrame) -> pd.DataFrame:
    """Takes quotation marks off that enclose a whole field."""
    for name, column in frame.select_dtypes(object).items():
        enclosed = column.str.startswith('"', na=False)
        if enclosed.any():
            frame[name] = column.where(~enclosed, column[enclosed].map(unquoted))
    return frame
