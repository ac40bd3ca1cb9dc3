"""The layout of MMRec: a table of interactions with a column for the split, and matrices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from recbole_slmrec.data import layouts
from recbole_slmrec.data.feature_files import agreed_rows, feature_files, not_read, open_features
from recbole_slmrec.data.numbered import as_tokens, check_rows, read_lines, whole_numbers

USER, ITEM, LABEL = "userID", "itemID", "x_label"
SPLIT_OF_LABEL = {0: "train", 1: "valid", 2: "test"}
# MMRec puts it beside the features; it holds neighbours of users.
NO_FEATURES = "user_graph_dict.npy"


def matches(source: Path) -> bool:
    """Whether a folder has a ``.inter`` file with MMRec's columns."""
    return source.is_dir() and bool(_tables(source))


def read(source: Path, reading: layouts.Reading) -> layouts.Source:
    """Reads the table of interactions and opens the matrices beside it.

    Users are those of the interactions. Items are numbered up to the last row of the matrices, or
    up to the largest id where there are none. Each ``.npy`` file is a modality of the file's name
    without ``_feat``, unless features are chosen.

    Args:
        source: the folder.
        reading: its ``features`` choose the features.

    Returns:
        The data set; it is not split if the table has no column ``x_label``.

    Raises:
        FileNotFoundError: if there is no table, or a chosen feature file is missing.
        ValueError: if an option is of no use, a file is damaged or not of this form, an id is out
            of range, or a split has no interactions.
    """
    layouts.refuse(reading, "mmrec", ("features",))
    path = _table(source)
    table = read_lines(path, "\t", header=0)
    if table.empty:
        raise ValueError(f"{path} holds no interactions")
    users, user = np.unique(whole_numbers(table[USER], path), return_inverse=True)
    item = whole_numbers(table[ITEM], path)
    frame = pd.DataFrame({"user": user, "item": item}, table.index)
    for column in ("rating", "timestamp"):
        if column in table:
            frame[column] = _numbers(table[column], path)
    paths = feature_files(source, reading.features, _published(source))
    matrices = {modality: open_features(modality, file) for modality, file in paths.items()}
    n_items = agreed_rows(paths, matrices) if matrices else int(item.max()) + 1
    check_rows(item, n_items, path)
    features = {}
    for modality, matrix in matrices.items():
        file = f"{modality}.npy" if reading.features else paths[modality].name
        features[modality] = layouts.Matrix(file, matrix)
    interactions = _split(path, frame, table)
    items = as_tokens(np.arange(n_items))
    remarks = not_read(source, [path, *paths.values()])
    return layouts.Source("mmrec", as_tokens(users), items, interactions, features, remarks)


def _tables(source: Path) -> list[Path]:
    return [path for path in sorted(source.glob("*.inter")) if {USER, ITEM} <= {*_header(path)}]


def _header(path: Path) -> list[str]:
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        return file.readline().removesuffix("\n").split("\t")


def _table(source: Path) -> Path:
    tables = _tables(source)
    if not tables:
        found = sorted(source.glob("*.inter"))
        others = "".join(f"; {path.name} has {', '.join(_header(path))}" for path in found)
        raise FileNotFoundError(
            f"{source} has no .inter file with the columns {USER} and {ITEM}, separated by tabs: "
            f"the layout mmrec needs one{others}"
        )
    if len(tables) > 1:
        names = ", ".join(path.name for path in tables)
        raise ValueError(f"{source} has more than one data set: {names}; give each its own folder")
    return tables[0]


def _published(source: Path) -> dict[str, tuple[str, ...]]:
    files = [path.name for path in sorted(source.glob("*.npy")) if path.name != NO_FEATURES]
    modalities = [file.removesuffix(".npy").removesuffix("_feat") for file in files]
    return {
        modality: tuple(file for file, own in zip(files, modalities) if own == modality)
        for modality in modalities
    }


def _numbers(column: pd.Series, path: Path) -> pd.Series:
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    finite = np.isfinite(numbers)
    if not finite.all():
        line = finite.idxmin()
        raise ValueError(
            f"{path}: line {line} has {column[line]} in the column {column.name}, where a number "
            "is needed"
        )
    return numbers


def _split(path: Path, frame: pd.DataFrame, table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    if LABEL not in table:
        return {layouts.UNSPLIT: frame.reset_index(drop=True)}
    known = table[LABEL].isin(SPLIT_OF_LABEL)
    if not known.all():
        line = known.idxmin()
        raise ValueError(
            f"{path}: line {line} has {table[LABEL][line]} in the column {LABEL}, where 0 (train), "
            "1 (valid) or 2 (test) is needed"
        )
    interactions = {}
    for label, split in SPLIT_OF_LABEL.items():
        interactions[split] = frame[table[LABEL] == label].reset_index(drop=True)
        if interactions[split].empty:
            raise ValueError(
                f"{path} has no interactions for {split}: no line has {label} in the column "
                f"{LABEL}; to have it split anew, take the column out"
            )
    return interactions


LAYOUT = layouts.Layout(
    files="<name>.inter with the columns userID, itemID and x_label, and *.npy",
    matches=matches,
    read=read,
)
