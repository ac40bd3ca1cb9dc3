"""Every row of an atomic file is read, or the file, the line and the remedy are named."""

from __future__ import annotations

import logging
import re

import numpy as np
import pytest
from recbole.config import Config
from recbole.data import create_dataset

from recbole_slmrec.data.dataset import MultimodalDataset

MODELS = ("SLMRec", "LightGCN", "SASRec")
HEADER = "user_id:token item_id:token rating:float timestamp:float"
ROWS = [("u", "r", 5, 30), ("u", "p", 4, 10), ("w", "q", 3, 20), ("w", "r", 2, 40)]


def _dataset(tiny, model="LightGCN", **settings):
    config_dict = {"data_path": str(tiny.root), "load_col": None, "train_neg_sample_args": None}
    config_dict["eval_args"] = {"order": "TO", "split": {"LS": "valid_and_test"}}
    return create_dataset(Config(model=model, dataset="tiny", config_dict=config_dict | settings))


def _rows(dataset) -> list[tuple[str, str]]:
    feat = dataset.inter_feat
    ids = (dataset.id2token(field, feat[field].to_numpy()) for field in ("user_id", "item_id"))
    return list(zip(*(side.tolist() for side in ids)))


@pytest.fixture
def shop(tiny):
    tiny.write("inter", HEADER, ROWS)
    tiny.items(("p", "12 inch"), ("q", "b"), ("r", "c d"), header="item_id:token title:token_seq")
    return tiny


def _replace(shop, suffix: str, old: str, new: str) -> None:
    path = shop.folder / f"tiny.{suffix}"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize("model", MODELS)
def test_stray_quotation_marks_swallow_no_rows(shop, model):
    shop.write("inter", HEADER + " note:token_seq", [
        ("u", "r", 5, 30, '"12 inch'), ("u", "p", 4, 10, "b"),
        ("w", "q", 3, 20, 'TV 32"'), ("w", '"r"', 2, 40, 'a 5" nail'),
    ])  # fmt: skip
    dataset = _dataset(shop, model)
    assert _rows(dataset) == [row[:2] for row in ROWS]
    notes = [dataset.id2token("note", row).tolist() for row in dataset.inter_feat["note"]]
    assert notes == [['"12', "inch"], ["b"], ["TV", '32"'], ["a", '5"', "nail"]]


def test_what_pandas_has_quoted_is_read_as_it_was(shop):
    _replace(shop, "item", "12 inch", '"12"" pan"')
    _replace(shop, "item", "c d", '"c\td"')
    dataset = _dataset(shop)
    titles = dict(zip(dataset.item_feat["item_id"], dataset.item_feat["title"]))
    words = {
        item: dataset.id2token("title", titles[dataset.token2id("item_id", item)]).tolist()
        for item in "pqr"
    }
    assert words == {"p": ['12"', "pan"], "q": ["b"], "r": ["c\td"]}


def test_lines_that_may_be_a_row_or_rows_are_warned_of(shop, caplog):
    _replace(shop, "item", "12 inch", '"12 inch')
    _replace(shop, "item", "c d", 'c d"')
    with caplog.at_level(logging.WARNING):
        assert _dataset(shop).item_num == 4
    (message,) = [it for it in caplog.messages if "quotation" in it]
    assert message.startswith(f"{shop.folder}/tiny.item: lines 2 to 4 are read as rows, though")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("encoding", [None, "utf-8", "utf8"])
def test_a_byte_order_mark_is_none_of_the_text(shop, model, encoding):
    for suffix in ("inter", "item"):
        path = shop.folder / f"tiny.{suffix}"
        path.write_text("\ufeff" + path.read_text(encoding="utf-8"), encoding="utf-8")
    dataset = _dataset(shop, model, **({"encoding": encoding} if encoding else {}))
    assert _rows(dataset) == [row[:2] for row in ROWS]


def test_another_encoding_is_taken(shop):
    path = shop.folder / "tiny.item"
    path.write_text(path.read_text().replace("c d", "Übel"), encoding="latin-1")
    assert "Übel" in _dataset(shop, encoding="latin-1").field2token_id["title"]


DAMAGES = {
    "no id": ("inter", "user_id", "User_ID", "it has no field user_id: did you mean User_ID?; its"),
    "no type": ("inter", "user_id:token", "user_id", "its first line has 'user_id', where a field"),
    "blanks": ("inter", "rating:float", "rating: float", "its first line has 'rating: float'"),
    "short": ("inter", "u\tp\t4\t10", "u\tp\t4", "line 3 has 3 fields, where the header has 4"),
    "long": ("inter", "u\tp\t4\t10", "u\tp\t4\t1\t0", "line 3 has 5 fields, where the header has"),
    "a NUL": ("inter", "u\tp", "u\0\tp", "line 3 has a NUL character; take it out"),
    "the header again": ("item", "q\tb", "item_id:token\ttitle:token_seq", "line 3 has the header"),
    "a date": (
        "inter", "\t10", "\t2024-05-31T08:15:00",
        "line 3 has '2024-05-31T08:15:00' as timestamp, which is a float; write a time as a number",
    ),
    "a word": ("inter", "\t4\t", "\tgood\t", "line 3 has 'good' as rating, which is a float; corr"),
    "no time": ("inter", "\t10", "\t", "line 3 has no timestamp; write it, or take timestamp out"),
    "NaN": ("inter", "\t10", "\tnan", "line 3 has no timestamp; write it, or take timestamp out"),
    "endless": ("inter", "\t10", "\t1e999", "line 3 has '1e999' as timestamp, which is a flo"),
    "infinite": ("inter", "\t4\t", "\t-inf\t", "line 3 has '-inf' as rating, which is a float"),
    "commas": (
        "item", "title:token_seq\np\t12 inch", "title:float_seq\np\t0.1,0.2",
        "line 2 has '0.1,0.2' as title, which is a float_seq; separate its numbers by a space",
    ),
    "a mark": (
        "item", 'q\tb\nr\tc d', '"q\tx"\tb\nr\t"c" d',
        "a field in quotation marks that begins in line 4 does not end as in CSV",
    ),
}  # fmt: skip


