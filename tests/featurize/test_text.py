"""The texts of items, and TF-IDF features of them."""

from __future__ import annotations

import logging
import re
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from recbole_slmrec.featurize.items import Items
from recbole_slmrec.featurize.text import (
    SentenceEncoder,
    longest_first,
    texts_of_fields,
    texts_of_table,
    tfidf_rows,
)
from recbole_slmrec.featurize.words import words_of

# Row r of the shop's items b, a, d, c.
TEXTS = {0: "red wool hat", 1: "red shoes", 3: "blue wool scarf"}


def test_texts_of_a_field(items, caplog):
    with caplog.at_level(logging.INFO):
        assert texts_of_fields(items, ["title"]) == TEXTS
    assert caplog.messages == ["3 of 4 items have a text"]


def test_fields_one_after_the_other(items):
    assert texts_of_fields(items, ["title", "item_id"]) == {
        0: "red wool hat b",
        1: "red shoes a",
        2: "d",
        3: "blue wool scarf c",
    }


@pytest.mark.parametrize(
    "field, message",
    [
        (
            "titel",
            "has no field 'titel': did you mean title.; its fields are item_id, title, length",
        ),
        ("length", "length of .*shop.item is of type float; a text is of type token_seq or token"),
    ],
)
def test_a_field_that_is_no_text(items, field, message):
    with pytest.raises(ValueError, match=message):
        texts_of_fields(items, [field])


def test_no_text_at_all(items):
    items.fields["title"] = "  "
    with pytest.raises(ValueError, match="not one item of .*shop.item has a text"):
        texts_of_fields(items, ["title"])


TABLE = pd.DataFrame(
    {
        "text": ['blue, "wool"\nscarf', "of no item", "red hat", None],
        "brand": ["Übel", "x", "", "y"],
        "asin": ["c", "e", "b", "a"],
    }
)


def save(frame: pd.DataFrame, path):
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep="," if path.suffix == ".csv" else "\t")
    return path


@pytest.mark.parametrize("name", ["table.csv", "table.tsv", "table.parquet"])
def test_texts_of_a_table_are_aligned_by_id(items, tmp_path, name, caplog):
    path = save(TABLE, tmp_path / name)
    with caplog.at_level(logging.INFO):
        texts = texts_of_table(items, path, ["text"], "asin")
    assert texts == {0: "red hat", 3: 'blue, "wool"\nscarf'}
    assert caplog.messages == [
        f"{path}: 1 rows are of items that {items.file} lacks",
        "2 of 4 items have a text",
    ]


def test_columns_one_after_the_other_and_ids_recognised(items, tmp_path):
    path = save(TABLE, tmp_path / "table.parquet")
    assert texts_of_table(items, path, ["brand", "text"], None) == {
        0: "red hat",
        1: "y",
        3: 'Übel blue, "wool"\nscarf',
    }


def test_whole_numbers_are_ids_too(shop, items, tmp_path):
    items.ids[:] = ["10", "7", "07", "1"]
    frame = pd.DataFrame({"item": [7, 10], "text": ["seven", "ten"]})
    path = save(frame, tmp_path / "table.parquet")
    assert texts_of_table(items, path, ["text"], "item") == {0: "ten", 1: "seven"}


@settings(max_examples=25, deadline=None)
@given(order=st.permutations(range(4)))
def test_the_order_of_the_rows_does_not_matter(order, tmp_path_factory):
    path = save(TABLE.iloc[order], tmp_path_factory.mktemp("order") / "table.csv")
    items = Items(path, ["a", "b", "c"], pd.DataFrame(), {}, {})
    assert texts_of_table(items, path, ["brand"], "asin") == {0: "y", 2: "Übel"}


def test_a_stray_quotation_mark_swallows_no_texts(items, tmp_path):
    path = tmp_path / "titles.tsv"
    path.write_text('item\ttitle\na\t"12 inch\nb\tplain\nc\tTV 32"\nd\t"say ""hi"""\n', "utf-8")
    assert texts_of_table(items, path, ["title"], None) == {
        0: "plain",
        1: '"12 inch',
        2: 'say "hi"',
        3: 'TV 32"',
    }


def replaced(**columns) -> pd.DataFrame:
    return TABLE.assign(**columns)


BAD_TABLES = {
    "no such column": (TABLE, ["txt"], "asin", "has no column 'txt': did you mean text"),
    "no such ids": (TABLE, ["text"], "sku", "has no column 'sku'"),
    "ids not recognised": (
        TABLE.rename(columns={"asin": "key"}),
        ["text"],
        None,
        "say with --item which column holds the item ids: its columns are text, brand, key",
    ),
    "an id twice": (replaced(asin=list("abcb")), ["text"], "asin", "one row for item 'b'; keep"),
    "ids of floats": (replaced(asin=[1.0, 2, 3, 4]), ["text"], "asin", "column asin holds floats"),
    "no text": (
        replaced(text=[[1], [2], [3], [4]]),
        ["text"],
        "asin",
        "column text holds values of type list<.*>, not text",
    ),
    "no rows": (TABLE.iloc[:0].astype(str), ["text"], "asin", "has no rows|not one item"),
    "other items": (replaced(asin=list("wxyz")), ["text"], "asin", "not one item of"),
}


