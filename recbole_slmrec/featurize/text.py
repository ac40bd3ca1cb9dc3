"""Texts of items, and their features: TF-IDF with an SVD, or a sentence-transformers model."""

from __future__ import annotations

from logging import getLogger
from pathlib import Path
from typing import Iterable, Sequence

import numpy as np
import pyarrow as pa
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from recbole_slmrec.data.layouts.table_columns import encode_ids, open_table
from recbole_slmrec.featurize.items import Items
from recbole_slmrec.featurize.words import has_no_spaces, words_of
from recbole_slmrec.names import did_you_mean

_SEED = 2020
# Of a row of unit length that the kept components do not cover, the SVD leaves rounding noise.
_NOISE = 1e-6


def texts_of_fields(items: Items, fields: Sequence[str]) -> dict[int, str]:
    """The text of each item, from fields of ``<name>.item``, one after the other.

    Args:
        items: the items of the data set.
        fields: names of fields of type token_seq or token.

    Returns:
        Row number to text, for items that have one.

    Raises:
        ValueError: if there is no such field, it is no text, or it is empty for every item.
    """
    for field in fields:
        if field not in items.types:
            raise ValueError(
                f"{items.file} has no field {field!r}{did_you_mean(field, items.types)}; its "
                f"fields are {', '.join(items.types)}"
            )
        if items.types[field] not in ("token", "token_seq"):
            raise ValueError(
                f"the field {field} of {items.file} is of type {items.types[field]}; a text is of "
                "type token_seq or token"
            )
    return _texts(items, _joined(items.fields[field] for field in fields))


def texts_of_table(
    items: Items,
    path: Path,
    columns: Sequence[str],
    item_column: str | None,
    encoding: str | None = None,
) -> dict[int, str]:
    """The text of each item, from columns of a CSV, TSV or Parquet file, one after the other.

    Args:
        items: the items of the data set.
        path: the table; its rows may be in any order.
        columns: names of columns of texts.
        item_column: name of the column of item ids; None means recognise it.
        encoding: of the table's text; None means recognise it.

    Returns:
        Row number to text, for items that have one. The number of unknown ids is logged.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no such table, an id is there twice, or no item has a text.
    """
    table = open_table(path, encoding)
    id_column = table.find("item", item_column)
    if id_column is None:
        raise ValueError(f"say with --item which column holds the item ids: {table.listed()}")
    for column in columns:
        table.find("text", column)
    batches = [*table.batches([*dict.fromkeys([id_column, *columns])])]
    if not batches:
        raise ValueError(f"{path} has no rows")
    read = pa.Table.from_batches(batches)
    codes, ids = encode_ids(read[id_column], f"{path}: column {id_column}", table.row)
    if len(ids) < len(codes):
        twice = ids[np.argmax(np.bincount(codes) > 1)]
        raise ValueError(f"{path} has more than one row for item {twice!r}; keep one")
    texts = _joined(_strings(path, column, read[column]) for column in columns)
    by_id = dict(zip(ids[codes], texts))
    surplus = len(by_id.keys() - set(items.ids))
    if surplus:
        getLogger().info(f"{path}: {surplus:,} rows are of items that {items.file} lacks")
    return _texts(items, [by_id.get(item, "") for item in items.ids])


def tfidf_rows(texts: dict[int, str], n_rows: int, width: int) -> np.ndarray:
    """TF-IDF weights of the words, reduced by a truncated SVD, as in latent semantic analysis.

    Deerwester et al., Indexing by Latent Semantic Analysis, 1990. What a word is, ``words_of``
    tells. The result is the same at each call.

    Args:
        texts: row number to text.
        n_rows: the number of rows.
        width: the number of columns; less if there are fewer words or texts.

    Returns:
        Shape (n_rows, D), float32; zero for rows without text.

    Raises:
        ValueError: if the texts have no words.
    """
    try:
        weights = TfidfVectorizer(analyzer=words_of).fit_transform(texts.values())
    except ValueError as error:
        raise ValueError(f"the texts of the items hold no words ({error})") from error
    getLogger().info(f"TF-IDF of {weights.shape[1]:,} words")
    continuous = sum(map(has_no_spaces, texts.values()))
    if continuous:
        getLogger().info(
            f"{continuous:,} texts are in a script without spaces between words; there each pair "
            "of neighbouring characters counts as a word"
        )
    if weights.shape[1] > width:
        # Not more than there are texts: scikit-learn would return fewer columns without a word.
        reduced = TruncatedSVD(min(width, len(texts)), random_state=_SEED).fit_transform(weights)
        reduced[np.linalg.norm(reduced, axis=1) < _NOISE] = 0
    else:
        reduced = weights.toarray()
    if reduced.shape[1] < width:
        getLogger().info(f"{reduced.shape[1]} columns: more than that, the texts do not hold")
    rows = np.zeros((n_rows, reduced.shape[1]), dtype=np.float32)
    rows[list(texts)] = reduced
    return rows


class SentenceEncoder:
    """Encodes texts with a sentence-transformers model.

    Args:
        model: the folder of a model, or a name under which it can be fetched.

    Attributes:
        width: the length of a vector.

    Raises:
        ValueError: if sentence-transformers is not installed or cannot read the model.
        FileNotFoundError: if there is no such folder and the name cannot be fetched.
    """

    def __init__(self, model: str):
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise ValueError(
                f"--model needs sentence-transformers ({error}): pip install recbole-slmrec[text]; "
                "without --model the features are TF-IDF weights, which need nothing more"
            ) from error
        try:
            self._model = SentenceTransformer(model)
        # Reading a damaged folder or fetching fails in whatever way four libraries fail.
        except Exception as error:
            if Path(model).is_dir():
                raise ValueError(
                    f"{model} is not the folder of a sentence-transformers model: {error}"
                ) from error
            raise FileNotFoundError(
                f"there is no folder {model}, and no model can be fetched by that name ({error}). "
                "Check name and connection, or fetch the model elsewhere and give its folder"
            ) from error
        self.width = len(self._model.encode("", show_progress_bar=False))

    def encode(self, batch: list[str]) -> list[np.ndarray]:
        """A vector for each text, as the model gives it."""
        return list(self._model.encode(batch, batch_size=len(batch), show_progress_bar=False))


def longest_first(texts: dict[int, str]) -> dict[int, str]:
    """The texts in order of length, so that those of a batch need little padding."""
    return dict(sorted(texts.items(), key=lambda pair: -len(pair[1])))


def _strings(path: Path, column: str, values: pa.ChunkedArray) -> list[str]:
    try:
        return values.cast(pa.large_string()).fill_null("").to_pylist()
    except pa.ArrowException as error:
        raise ValueError(
            f"{path}: column {column} holds values of type {values.type}, not text"
        ) from error


def _joined(columns: Iterable[Iterable[str]]) -> list[str]:
    return [" ".join(row).strip() for row in zip(*columns)]


def _texts(items: Items, by_row: list[str]) -> dict[int, str]:
    texts = {row: text for row, text in enumerate(by_row) if text}
    if not texts:
        raise ValueError(f"not one item of {items.file} has a text there")
    getLogger().info(f"{len(texts):,} of {len(items.ids):,} items have a text")
    return texts
