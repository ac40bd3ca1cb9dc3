"""Feature files as they are published, .npy or .pt: which there are, opened without a copy."""

from __future__ import annotations

from pathlib import Path
from typing import Iterable, Mapping, Sequence

import numpy as np

from recbole_slmrec.data.matrix import open_npy, warn_of_counting
from recbole_slmrec.data.tensors import read_tensor

_N_NAMED = 5
_CHOOSE = "choose the feature files with --feature NAME=FILE for each modality that you want"


def feature_files(
    source: Path, chosen: Mapping[str, str], published: Mapping[str, Sequence[str]]
) -> dict[str, Path]:
    """The feature file of each modality.

    Args:
        source: the folder that they lie in.
        chosen: modality name to file, where a user chose them; then only they count.
        published: modality name to the names under which its file may be published.

    Returns:
        Modality name to path; a modality none of whose published names is there is left out.

    Raises:
        FileNotFoundError: if a chosen file does not exist.
        ValueError: if a modality has more than one published file.
    """
    paths = {modality: feature_path(source, file) for modality, file in chosen.items()}
    for modality, path in paths.items():
        if not path.is_file():
            raise FileNotFoundError(
                f"modality {modality}: {path} does not exist; correct --feature={modality}="
                f"{chosen[modality]}, whose file is looked for in {source} and from here"
            )
    if chosen:
        return paths
    for modality, files in published.items():
        there = [file for file in files if (source / file).is_file()]
        if len(there) > 1:
            raise ValueError(
                f"{source} has {' and '.join(there)} for the modality {modality}; {_CHOOSE}"
            )
        if there:
            paths[modality] = source / there[0]
    return paths


def feature_path(source: Path, file: str) -> Path:
    """Where a chosen feature file lies: in the source folder, or where a shell would find it.

    Raises:
        ValueError: if there is one in either place.
    """
    beside, here = source / file, Path(file)
    if not here.is_file():
        return beside
    if beside.is_file() and not beside.samefile(here):
        raise ValueError(
            f"--feature {file} may be {beside} or {here.absolute()}; give the path of the one that "
            "is meant from /"
        )
    return here


def open_features(modality: str, path: Path) -> np.ndarray:
    """Opens a matrix of numbers, mapped into memory where the file allows it.

    Args:
        modality: the modality's name, for messages.
        path: a .pt file, or else a .npy file.

    Returns:
        Its values, shape (rows, columns).

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged, could run code, or is no matrix of real numbers.
    """
    try:
        values = read_tensor(path) if path.suffix == ".pt" else open_npy(modality, str(path))
    except ValueError as error:
        raise ValueError(f"{error}, or {_CHOOSE}") from error
    if values.dtype.kind not in "biuf" or values.ndim != 2 or 0 in values.shape:
        raise ValueError(
            f"modality {modality}: {path} holds values of type {values.dtype} in the shape "
            f"{values.shape}, where a matrix of numbers with a row for each item is needed; "
            f"{_CHOOSE}"
        )
    warn_of_counting(f"modality {modality}: {path}", values)
    return values


def not_read(source: Path, read: Iterable[Path]) -> list[str]:
    """A line that names the files of a folder that are not read, if there are any.

    Args:
        source: the folder.
        read: the files that are.
    """
    names_read = {path.name for path in read if path.parent == source}
    names = [path.name for path in sorted(source.iterdir())]
    others = [name for name in names if name not in names_read and not name.startswith(".")]
    return [f"not read: {listed(others)}"] if others else []


def listed(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    shown = ", ".join(names[:_N_NAMED])
    return shown + (f" and {len(names) - _N_NAMED:,} more" if len(names) > _N_NAMED else "")


def is_word_list(values: np.ndarray) -> bool:
    """Whether a matrix holds (item, word) pairs: two rows of integers, a column for each pair."""
    return len(values) == 2 and values.dtype.kind in "iu"


def agreed_rows(paths: dict[str, Path], matrices: dict[str, np.ndarray]) -> int:
    """How many items the matrices have a row for.

    Args:
        paths: modality name to file.
        matrices: modality name to matrix, at least one.

    Raises:
        ValueError: if they differ in their number of rows.
    """
    rows = {modality: len(matrix) for modality, matrix in matrices.items()}
    if len(set(rows.values())) > 1:
        listed = ", ".join(f"{paths[modality]} has {number:,}" for modality, number in rows.items())
        raise ValueError(
            f"the feature files differ in their number of rows: {listed}; each needs one row for "
            f"each item, so {_CHOOSE}"
        )
    return next(iter(rows.values()))


def word_pairs(modality: str, path: Path, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two rows of a word list.

    Args:
        modality: the modality's name, for messages.
        path: the file, for messages.
        values: shape (2, n), integers.

    Returns:
        items: shape (n,), int64: the number of each pair's item, as it was published.
        words: shape (n,), int64: the word.

    Raises:
        ValueError: if a number is negative.
    """
    items, words = np.array(values, dtype=np.int64)
    negative = (items < 0) | (words < 0)
    if negative.any():
        pair = int(np.argmax(negative))
        raise ValueError(
            f"modality {modality}: {path}: pair {pair} (counting from 0) is {items[pair]}, "
            f"{words[pair]}; items and words are numbered from 0"
        )
    return items, words
