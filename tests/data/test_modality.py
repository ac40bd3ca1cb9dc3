"""The declaration, and unit rows."""

from __future__ import annotations

import numpy as np
import pytest

from recbole_slmrec.data.modality import (
    FieldSource,
    MatrixSource,
    WordSource,
    selected_sources,
    unit_rows,
)

DECLARED = {
    "v": "image_feat.npy",
    "sound": {"file": "audio_feat.npy"},
    "title": {"field": "movie_title", "encoding": "multi_hot", "max_width": 64},
    "t": {"words": "words.npy"},
}


def test_all_declared_modalities_are_selected_in_their_order():
    sources = selected_sources(DECLARED, None)
    assert list(sources.items()) == [
        ("v", MatrixSource("image_feat.npy")),
        ("sound", MatrixSource("audio_feat.npy")),
        ("title", FieldSource("movie_title", "multi_hot", 64)),
        ("t", WordSource("words.npy")),
    ]


@pytest.mark.parametrize(
    "selected, names",
    [
        (["t", "v"], ["t", "v"]),
        (("sound",), ["sound"]),
        ("[t, v]", ["t", "v"]),
        ("sound", ["sound"]),
        ("[]", []),
        ([], []),
    ],
)
def test_the_selection_picks_and_orders(selected, names):
    assert list(selected_sources(DECLARED, selected)) == names


def test_a_declaration_may_be_yaml_text():
    assert selected_sources("{v: x.npy}", None) == {"v": MatrixSource("x.npy")}


def test_nothing_declared_is_no_modality():
    assert selected_sources(None, None) == {}


@pytest.mark.parametrize(
    "selected, message",
    [
        (["titel"], "unknown modality 'titel': did you mean title.*declares v, sound, title, t"),
        (["v", "t", "v"], "modalities: 'v' is given twice"),
        (["v", "id"], "modalities: 'id' is reserved"),
        ([len], "the modality name <built-in function len> is not a string"),
        ({"v": 1}, r"modalities: \{'v': 1\} is not a list of names"),
        ("[v, t", r"modalities: '\[v, t' is not valid YAML"),
    ],
)
def test_a_wrong_selection_is_named(selected, message):
    with pytest.raises(ValueError, match=message):
        selected_sources(DECLARED, selected)


def test_a_selection_without_declaration_says_that_none_is_declared():
    with pytest.raises(ValueError, match="unknown modality 'v'.*declares none"):
        selected_sources(None, ["v"])


@pytest.mark.parametrize(
    "declared, message",
    [
        (["v"], r"item_modalities: \['v'\] is not a dict"),
        ({"id": "x.npy"}, "item_modalities: 'id' is reserved"),
        ({False: "x.npy"}, "the modality name False is not a string; quote it"),
        ({"v": "x.pt"}, "v: 'x.pt' does not end in .npy; save the array with numpy.save"),
        ({"v": {"words": "x.txt"}}, "v: 'x.txt' does not end in .npy"),
        ({"v": 7}, "v: 7 is not a source; give exactly one of"),
        ({"v": {"encoding": "tfidf"}}, "v: .* is not a source; give exactly one of"),
        ({"v": {"file": "x.npy", "field": "f"}}, "v: .* is not a source; give exactly one of"),
        ({"v": {"field": 3}}, "v: field 3 is not a name; give a string"),
        ({"v": {"file": ["x.npy"]}}, r"v: file \['x.npy'\] is not a name; give a string"),
        (
            {"v": {"field": "f", "encodng": "tfidf"}},
            "v: unknown key 'encodng': did you mean encoding.*encoding, max_width",
        ),
        ({"v": {"file": "x.npy", "max_width": 3}}, "v: unknown key 'max_width'.*stand nothing"),
        ({"v": {"field": "f", "encoding": "bm25"}}, "'bm25'; choose tfidf or multi_hot"),
        ({"v": {"field": "f", "max_width": 0}}, "max_width 0 is not a whole number"),
        ({"v": {"field": "f", "max_width": True}}, "max_width True is not a whole number"),
        ({"v": {"field": "f", "max_width": "9"}}, "max_width '9' is not a whole number"),
    ],
)
def test_a_wrong_declaration_is_named(declared, message):
    with pytest.raises(ValueError, match=message):
        selected_sources(declared, [])


def test_unit_rows_of_zero_huge_tiny_and_half_precision_rows():
    assert unit_rows(np.array([[3.0, 4.0], [0, 0]])).tolist() == [
        [np.float32(0.6), np.float32(0.8)],
        [0, 0],
    ]
    assert unit_rows(np.array([[3e38, 0], [0, 1e-40]], np.float32)).tolist() == [[1, 0], [0, 1]]
    half = unit_rows(np.full((1, 4), 60000, np.float16))
    assert half.dtype == np.float32 and half.tolist() == [[0.5] * 4]
