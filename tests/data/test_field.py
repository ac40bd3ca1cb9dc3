"""Fields: every type's features, and errors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from recbole.utils import FeatureType
from sklearn.feature_extraction.text import TfidfVectorizer

from recbole_slmrec.data.field import field_modality
from recbole_slmrec.data.modality import FieldSource, ItemRows

FLOAT, TOKEN = FeatureType.FLOAT, FeatureType.TOKEN
FLOAT_SEQ, TOKEN_SEQ = FeatureType.FLOAT_SEQ, FeatureType.TOKEN_SEQ


def encode(values: list, feature_type: FeatureType, ids: list[int] | None = None, **options):
    """The modality of a field whose values these are; row r is item r + 1 unless ids say else."""
    ids = np.array(ids or range(1, len(values) + 1))
    tokens = np.array([f"i{row}" for row in range(len(values))], object)
    column = pd.Series(dtype=object, index=range(len(values)))
    if feature_type in (FLOAT, TOKEN):
        column = pd.Series(values)
    else:
        column[:] = [np.array(value) for value in values]
    items = ItemRows("tiny.item", tokens, ids, int(ids.max()) + 1)
    return field_modality("m", FieldSource("f", **options), column, feature_type, items, seed=7)


def test_float_seq_is_the_vectors_at_unit_length_and_an_empty_one_is_missing():
    modality = encode([[3.0, 4.0], [], [0.0, -9.0]], FLOAT_SEQ, ids=[2, 3, 1])
    expected = np.array([[0, 0], [0, -1], [0.6, 0.8], [0, 0]], np.float32)
    assert modality.features.dtype == np.float32
    assert np.array_equal(modality.features, expected)
    assert modality.missing == 1


def test_float_is_a_z_score_and_nan_is_missing():
    modality = encode([1.0, np.nan, 5.0, 3.0], FLOAT)
    deviation = np.std([1, 5, 3])
    expected = np.array([[0], [-2 / deviation], [0], [2 / deviation], [0]], np.float32)
    np.testing.assert_allclose(modality.features, expected, rtol=1e-6)
    # Item 4 has the mean itself: zero, but not missing.
    assert modality.missing == 1


def test_float_without_spread_is_zero_not_rounding_noise():
    assert not encode([0.1, 0.1, 0.1], FLOAT).features.any()


def test_token_is_one_column_for_each_value():
    modality = encode(["b", np.nan, "a", "b"], TOKEN)
    assert modality.features.tolist() == [[0, 0], [0, 1], [0, 0], [1, 0], [0, 1]]
    assert modality.missing == 1


def test_multi_hot_is_the_set_of_the_tokens_at_unit_length():
    modality = encode([["b", "a", "b"], ["c"], []], TOKEN_SEQ, encoding="multi_hot")
    half = np.float32(0.5**0.5)
    assert modality.features.tolist() == [[0, 0, 0], [half, half, 0], [0, 0, 1], [0, 0, 0]]
    assert modality.missing == 1


@pytest.mark.parametrize("options", [{}, {"encoding": "tfidf"}])
def test_token_seq_is_tfidf_by_default(options):
    texts = ["toy story", "story story of a toy", "alien"]
    modality = encode([text.split() for text in texts], TOKEN_SEQ, **options)
    vectorizer = TfidfVectorizer(tokenizer=str.split, token_pattern=None, lowercase=False)
    np.testing.assert_allclose(
        modality.features[1:], vectorizer.fit_transform(texts).toarray(), rtol=1e-6
    )


def test_titles_without_spaces_are_warned_of(caplog):
    encode([["红色羊毛帽子"], ["蓝色羊毛帽子", "新"], ["皮革手提包大号"]], TOKEN_SEQ)
    assert caplog.messages == [
        "modality m: field f of tiny.item: most tokens are of a script without spaces between "
        "words, such as '皮革手提包大号', and each counts as one word; `python -m recbole_slmrec "
        "featurize` makes features of their characters"
    ]
    caplog.clear()
    encode([["动作片", "喜剧"], ["爱情", "红色羊毛帽子"]], TOKEN_SEQ)
    assert not caplog.messages


def test_filtered_items_count_for_nothing():
    values = [["a", "b"], ["x", "y", "z"], ["a"]]
    modality = encode(values, TOKEN_SEQ, ids=[1, 0, 2])
    assert np.array_equal(modality.features, encode([values[0], values[2]], TOKEN_SEQ).features)


def test_wide_token_features_are_reduced_and_keep_their_angles():
    rng = np.random.default_rng(0)
    # 200 words, but of rank 4: whole topics come and go together.
    topics = [[f"{topic}-{word}" for word in range(50)] for topic in range(4)]
    chosen = [rng.permutation(4)[: rng.integers(1, 4)] for _ in range(30)]
    values = [[word for topic in row for word in topics[topic]] for row in chosen]
    wide = encode(values, TOKEN_SEQ, max_width=200).features
    narrow = encode(values, TOKEN_SEQ, max_width=4).features
    assert wide.shape == (31, 200) and narrow.shape == (31, 4)
    np.testing.assert_allclose(narrow @ narrow.T, wide @ wide.T, atol=1e-5)


def test_the_default_width_is_128_and_never_more_than_there_are_items():
    words = [f"w{word}" for word in range(129)]
    assert encode([words[:128], words[:64]], TOKEN_SEQ).features.shape == (3, 128)
    assert encode([words, words[:64]], TOKEN_SEQ).features.shape == (3, 2)


def test_the_reduction_repeats():
    rng = np.random.default_rng(0)
    values = [rng.choice([f"w{word}" for word in range(60)], 8) for _ in range(40)]
    first, second = (encode(values, TOKEN_SEQ, max_width=3).features for _ in range(2))
    assert np.array_equal(first, second)


def test_what_lies_outside_of_the_reduction_is_zero_not_noise_of_unit_length():
    # One component holds the value "a"; all others lie outside of it.
    values = ["a"] * 50 + [f"other{value}" for value in range(30)]
    modality = encode(values, TOKEN, max_width=1)
    np.testing.assert_allclose(np.abs(modality.features[1:51]), 1, rtol=1e-6)
    assert not modality.features[51:].any()
    assert modality.missing == 30


@pytest.mark.parametrize(
    "values, feature_type, options, message",
    [
        ([[1.0], [], [1.0, 2.0]], FLOAT_SEQ, {}, "1 numbers for item 'i0' but 2 for item 'i2'"),
        ([[1.0], [np.nan]], FLOAT_SEQ, {}, "NaN or infinite in float32 for item 'i1'"),
        ([[1e39], [1.0]], FLOAT_SEQ, {}, "NaN or infinite in float32 for item 'i0'"),
        ([1.0, -np.inf], FLOAT, {}, "infinite for item 'i1'"),
        ([np.nan, np.nan], FLOAT, {}, "empty for every item"),
        ([[], []], FLOAT_SEQ, {}, "empty for every item"),
        ([[], []], TOKEN_SEQ, {}, "empty for every item"),
        ([np.nan, np.nan], TOKEN, {}, "empty for every item"),
        (["a"], TOKEN, {"encoding": "tfidf"}, "of type token; encoding is for token_seq only"),
        ([[1.0]], FLOAT_SEQ, {"encoding": "tfidf"}, "of type float_seq; encoding is for"),
        ([[1.0]], FLOAT_SEQ, {"max_width": 1}, "of type float_seq; max_width is for token and"),
        ([1.0], FLOAT, {"max_width": 1}, "of type float; max_width is for token and"),
    ],
)
def test_a_wrong_field_is_named(values, feature_type, options, message):
    with pytest.raises(ValueError, match=f"modality m: field f of tiny.item.*{message}"):
        encode(values, feature_type, **options)
