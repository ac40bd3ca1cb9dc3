"""What a modality is: its value classes, and the declaration that says where they are read."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import yaml

from recbole_slmrec.names import did_you_mean

RESERVED = "id"
ENCODINGS = ("tfidf", "multi_hot")


@dataclass(frozen=True, eq=False)
class DenseModality:
    """A fixed vector for each item.

    Attributes:
        name: the modality's name.
        features: shape (n_items, D), float32; the row is RecBole's internal item id. Row 0, the
            padding, is zero; the others have unit L2 norm, or are zero where the item has no
            features. Only a ``float`` field is not normalised: it is one column of z-scores.
        missing: the number of items (padding aside) without features.
    """

    name: str
    features: np.ndarray
    missing: int


@dataclass(frozen=True, eq=False)
class WordModality:
    """A list of words for each item, as pairs.

    Attributes:
        name: the modality's name.
        items: shape (n,), int64; RecBole's internal item id of each pair.
        words: shape (n,), int64; the word id of each pair, in [0, n_words).
        n_words: the size of the vocabulary.
        missing: the number of items (padding aside) without a word.
    """

    name: str
    items: np.ndarray
    words: np.ndarray
    n_words: int
    missing: int


Modality = DenseModality | WordModality


@dataclass(frozen=True, eq=False)
class ItemRows:
    """The rows of ``<name>.item`` in file order, which matrices and word lists count by.

    Attributes:
        file: the path of ``<name>.item``.
        tokens: shape (n_rows,), the item ids as they stand in the file.
        ids: shape (n_rows,), int64; RecBole's internal ids, 0 where RecBole filtered the item out.
        n_items: the number of internal ids, padding included.
    """

    file: str
    tokens: np.ndarray
    ids: np.ndarray
    n_items: int


@dataclass(frozen=True)
class MatrixSource:
    """``{file: image_feat.npy}``: a matrix beside the atomic files."""

    file: str


@dataclass(frozen=True)
class FieldSource:
    """``{field: movie_title}``: a field of ``<name>.item``; the options are for token fields."""

    field: str
    encoding: str | None = None
    max_width: int | None = None


@dataclass(frozen=True)
class WordSource:
    """``{words: words.npy}``: pairs of (row of ``<name>.item``, word id)."""

    words: str


Source = MatrixSource | FieldSource | WordSource
_SOURCES = {"file": MatrixSource, "field": FieldSource, "words": WordSource}


def selected_sources(declared: Any, selected: Any) -> dict[str, Source]:
    """The sources of the selected modalities, in the selected order.

    Args:
        declared: ``config["item_modalities"]``, a dict from modality name to source, or None.
        selected: ``config["modalities"]``, a list of names; None selects all that are declared.
            Either may be YAML text, as it comes from RecBole's command line.

    Returns:
        A dict from modality name to source.

    Raises:
        ValueError: if a declaration cannot be understood, or a name is unknown, reserved or given
            twice.
    """
    sources = _parse_declaration(_from_yaml("item_modalities", declared))
    names = _parse_selection(_from_yaml("modalities", selected), list(sources))
    return {name: sources[name] for name in names}


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """L2-normalise rows, shape (n, D), into float32; a zero row stays zero."""
    # In float64, so that values that float32 can hold neither overflow nor vanish when squared.
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
    norms[norms == 0] = 1
    return (rows / norms[:, None]).astype(np.float32)


def _from_yaml(key: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ValueError(f"config {key}: {value!r} is not valid YAML ({error})") from error


def _parse_declaration(declared: Any) -> dict[str, Source]:
    if declared is None:
        return {}
    if not isinstance(declared, dict):
        raise ValueError(
            f"config item_modalities: {declared!r} is not a dict; "
            "give one from modality name to source, such as {v: image_feat.npy}"
        )
    for name in declared:
        _check_name("item_modalities", name)
    return {name: _parse_source(name, source) for name, source in declared.items()}


def _parse_selection(selected: Any, declared: list[str]) -> list[str]:
    if selected is None:
        return declared
    if isinstance(selected, str):
        selected = [selected]
    if not isinstance(selected, (list, tuple)):
        raise ValueError(f"config modalities: {selected!r} is not a list of names, such as [v, a]")
    for name in selected:
        _check_name("modalities", name)
        if name not in declared:
            raise ValueError(
                f"config modalities: unknown modality {name!r}{did_you_mean(name, declared)}; "
                f"item_modalities declares {', '.join(declared) or 'none'}"
            )
        if selected.count(name) > 1:
            raise ValueError(f"config modalities: {name!r} is given twice; name it once")
    return list(selected)


def _check_name(key: str, name: Any) -> None:
    if not isinstance(name, str):
        raise ValueError(f"config {key}: the modality name {name!r} is not a string; quote it")
    if name == RESERVED:
        raise ValueError(
            f"config {key}: {RESERVED!r} is reserved, for the ID embedding is a modality of its "
            "own that is always there; leave it out, or rename yours"
        )


def _parse_source(name: str, declared: Any) -> Source:
    where = f"config item_modalities: {name}"
    if isinstance(declared, str):
        declared = {"file": declared}
    kinds = [kind for kind in _SOURCES if isinstance(declared, dict) and kind in declared]
    if len(kinds) != 1:
        raise ValueError(
            f"{where}: {declared!r} is not a source; give exactly one of "
            "{file: image_feat.npy}, {field: movie_title} and {words: words.npy}"
        )
    kind = kinds[0]
    keys = [field.name for field in fields(_SOURCES[kind])]
    for key in declared:
        if key not in keys:
            raise ValueError(
                f"{where}: unknown key {key!r}{did_you_mean(key, keys)}; beside {kind} there may "
                f"stand {', '.join(keys[1:]) or 'nothing'}"
            )
    source = _SOURCES[kind](**declared)
    if not isinstance(declared[kind], str):
        raise ValueError(f"{where}: {kind} {declared[kind]!r} is not a name; give a string")
    if isinstance(source, FieldSource):
        _check_options(where, source)
    elif not declared[kind].endswith(".npy"):
        raise ValueError(
            f"{where}: {declared[kind]!r} does not end in .npy; save the array with numpy.save, "
            "or write {field: ...} for a field of the .item file"
        )
    return source


def _check_options(where: str, source: FieldSource) -> None:
    if source.encoding not in (None, *ENCODINGS):
        raise ValueError(
            f"{where}: unknown encoding {source.encoding!r}; choose {' or '.join(ENCODINGS)}"
        )
    width = source.max_width
    if width is not None and (type(width) is not int or width < 1):
        raise ValueError(f"{where}: max_width {width!r} is not a whole number of at least 1")
