"""A RecBole field of the .item file, turned into features of the items."""

from __future__ import annotations

import re
from logging import getLogger

import numpy as np
import pandas as pd
from recbole.utils import FeatureType
from scipy.sparse import csr_matrix
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfTransformer

from recbole_slmrec.data.modality import DenseModality, FieldSource, ItemRows, unit_rows
from recbole_slmrec.data.scripts import WITHOUT_SPACES

MAX_WIDTH = 128
# A row of unit length that the kept SVD components do not cover comes back as rounding noise.
NOISE = 1e-6
# So many characters without spaces are more than a word.
_SENTENCE = re.compile(f"[{WITHOUT_SPACES}]{{6}}")


def field_modality(
    name: str,
    source: FieldSource,
    column: pd.Series,
    feature_type: FeatureType,
    items: ItemRows,
    seed: int,
) -> DenseModality:
    """Turn a field into features.

    - ``float_seq``: the vectors themselves; an empty one is missing.
    - ``token_seq``: TF-IDF weights or, with ``encoding: multi_hot``, the set of the tokens.
    - ``token``: one column for each value.
    - ``float``: the z-score over the items, in one column.

    Token features wider than ``max_width`` columns (128 by default) are reduced to that many, or to
    the number of items if that is less, by a truncated SVD. All but z-scores are L2-normalised by
    row. Only items that RecBole kept count.

    Args:
        name: the modality's name.
        source: the field's name and options.
        column: shape (n_rows,), the field as it stands in ``<name>.item``: strings, numbers or
            arrays of them, NaN where a single value is missing.
        feature_type: the field's type.
        items: the rows of ``<name>.item``.
        seed: of the SVD.

    Returns:
        The modality, its features of shape (n_items, D).

    Raises:
        ValueError: if an option does not fit the type, the vectors differ in length, a number is
            infinite, or no item has a value.
    """
    where = f"modality {name}: field {source.field} of {items.file}"
    _check_options(where, source, feature_type)
    kept = items.ids > 0
    values = pd.Series(column.to_numpy()[kept], index=items.tokens[kept])
    if feature_type is FeatureType.FLOAT:
        rows, present = _z_scores(where, values), values.notna().to_numpy()
    else:
        if feature_type is FeatureType.FLOAT_SEQ:
            rows = unit_rows(_vectors(where, values))
        else:
            rows = unit_rows(_token_weights(where, source, values, feature_type, seed))
        present = rows.any(axis=1)
    features = np.zeros((items.n_items, rows.shape[1]), dtype=np.float32)
    features[items.ids[kept]] = rows
    return DenseModality(name, features, items.n_items - 1 - int(np.count_nonzero(present)))


def _check_options(where: str, source: FieldSource, feature_type: FeatureType) -> None:
    token_types = (FeatureType.TOKEN, FeatureType.TOKEN_SEQ)
    if source.encoding is not None and feature_type is not FeatureType.TOKEN_SEQ:
        raise ValueError(
            f"{where} is of type {feature_type.value}; encoding is for token_seq only, leave it out"
        )
    if source.max_width is not None and feature_type not in token_types:
        raise ValueError(
            f"{where} is of type {feature_type.value}; max_width is for token and token_seq only, "
            "leave it out"
        )


def _z_scores(where: str, values: pd.Series) -> np.ndarray:
    known = values.dropna()
    _check_not_empty(where, len(known))
    finite = np.isfinite(known.to_numpy())
    if not finite.all():
        raise ValueError(f"{where} is infinite for item {known.index[~finite][0]!r}; correct it")
    scores = (values - known.mean()).fillna(0).to_numpy()
    if known.max() > known.min():
        scores = scores / known.std(ddof=0)
    else:
        scores = np.zeros(len(values))
    return scores.astype(np.float32)[:, None]


def _vectors(where: str, values: pd.Series) -> np.ndarray:
    lengths = values.map(len)
    filled = lengths[lengths > 0]
    _check_not_empty(where, len(filled))
    width = filled.iloc[0]
    if (filled != width).any():
        ragged = filled[filled != width]
        raise ValueError(
            f"{where} has {width} numbers for item {filled.index[0]!r} but {ragged.iloc[0]} for "
            f"item {ragged.index[0]!r}; give all items vectors of one length, or none at all"
        )
    rows = np.zeros((len(values), width))
    rows[(lengths > 0).to_numpy()] = np.stack(values[lengths > 0].to_list())
    finite = (np.abs(rows) <= np.finfo(np.float32).max).all(axis=1)
    if not finite.all():
        raise ValueError(
            f"{where} has a value that is NaN or infinite in float32 for item "
            f"{values.index[~finite][0]!r}; correct it, or leave the vector empty"
        )
    return rows


def _token_weights(
    where: str, source: FieldSource, values: pd.Series, feature_type: FeatureType, seed: int
) -> np.ndarray:
    if feature_type is FeatureType.TOKEN:
        lengths, tokens = values.notna().astype(int), values.dropna().to_numpy()
    else:
        lengths, tokens = values.map(len), np.concatenate(values.to_list())
    _check_not_empty(where, len(tokens))
    if feature_type is FeatureType.TOKEN_SEQ:
        _warn_of_sentences(where, tokens)
    # Sorted, so that the columns do not depend on the order of the items.
    codes, vocabulary = pd.factorize(tokens, sort=True)
    rows = np.repeat(np.arange(len(values)), lengths)
    counts = csr_matrix((np.ones(len(codes)), (rows, codes)), shape=(len(values), len(vocabulary)))
    if feature_type is FeatureType.TOKEN_SEQ and source.encoding != "multi_hot":
        weights = TfidfTransformer().fit_transform(counts)
    else:
        weights = (counts > 0).astype(np.float64)
    return _reduced(weights, source.max_width or MAX_WIDTH, seed)


def _reduced(weights: csr_matrix, max_width: int, seed: int) -> np.ndarray:
    if weights.shape[1] <= max_width:
        return weights.toarray()
    rows = TruncatedSVD(max_width, random_state=seed).fit_transform(weights)
    rows[np.linalg.norm(rows, axis=1) < NOISE] = 0
    return rows


def _warn_of_sentences(where: str, tokens: np.ndarray) -> None:
    sentences = [token for token in set(tokens) if _SENTENCE.search(token)]
    if 2 * len(sentences) > len(set(tokens)):
        getLogger().warning(
            f"{where}: most tokens are of a script without spaces between words, such as "
            f"{str(min(sentences))!r}, and each counts as one word; `python -m recbole_slmrec "
            "featurize` makes features of their characters"
        )


def _check_not_empty(where: str, n_values: int) -> None:
    if n_values == 0:
        raise ValueError(f"{where} is empty for every item; leave the modality out")