@pytest.mark.parametrize("model", ["SLMRec", "LightGCN"])
@pytest.mark.parametrize("suffix, old, new, told", DAMAGES.values(), ids=DAMAGES)
def test_a_damage_is_told_with_file_and_line(shop, model, suffix, old, new, told):
    _replace(shop, suffix, old, new)
    with pytest.raises(ValueError, match=re.escape(f"{shop.folder}/tiny.{suffix}: {told}")):
        _dataset(shop, model)


def test_what_is_no_text_is_told_with_file_and_line(shop):
    (shop.folder / "tiny.item").write_bytes(b"item_id:token\ttitle:token_seq\np\ta\nq\t\xe9\n")
    with pytest.raises(ValueError, match="tiny.item: line 3 is no text in UTF-8; save it anew"):
        _dataset(shop)


def test_an_id_that_is_not_loaded_is_told(shop):
    with pytest.raises(ValueError, match="its field item_id is not loaded; add it to load"):
        _dataset(shop, load_col={"inter": ["user_id", "timestamp"]})


def test_a_field_to_load_that_is_not_there_is_told(shop):
    with pytest.raises(ValueError, match=r"it has no field ratings: did you mean rating\?"):
        _dataset(shop, load_col={"inter": ["user_id", "item_id", "ratings"]})


def test_interactions_that_are_left_out_are_counted(shop, caplog):
    _replace(shop, "inter", "w\tq", "w\tnone")
    shop.write("user", "user_id:token", [("u",), ("w",)])
    rows = _rows(_dataset(shop))
    assert len(rows) == 3 and ("w", "none") not in rows
    assert (
        "1 of 4 interactions are left out, for the .user or .item file has no row of their user or item, "
        "first (w, none)" in caplog.text
    )
    caplog.clear()
    assert len(_rows(_dataset(shop, filter_inter_by_user_or_item=False))) == 4
    assert "left out" not in caplog.text


def test_an_alias_of_no_field_is_told(shop):
    with pytest.raises(
        ValueError, match=r"alias_of_item_id: \[titel\] is no field of ids: did you mean"
    ):
        _dataset(shop, alias_of_item_id=["titel"])


@pytest.mark.parametrize("suffix", ["inter", "item"])
def test_a_file_without_rows_is_told(shop, suffix):
    path = shop.folder / f"tiny.{suffix}"
    path.write_text(path.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    with pytest.raises(
        ValueError, match=rf"tiny\.{suffix}: it has a header and no rows; write them"
    ):
        _dataset(shop)


def test_fields_that_are_not_loaded_may_be_anything(shop):
    _replace(shop, "inter", "\t4\t10", "\tgood\t")
    assert len(_rows(_dataset(shop, load_col={"inter": ["user_id", "item_id"]}))) == len(ROWS)


def test_numbers_that_recbole_makes_up_are_warned_of(shop, caplog):
    _replace(shop, "inter", "\t4\t", "\t\t")
    with caplog.at_level(logging.WARNING):
        dataset = _dataset(shop)
    assert dataset.inter_feat["rating"].tolist() == pytest.approx([5, 10 / 3, 3, 2])
    (message,) = [it for it in caplog.messages if "rating" in it]
    assert message == (
        f"{shop.folder}/tiny.inter: 1 of 4 rows have no rating, first line 3; RecBole takes the "
        "mean of the others for it"
    )


@pytest.mark.parametrize("cell", ["", "NA"])
def test_a_row_without_an_id_is_told_where_recbole_would_not(tiny, cell):
    for split in ("train", "valid", "test"):
        tiny.inter(("u", "r"), (cell, "p"), suffix=f"{split}.inter")
    tiny.items("p", "r")
    with pytest.raises(ValueError, match="tiny.train.inter: line 3 has no user_id"):
        _dataset(tiny, benchmark_filename=["train", "valid", "test"])


def test_blank_lines_are_passed_over(shop):
    _replace(shop, "inter", "u\tp", "\n  \nu\tp")
    _replace(shop, "item", "q\tb", "\nq\tb")
    assert _rows(_dataset(shop)) == [row[:2] for row in ROWS]


def test_longer_separators_are_read_as_before(shop):
    for suffix in ("inter", "item"):
        path = shop.folder / f"tiny.{suffix}"
        path.write_text(path.read_text().replace("\t", "::"))
    assert _rows(_dataset(shop, field_separator="::")) == [row[:2] for row in ROWS]


def test_features_keep_their_rows_beside_marks(shop, by_token):
    shop.items(("p", '"a'), ("q", 'b"'), ("r", "c"), header="item_id:token title:token_seq")
    shop.save("v.npy", np.eye(3))
    config_dict = {"data_path": str(shop.root), "item_modalities": {"v": "v.npy"}}
    config_dict["load_col"] = {"inter": ["user_id", "item_id"], "item": "*"}
    dataset = MultimodalDataset(Config(model="BPR", dataset="tiny", config_dict=config_dict))
    assert by_token(dataset) == {"p": [1, 0, 0], "q": [0, 1, 0], "r": [0, 0, 1]}