@pytest.mark.parametrize("frame, columns, item, message", BAD_TABLES.values(), ids=BAD_TABLES)
def test_a_bad_table(items, tmp_path, frame, columns, item, message):
    path = save(frame, tmp_path / "table.parquet")
    with pytest.raises(ValueError, match=message):
        texts_of_table(items, path, columns, item)


def test_a_table_that_is_not_there(items, tmp_path):
    with pytest.raises(FileNotFoundError, match="none.csv does not exist"):
        texts_of_table(items, tmp_path / "none.csv", ["text"], None)


def test_few_words_are_not_reduced():
    rows = tfidf_rows(TEXTS, n_rows=5, width=128)
    expected = TfidfVectorizer().fit_transform(TEXTS.values()).toarray()
    assert rows.dtype == np.float32
    assert np.allclose(rows[list(TEXTS)], expected)
    assert not rows[[2, 4]].any()


def test_words_are_whatever_their_case_and_length():
    rows = tfidf_rows({0: "Übel x", 1: "übel X", 2: "y"}, n_rows=3, width=9)
    assert np.allclose(rows[0], rows[1])
    assert rows[0] @ rows[2] == 0
    assert rows.shape == (3, 3)


SENTENCES = {
    "Chinese": ("红色羊毛帽子", "蓝色羊毛帽子", "皮革手提包", ["红色", "色羊", "羊毛", "毛帽", "帽子"]),
    "Japanese": (
        "赤いウール帽子", "青いウール帽子", "革のバッグ",
        ["赤い", "いウ", "ウー", "ール", "ル帽", "帽子"],
    ),
    "Thai": ("หมวกขนสัตว์สีแดง", "หมวกขนสัตว์สีเขียว", "กระเป๋าหนัง", None),
}  # fmt: skip


@pytest.mark.parametrize("one, near, far, words", SENTENCES.values(), ids=SENTENCES)
def test_texts_without_spaces_have_words_in_common(one, near, far, words, caplog):
    with caplog.at_level(logging.INFO):
        rows = tfidf_rows({0: one, 1: near, 2: far}, n_rows=3, width=128)
    assert rows[0] @ rows[1] > 0.3 and rows[0] @ rows[2] < 0.1
    assert words is None or words_of(one) == words
    assert caplog.messages[1] == (
        "3 texts are in a script without spaces between words; there each pair of neighbouring "
        "characters counts as a word"
    )


@pytest.mark.parametrize(
    "text, words",
    [
        ("Übel x_1 2nd", ["übel", "x_1", "2nd"]),
        ("iPhone手机壳 5", ["iphone", "手机", "机壳", "5"]),
        ("茶", ["茶"]),
        ("हिन्दी किताब", ["हिन्दी", "किताब"]),
        ("e\u0301tude", ["e\u0301tude"]),
        ("빨간 모자", ["빨간", "모자"]),
        ("красная шляпа", ["красная", "шляпа"]),
        ("§ – !", []),
    ],
)
def test_words_of_any_script(text, words):
    assert words_of(text) == words


# In small letters, İ is an i and a mark.
@given(st.text(st.characters(max_codepoint=0x2FF, exclude_characters="İ")))
def test_words_of_latin_script_are_runs_of_letters_and_digits(text):
    assert words_of(text) == re.findall(r"\w+", text.lower())


def many_texts() -> dict[int, str]:
    rng = np.random.default_rng(0)
    return {row: " ".join(f"w{word}" for word in rng.integers(200, size=8)) for row in range(60)}


def test_many_words_are_reduced_and_angles_kept_as_well_as_can_be():
    texts = many_texts()
    rows = tfidf_rows(texts, n_rows=60, width=20)
    weights = TfidfVectorizer().fit_transform(texts.values()).toarray()
    _, singular, right = np.linalg.svd(weights)
    best = weights @ right[:20].T
    assert rows.shape == (60, 20)
    # The randomised SVD is not exact, so that it keeps a little less than the best.
    assert np.linalg.norm(rows) == pytest.approx(np.linalg.norm(best), rel=0.02)
    assert np.allclose(rows @ rows.T, best @ best.T, atol=0.2)


def test_the_same_texts_give_the_same_features():
    assert np.array_equal(tfidf_rows(many_texts(), 60, 20), tfidf_rows(many_texts(), 60, 20))


def test_more_columns_than_texts_hold(caplog):
    with caplog.at_level(logging.INFO):
        rows = tfidf_rows(many_texts(), n_rows=60, width=150)
    assert rows.shape == (60, 60)
    assert "60 columns: more than that, the texts do not hold" in caplog.messages


def test_texts_without_words():
    with pytest.raises(ValueError, match="hold no words"):
        tfidf_rows({0: "...", 1: "?"}, n_rows=2, width=4)


def test_longest_first():
    assert list(longest_first(TEXTS).items()) == [(3, TEXTS[3]), (0, TEXTS[0]), (1, TEXTS[1])]


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ValueError, match=r"pip install recbole-slmrec\[text\]; without --model"):
        SentenceEncoder("all-MiniLM-L6-v2")
