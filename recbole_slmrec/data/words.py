"""Word lists of items: a .npy file of (item row, word id) pairs."""

from __future__ import annotations

import numpy as np

from recbole_slmrec.data.matrix import open_npy
from recbole_slmrec.data.modality import ItemRows, WordModality


def word_modality(name: str, path: str, items: ItemRows) -> WordModality:
    """Read the words of each item.

    Args:
        name: the modality's name.
        path: the .npy file: integers of shape (2, n). Its first row holds row numbers of
            ``<name>.item``, its second row word ids from 0.
        items: the rows of ``<name>.item``.

    Returns:
        The modality; a pair that stands there twice is kept twice. ``n_words`` is the largest word
        id in the file plus one.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is not of that form, or a row number or word id is out of range.
    """
    where = f"modality {name}: {path}"
    pairs = open_npy(name, path)
    if pairs.dtype.kind not in "iu":
        raise ValueError(
            f"{where} holds values of type {pairs.dtype}, not integers; save row numbers and word "
            "ids as int64"
        )
    if pairs.ndim != 2 or pairs.shape[0] != 2 or pairs.shape[1] == 0:
        raise ValueError(
            f"{where} has shape {pairs.shape}; (2, n) is needed: a row of row numbers of "
            f"{items.file}, and under it a row of word ids"
        )
    rows, words = pairs.astype(np.int64)
    n_rows = len(items.tokens)
    outside = (rows < 0) | (rows >= n_rows)
    if outside.any():
        pair = int(np.argmax(outside))
        raise ValueError(
            f"{where}: pair {pair} (counting from 0) names row {rows[pair]}, but {items.file} has "
            f"rows 0 to {n_rows - 1}; count its rows from 0, without the header"
        )
    if words.min() < 0:
        pair = int(np.argmax(words < 0))
        raise ValueError(
            f"{where}: pair {pair} (counting from 0) has the word id {words[pair]}; word ids "
            "count from 0, and an item without words simply has no pair"
        )
    ids = items.ids[rows]
    kept = ids > 0
    missing = items.n_items - 1 - len(np.unique(ids[kept]))
    return WordModality(name, ids[kept], words[kept], int(words.max()) + 1, missing)
