"""Writing a matrix beside a data set's files and declaring it as a modality."""

from __future__ import annotations

import os
import re
from logging import getLogger
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from recbole_slmrec.data.files import check_writable, whole_file
from recbole_slmrec.data.modality import selected_sources
from recbole_slmrec.featurize.items import Items


def matrix_path(items: Items, modality: str, force: bool) -> Path:
    """The file of a modality's matrix, ``<modality>_feat.npy``, if it may be written.

    Args:
        items: the items of the data set.
        modality: the modality's name.
        force: whether to replace a modality or a file of that name.

    Raises:
        FileExistsError: if either is there already and ``force`` is False.
        ValueError: if the name is unusable, or what is declared already cannot be understood.
        WriteError: if the folder may not be written to.
    """
    if not re.fullmatch(r"\w[\w-]*", modality):
        raise ValueError(
            f"--modality {modality!r} cannot name a modality: use letters, digits, _ and -"
        )
    target = items.file.with_name(f"{modality}_feat.npy")
    check_writable(target)
    declared = items.settings.get("item_modalities") or {}
    selected_sources(declared, None)
    selected_sources({modality: target.name}, None)
    if not force and (modality in declared or os.path.lexists(target)):
        there = f"the modality {modality}" if modality in declared else f"a file {target.name}"
        raise FileExistsError(
            f"{items.file.parent} has {there} already; choose another name with --modality, or "
            "pass --force to replace it"
        )
    return target


def write_modality(items: Items, modality: str, target: Path, rows: np.ndarray) -> None:
    """Writes a matrix and declares it in ``<name>.yaml``: both, or neither if something fails.

    The text of ``<name>.yaml`` stays as it is, but for the modalities (and ``load_col``, if the
    items were not read at all).

    Args:
        items: the items of the data set.
        modality: the modality's name.
        target: as :func:`matrix_path` gives it.
        rows: shape (n_rows, D), float32; row r belongs to row r of ``<name>.item``.
    """
    own = items.declaration
    text = own.read_text(encoding="utf-8-sig") if own.is_file() else ""
    declared = items.settings.get("item_modalities") or {}
    text = _with_key(own, text, "item_modalities", {**declared, modality: target.name})
    columns = items.settings["load_col"]
    if columns is not None and "item" not in columns:
        columns = {**columns, "item": [items.settings["ITEM_ID_FIELD"]]}
        text = _with_key(own, text, "load_col", columns)
    with whole_file(own) as own_partial:
        own_partial.write_text(text, encoding="utf-8")
        with whole_file(target) as target_partial, target_partial.open("wb") as file:
            np.save(file, rows)


def _with_key(path: Path, text: str, key: str, value: Any) -> str:
    wanted = {**(yaml.safe_load(text) or {}), key: value}
    edited = _edited(text, key, value)
    try:
        if yaml.safe_load(edited) == wanted:
            return edited
    except yaml.YAMLError:
        pass
    # An anchor within the key, or braces around it all: then the text cannot be kept.
    getLogger().warning(f"{path} is written anew; its comments are lost")
    return yaml.safe_dump(wanted, default_flow_style=None, sort_keys=False, allow_unicode=True)


def _edited(text: str, key: str, value: Any) -> str:
    block = yaml.safe_dump(
        {key: value}, default_flow_style=None, sort_keys=False, allow_unicode=True
    )
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    for key_node, value_node in root.value if root else []:
        if key_node.value == key:
            return text[: key_node.start_mark.index] + block[:-1] + text[_end(value_node) :]
    return text + ("\n" if text and not text.endswith("\n") else "") + block


def _end(node: yaml.Node) -> int:
    # The end of a block is where the next key begins; the comments between belong to that.
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        last = node.value[-1]
        return _end(last[1] if isinstance(node, yaml.MappingNode) else last)
    return node.end_mark.index
