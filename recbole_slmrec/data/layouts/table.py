"""The layout of one's own tables: interactions in one file, features keyed by item id in others."""

from __future__ import annotations

from pathlib import Path

from recbole_slmrec.data import layouts
from recbole_slmrec.data.feature_files import feature_files
from recbole_slmrec.data.packed import bare


def matches(source: Path) -> bool:
    """Whether ``source`` is a table or a folder with one."""
    if source.is_file():
        return bare(source).suffix.lower() in (*layouts.TABLE_SUFFIXES, ".txt")
    return any(bare(path).suffix.lower() in layouts.TABLE_SUFFIXES for path in source.glob("*"))


def read(source: Path, reading: layouts.Reading) -> layouts.Source:
    """Reads a table of interactions and the features that are keyed by item id.

    Every id is the string that stands in its file. Users and items are numbered in the order in
    which the interactions first name them; an item that only features name is left out.

    Args:
        source: a CSV, TSV or Parquet file of interactions, or a folder with one beside files of
            features. Of a lone file's neighbours, only those in ``reading.features`` are read.
        reading: the columns of the interactions, the files of features and their encoding, where
            they are not to be recognised.

    Returns:
        The data set, split if the interactions have a column ``split`` or ``x_label``.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if no column, or more than one, can be the user or the item, an id, rating or
            time is not as it must be, or features cannot be matched with items by their ids.
    """
    # A pyarrow that does not fit the installed NumPy fails on import; other layouts need none.
    from recbole_slmrec.data.layouts import table_features, table_interactions

    file = table_interactions.find(source, reading)
    interactions = table_interactions.read(file, reading)
    if reading.features:
        files, left_out = feature_files(file.parent, reading.features, {}), []
    elif source.is_dir():
        files, left_out = table_features.found(source, file, interactions.item_column, reading)
    else:
        files, left_out = {}, []
    features, described = table_features.read(
        files, interactions.item_column, interactions.items, reading.encoding
    )
    return layouts.Source(
        "table",
        interactions.users,
        interactions.items,
        interactions.splits,
        features,
        [interactions.remark, *described, *left_out],
    )


LAYOUT = layouts.Layout(
    files="a table of interactions (.csv, .tsv, .inter or .parquet)", matches=matches, read=read
)
