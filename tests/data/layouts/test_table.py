"""One's own tables: columns, ids as they stand, features by id, and what a damaged file says."""

from __future__ import annotations

import csv
import gzip
import io
import logging
import re
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_slmrec.data.layouts import Matrix, Reading, Source, Words
from recbole_slmrec.data.layouts.table import LAYOUT

FLOAT = re.compile(r"[-+]?(\d+\.\d*|\.\d+)([eE][-+]?\d+)?")
# What RecBole's files cannot hold, and the mark that may open a UTF-8 file.
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\t\n\r\0\ufeff")
IDS = st.one_of(
    st.text(CHARACTERS, min_size=1, max_size=6),
    st.sampled_from(["007", "7", "NA", "nan", "null", " a b ", '"', "a,b", "1e5", "-0", "é", "狐"]),
).filter(lambda name: not FLOAT.fullmatch(name))
SEPARATORS = {".csv": ",", ".tsv": "\t"}


def write(path: Path, columns: dict[str, list]) -> Path:
    """Writes a table in the format that the file's name says."""
    if path.suffix == ".parquet":
        pa.parquet.write_table(pa.table(columns), path)
        return path
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, delimiter=SEPARATORS[path.suffix])
        rows.writerow(columns)
        rows.writerows(zip(*columns.values()))
    return path


def read(source: Path, **reading) -> Source:
    return LAYOUT.read(source, Reading(**reading))


def pairs(source: Source, split: str = "all") -> list[tuple[str, str]]:
    """The ids of a split's interactions."""
    frame = source.interactions[split]
    return list(zip(source.users[frame["user"]], source.items[frame["item"]]))


def vectors(source: Source, modality: str) -> dict[str, list[float]]:
    """The vector of each item that has one."""
    matrix = source.features[modality]
    return {
        item: matrix.values[row].tolist()
        for item, row in zip(source.items, matrix.rows)
        if row >= 0
    }


@pytest.fixture
def folder(tmp_path) -> Path:
    """Four interactions of the users u1, u2 with the items 10, 011, "NA"."""
    write(
        tmp_path / "interactions.csv",
        {"user_id": ["u1", "u2", "u1", "u1"], "item_id": ["10", "011", "NA", "10"]},
    )
    return tmp_path


@settings(max_examples=40, deadline=None)
@given(
    pairs_=st.lists(st.tuples(IDS, IDS), min_size=1, max_size=12),
    strangers=st.lists(IDS, max_size=3),
    suffix=st.sampled_from([".csv", ".tsv", ".parquet"]),
    data=st.data(),
)
def test_every_id_keeps_its_text_and_every_item_its_vector(pairs_, strangers, suffix, data):
    seen = list(dict.fromkeys(item for _, item in pairs_))
    known = {*data.draw(st.lists(st.sampled_from(seen), min_size=1)), *strangers}
    ids = data.draw(st.permutations(sorted(known)))
    values = np.random.default_rng(len(ids)).normal(size=(len(ids), 3)).astype(np.float32)
    expected = {item: row.tolist() for item, row in zip(ids, values) if item in seen}
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        users, items = map(list, zip(*pairs_))
        write(path / f"interactions{suffix}", {"user": users, "item": items})
        columns = {f"c{k}": [float(value) for value in values[:, k]] for k in range(3)}
        write(path / f"columns{suffix}", {"item": ids, **columns})
        lists = {"item": ids, "vector": values.tolist()}
        write(path / "lists_features.parquet", lists)
        for modality in ("text", "table", "array"):
            np.save(path / f"{modality}_feat.npy", values.astype(np.float16))
        (path / "text_feat.ids.txt").write_text("".join(f"{item}\n" for item in ids), "utf-8")
        with (path / "table_feat.ids.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([["item_id"], *([item] for item in ids)])
        np.save(path / "array_feat.ids.npy", np.array(ids))
        source = read(path)
        assert source.layout == "table"
        assert pairs(source) == pairs_
        assert source.items.tolist() == seen
        assert source.users.tolist() == list(dict.fromkeys(users))
        assert list(source.features) == ["array", "columns", "lists", "table", "text"]
        assert vectors(source, "columns") == vectors(source, "lists") == expected
        halves = {item: np.float16(row).tolist() for item, row in expected.items()}
        for modality in ("text", "table", "array"):
            assert vectors(source, modality) == halves
            assert isinstance(source.features[modality].values, np.memmap)
            assert source.features[modality].file == f"{modality}.npy"
        surplus = len(known - set(seen))
        for remark in source.remarks[1:]:
            assert (
                f" has {len(expected)} of {len(seen)} items (missing: {len(seen) - len(expected)}; "
                f"left out, not in the interactions: {surplus})" in remark
            )


@settings(max_examples=30, deadline=None)
@given(
    words=st.lists(st.tuples(st.sampled_from(["10", "011", "x"]), IDS), max_size=12),
    suffix=st.sampled_from([".csv", ".tsv", ".parquet"]),
)
def test_word_lists_keep_each_pair_and_number_the_sorted_words(words, suffix):
    words = [*words, ("10", "wave"), ("x", "nobody's"), ("10", "wave")]
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        write(path / "interactions.csv", {"user": ["a", "a"], "item": ["10", "011"]})
        items, texts = map(list, zip(*words))
        write(path / f"caption{suffix}", {"item": items, "word": texts})
        source = read(path)
    kept = [(item, word) for item, word in words if item != "x"]
    vocabulary = sorted({word for _, word in kept})
    found = source.features["caption"]
    assert isinstance(found, Words)
    assert found.file == "caption_words.npy"
    assert [
        (source.items[item], vocabulary[word]) for item, word in zip(found.items, found.words)
    ] == kept
    assert f"{len(kept)} words of a vocabulary of {len(vocabulary)} for" in source.remarks[1]
    assert "left out, not in the interactions: 1)" in source.remarks[1]


@pytest.mark.parametrize(
    "user, item, rating, time",
    [
        ("user", "item", "rating", "timestamp"),
        ("User ID", "movie_id", "Score", "ts"),
        ("visitorid", "ProductId", "stars", "Date"),
        ("uid", "parent_asin", "overall", "unix-time"),
        ("user_id:token", "item_id:token", "rating:float", "timestamp:float"),
    ],
)
def test_usual_names_of_columns_are_known(tmp_path, user, item, rating, time):
    columns = {time: [9, 8], "extra": ["x", "y"], item: [5, 6], rating: [1.5, 2], user: [1, 1]}
    source = read(write(tmp_path / "any.csv", columns))
    assert pairs(source) == [("1", "5"), ("1", "6")]
    frame = source.interactions["all"]
    assert frame.dtypes.astype(str).to_dict() == {
        "user": "int64",
        "item": "int64",
        "rating": "float64",
        "timestamp": "float64",
    }
    assert frame["rating"].tolist() == [1.5, 2.0]
    assert frame["timestamp"].tolist() == [9.0, 8.0]
    names = [name.split(":")[0] for name in (user, item, rating, time)]
    assert source.remarks == [
        "columns of any.csv: user is {}, item is {}, rating is {}, time is {}".format(*names)
    ]


def test_an_atomic_file_of_recbole_is_a_table(tmp_path):
    text = "user_id:token\titem_id:token\trating:float\nu\ti 1\t3\n"
    (tmp_path / "mine.inter").write_text(text)
    assert LAYOUT.matches(tmp_path)
    source = read(tmp_path)
    assert pairs(source) == [("u", "i 1")]
    assert source.interactions["all"]["rating"].tolist() == [3.0]


def test_columns_may_be_given(tmp_path):
    columns = {"user_id": [1], "who": [2], "what": [3], "item_id": [4], "how": [5], "when": [6]}
    path = write(tmp_path / "any.parquet", columns)
    source = read(path, user="who", item="what", rating="how", time="when")
    assert pairs(source) == [("2", "3")]
    assert source.interactions["all"][["rating", "timestamp"]].values.tolist() == [[5.0, 6.0]]


@pytest.mark.parametrize(
    "times, seconds",
    [
        (["1600000000", "1600000000123"], [1600000000, 1600000000123]),
        (["1970-01-02", "1970-01-01T00:01:00"], [86400, 60]),
        (["1970-01-01T00:00:00Z", "1970-01-01 01:00:00.25+01:00"], [0, 0.25]),
        ([5, 7], [5, 7]),
        ([0.5, 7.0], [0.5, 7]),
        (pd.to_datetime(["1970-01-02T00:00:00.0", "1970-01-01T00:00:00.5"]), [86400, 0.5]),
        (pd.to_datetime(["1970-01-02"] * 2).tz_localize("Asia/Tokyo"), [54000, 54000]),
        (pd.to_datetime(["1970-01-02", "1969-12-31"]).date, [86400, -86400]),
    ],
)
def test_times_are_numbers_or_dates(tmp_path, times, seconds):
    columns = {"user": [1, 1], "item": [1, 2], "time": times}
    source = read(write(tmp_path / "a.parquet", columns))
    assert source.interactions["all"]["timestamp"].tolist() == seconds
    if isinstance(times, list):
        source = read(write(tmp_path / "a.csv", columns))
        assert source.interactions["all"]["timestamp"].tolist() == seconds


@pytest.mark.parametrize("name", ["split", "x_label", "x_label:float"])
@pytest.mark.parametrize("train, valid, test", [("train", "val", "Test"), (0, 1, 2)])
def test_a_column_of_splits_is_kept(tmp_path, name, train, valid, test):
    columns = {"user": list("abab"), "item": list("wxyz"), name: [test, train, valid, train]}
    path = write(tmp_path / "a.csv", columns)
    source = read(path)
    assert list(source.interactions) == ["train", "valid", "test"]
    assert pairs(source, "train") == [("b", "x"), ("b", "z")]
    assert pairs(source, "valid") == [("a", "y")]
    assert pairs(source, "test") == [("a", "w")]
    assert source.interactions["train"].index.tolist() == [0, 1]


def test_a_validation_split_may_be_lacking(tmp_path):
    columns = {"user": ["a", "b"], "item": ["x", "y"], "split": ["train", "test"]}
    assert list(read(write(tmp_path / "a.csv", columns)).interactions) == ["train", "test"]


def test_parquet_keeps_whole_numbers_and_categories(tmp_path):
    frame = pd.DataFrame({"user": [2**60 + 1, -1], "item": pd.Categorical(["b", "a"])})
    frame.to_parquet(tmp_path / "a.parquet")
    assert pairs(read(tmp_path)) == [(str(2**60 + 1), "b"), ("-1", "a")]


def test_ids_are_those_of_the_file_in_any_format(tmp_path):
    for suffix in (".csv", ".tsv", ".parquet"):
        columns = {"user": ["1", "01"], "item": ["a", "None"]}
        source = read(write(tmp_path / f"x{suffix}", columns))
        assert pairs(source) == [("1", "a"), ("01", "None")]
    (tmp_path / "x.txt").write_text("user\titem\r\n1\ta\r\n\r\n01\tNone\r\n", encoding="utf-8-sig")
    assert pairs(read(tmp_path / "x.txt")) == [("1", "a"), ("01", "None")]


def test_numbers_of_any_kind_become_features(folder):
    columns = {
        "item_id": [10, 11],
        "whole": [2**40, 3],
        "half": np.array([0.5, 1], np.float16),
        "yes": [True, False],
        "list": [[1.0, 2.0], [3.0, 4.0]],
        "fixed": pa.array([[5, 6], [7, 8]], pa.list_(pa.int8(), 2)),
    }
    write(folder / "all.parquet", columns)
    source = read(folder)
    assert vectors(source, "all") == {"10": [2.0**40, 0.5, 1, 1, 2, 5, 6]}
    assert source.features["all"].values.dtype == np.float32


def test_a_table_of_many_batches_is_aligned(tmp_path):
    # More than 1 MiB of text and more than 65,536 rows.
    n_items = 70_000
    order = np.random.default_rng(0).permutation(n_items)
    names = np.char.add("a rather long name of the item ", np.arange(n_items).astype(str))
    write(tmp_path / "interactions.parquet", {"user": names, "item": names})
    write(tmp_path / "a.parquet", {"item": names[order], "x": order, "y": list(order[:, None])})
    write(tmp_path / "b.csv", {"item": names[order].tolist(), "x": order.tolist()})
    features = read(tmp_path).features
    for matrix in features.values():
        assert np.array_equal(matrix.values[matrix.rows, 0], np.arange(n_items))


def test_the_numbering_that_pandas_writes_is_no_feature(folder, caplog):
    frame = pd.DataFrame({"item_id": ["011", "10"], "0": [0.5, 1], "1": [2, 3]}, index=[7, 8])
    frame.to_csv(folder / "a.csv")
    frame.to_parquet(folder / "b.parquet")
    frame.set_index("item_id").to_parquet(folder / "c.parquet")
    frame.to_csv(folder / "d.csv")
    pd.read_csv(folder / "d.csv", dtype={"item_id": str}).to_csv(folder / "d.csv")
    pd.read_csv(folder / "d.csv", dtype={"item_id": str}).to_csv(folder / "d.csv")
    frame.reset_index().to_csv(folder / "e.csv", index=False)
    frame.reset_index().to_parquet(folder / "f.parquet", index=False)
    frame.reset_index().rename(columns={"index": "level_0"}).to_csv(folder / "g.csv")
    with caplog.at_level(logging.INFO):
        source = read(folder)
    for modality in "abcdefg":
        assert vectors(source, modality) == {"011": [0.5, 2], "10": [1, 3]}
    assert (
        "d.csv: '', 'Unnamed: 0.1', 'Unnamed: 0' is left out, for pandas calls the numbers of rows "
        "so; name it otherwise if it is a feature" in caplog.messages
    )
    assert [it.split()[1] for it in caplog.messages if it[0] in "ef"] == ["'index'", "'index'"]


@pytest.mark.parametrize("values", [[0.5, 1], [-1, 0], ["1e0", "2"]])
def test_an_index_that_is_no_numbering_is_a_feature(folder, values):
    write(folder / "a.csv", {"item_id": ["011", "10"], "index": values, "x": [2, 3]})
    expected = {"011": [float(values[0]), 2], "10": [float(values[1]), 3]}
    assert vectors(read(folder), "a") == expected


def test_a_numbering_beside_words_is_no_word(folder):
    write(folder / "tags.csv", {"index": [0, 1], "item_id": ["10", "011"], "word": ["b", "a"]})
    words = read(folder).features["tags"]
    assert (words.items.tolist(), words.words.tolist()) == ([0, 1], [1, 0])


@pytest.mark.parametrize("first", [0, 1])
def test_a_column_that_counts_the_rows_under_another_name_is_warned_of(tmp_path, first, caplog):
    items = [f"i{k}" for k in range(12)]
    write(tmp_path / "interactions.csv", {"user": ["u"] * 12, "item": items})
    columns = {"no": list(range(first, first + 12)), "x": [0.5, *range(11)]}
    write(tmp_path / "a.csv", {"item": items, **columns})
    assert read(tmp_path).features["a"].values.shape == (12, 2)
    assert [message for message in caplog.messages if "counts" in message] == [
        f"{tmp_path / 'a.csv'}: column no counts the rows, and beside it the others weigh nothing; "
        "take it out of the file if it is no feature"
    ]


def test_named_features_are_the_only_ones(folder):
    np.save(folder / "lost.npy", np.ones((2, 2)))
    write(folder / "table.csv", {"item_id": ["10"], "x": [1]})
    source = read(folder, features={"sound": "table.csv"})
    assert vectors(source, "sound") == {"10": [1.0]}
    assert list(source.features) == ["sound"]
    alone = read(folder / "interactions.csv", features={"sound": "table.csv"})
    assert vectors(alone, "sound") == {"10": [1.0]}
    assert read(folder / "interactions.csv").features == {}


def test_the_item_column_of_the_interactions_is_that_of_features(tmp_path):
    write(tmp_path / "a.csv", {"user": ["u"], "thing": ["t"]})
    write(tmp_path / "f.csv", {"thing": ["t"], "item_id": [3]})
    source = read(tmp_path / "a.csv", item="thing", features={"f": "f.csv"})
    assert vectors(source, "f") == {"t": [3.0]}


def test_tables_without_features_are_left_out_and_said(folder):
    write(folder / "users.csv", {"user_id": ["u1"], "age": [3]})
    write(folder / "clicks.csv", {"user_id": ["u1"], "item_id": ["10"], "n": [3]})
    write(folder / "titles.csv", {"item_id": ["10", "x"], "year": [1], "title": ["One"]})
    write(folder / "list.csv", {"item_id": ["10"]})
    (folder / "README.txt").write_text("hello")
    source = read(folder)
    assert source.features == {}
    assert source.remarks[1:] == [
        "clicks.csv is left out: its column user_id speaks of users",
        "list.csv is left out: it has no column beside the items",
        "titles.csv is left out: its column title holds no numbers; `python -m recbole_slmrec "
        "featurize` makes features of text",
        "users.csv is left out: it has no column that is known as the item; its columns are "
        "user_id, age",
        "README.txt is left out: features are read from .npy and .pt with ids beside them, and "
        "from .csv, .tsv and .parquet with a column of items",
    ]
    with pytest.raises(
        ValueError, match="modality t: .*titles.csv holds no features: its column t"
    ):
        read(folder, features={"t": "titles.csv"})


def test_files_of_other_kinds_are_said_to_be_left_out(folder):
    np.savez(folder / "sound.npz", np.ones((2, 2)))
    (folder / "photos").mkdir()
    np.save(folder / "image.npy", np.ones((1, 2)))
    (folder / "image.ids.txt").write_text("10\n")
    (folder / ".hidden").touch()
    source = read(folder)
    assert list(source.features) == ["image"]
    assert source.remarks[-1].startswith("photos, sound.npz is left out: features are read from")
    for number in range(12):
        (folder / f"{number:02}.jpg").touch()
    remark = read(folder).remarks[-1]
    assert remark.startswith("00.jpg, 01.jpg, 02.jpg, 03.jpg, 04.jpg and 9 more is left out")


def test_packed_tables_of_features_are_read_like_others(folder):
    text = "item_id;x\n10;1\n011;2,5\n".replace(",", ".")
    (folder / "image_feat.csv.gz").write_bytes(gzip.compress(text.encode("utf-16")))
    source = read(folder)
    assert vectors(source, "image") == {"10": [1.0], "011": [2.5]}


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.txt"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_that_of_the_header(tmp_path, name, separator):
    text = "user,item,time\na,x y,2020-01-01\nb,z,2020-01-02\n".replace(",", separator)
    (tmp_path / name).write_text(text)
    source = read(tmp_path / name)
    assert pairs(source) == [("a", "x y"), ("b", "z")]
    usual = SEPARATORS.get(name[1:], "\t") == separator
    assert (f"columns of {name}:" in source.remarks[0]) == usual
    assert (f"columns of {name} (separated by {separator!r}):" in source.remarks[0]) != usual


def test_the_columns_of_amazon_s_reviews_are_known(tmp_path):
    columns = {"reviewerID": ["a"], "asin": ["x"], "overall": [5.0]}
    times = {"unixReviewTime": [1385000000], "reviewTime": ["11 21, 2013"]}
    path = write(tmp_path / "a.csv", columns | times)
    source = read(path)
    assert source.remarks == [
        "columns of a.csv: user is reviewerID, item is asin, rating is overall, time is "
        "unixReviewTime"
    ]
    assert source.interactions["all"]["timestamp"].tolist() == [1385000000]
    with pytest.raises(ValueError, match="'11 21, 2013' .* name another column with --time"):
        read(path, time="reviewTime")


def test_ids_in_two_forms_are_warned_of(folder, caplog):
    write(folder / "interactions.csv", {"user": ["u", "u ", "w"], "item": ["7", "7.0", "8"]})
    write(folder / "image.csv", {"item": ["7", "8.0", "9.0"], "x": [1, 2, 3]})
    assert vectors(read(folder), "image") == {"7": [1.0]}
    where = folder / "interactions.csv"
    assert caplog.messages == [
        f"{where}: column user: 1 id(s) may be others in another form ('u' and 'u '); each counts "
        "as one of the users, so write it in one form if it is one",
        f"{where}: column item: 1 id(s) may be others in another form ('7' and '7.0'); each counts "
        "as one of the items, so write it in one form if it is one",
        f"{folder / 'image.csv'}: 1 id(s) may be others in another form ('8' and '8.0'), of the "
        "interactions and of this file, and are left out; write an id in one form everywhere",
    ]


@pytest.mark.parametrize("ending, kind", [("csv", ""), ("inter", ":token")])
def test_a_second_header_is_refused(tmp_path, ending, kind):
    head = f"user_id{kind},item_id{kind},rating\n"
    text = f"{head}a,x,1\nb,item_id,2\n{head}c,y,3\n"
    path = tmp_path / f"a.{ending}"
    path.write_text(text.replace(",", "\t") if ending == "inter" else text)
    with pytest.raises(ValueError, match=f"a.{ending} has the header again in row 4 .*take the ro"):
        read(path)


def test_a_feature_file_lies_in_the_source_or_where_a_shell_finds_it(tmp_path):
    shop = tmp_path / "shop"
    shop.mkdir()
    write(shop / "interactions.csv", {"user": ["u"], "item": ["10"]})
    write(shop / "table.csv", {"item": ["10"], "x": [1]})
    # The working directory is tmp_path.
    for file in ("table.csv", "shop/table.csv", str(shop / "table.csv")):
        assert vectors(read(shop, features={"v": file}), "v") == {"10": [1.0]}
    write(tmp_path / "table.csv", {"item": ["10"], "x": [2]})
    with pytest.raises(ValueError, match="--feature table.csv may be .*/table.csv or /"):
        read(shop, features={"v": "table.csv"})
    with pytest.raises(FileNotFoundError, match="whose file is looked for in .* and from here"):
        read(shop, features={"v": "none.csv"})


def test_interactions_are_found_by_name_or_by_their_columns(tmp_path):
    write(tmp_path / "items.csv", {"item": ["x"], "f": [1]})
    write(tmp_path / "log.tsv", {"user": ["a"], "item": ["x"]})
    assert vectors(read(tmp_path), "items") == {"x": [1.0]}
    write(tmp_path / "odd.csv", {"who": ["b"], "item": ["x"]})
    assert pairs(read(tmp_path, user="who")) == [("b", "x")]
    write(tmp_path / "old.csv", {"user": ["c"], "item": ["x"]})
    with pytest.raises(ValueError, match="2 tables that may be the interactions: log.tsv, old.csv"):
        read(tmp_path)
    write(tmp_path / "interactions.parquet", {"user": ["d"], "item": ["x"]})
    assert pairs(read(tmp_path)) == [("d", "x")]


def test_what_looks_like_a_table(tmp_path):
    assert not LAYOUT.matches(tmp_path)
    (tmp_path / "notes.txt").write_text("hello")
    assert not LAYOUT.matches(tmp_path)
    assert LAYOUT.matches(tmp_path / "notes.txt")
    assert not LAYOUT.matches(tmp_path / "missing.csv")
    (tmp_path / "a.CSV").write_text("user,item\n1,2\n")
    assert LAYOUT.matches(tmp_path)


def text_of(columns: dict[str, list]) -> str:
    """A CSV file's text."""
    file = io.StringIO()
    pd.DataFrame(columns).to_csv(file, index=False)
    return file.getvalue()


GOOD = {"user": ["a", "b"], "item": ["x", "y"]}
BAD_TABLES = {
    "empty": ("", "is empty; a header"),
    "no interactions": ("user,item\n", "has columns, but no interactions"),
    "no header": ("1,2,5.0\n1,3,4.0\n", "seems to have no header: its first row is 1, 2, 5.0; put"),
    "no user": (
        text_of({"who": ["a"], "item": ["x"]}),
        "no column that is known as the user. Say which it is with --user=COLUMN; its columns are "
        "who, item",
    ),
    "no item": (text_of({"user": ["a"], "itm_id": ["x"]}), r"as the item: did you mean itm_id\? S"),
    "two users": (
        text_of({"user": ["a"], "uid": ["a"], "item": ["x"]}),
        "2 .*user: user, uid; say",
    ),
    "one name twice": ("user,item,item\n1,2,3\n", "more than one column 'item'"),
    "floats": (
        text_of({**GOOD, "user": [1.0, 1.5]}),
        r"column user holds floats \(1.0 in row 2 \(the header is row 1\)\)",
    ),
    "float items": (text_of({**GOOD, "item": [1.0, 1.5]}), "column item holds floats"),
    "an empty id": ("user,item\na,x\n,y\n", "column user holds an empty id, in row 3"),
    "a tab": ('user,item\na,x\nb,"y\tz"\n', r"the id 'y\\tz', with a tab, .* in row 3"),
    "a line break": ('user,item\na,"x\n"\n', r"the id 'x\\n', .* in row 2"),
    "a short row": ("user,item\na,x\nb\n", "line 3 has 1 fields, where the header has 2"),
    "a long row": ("user,item\na,x\nb,y,z\n", "line 3 has 3 fields, where the header has 2"),
    "not UTF-8": (
        b"user,n,item\n" + b"a,1,x\n" * 300_000 + b"b,1,\xe9\n",
        "line 300002 is no text in UTF-8.*save it anew, in",
    ),
    "header not UTF-8": (b"user,item,\xe9\na,x,1\n", "line 1 is no text in UTF-8"),
    "a mark amid CSV's": (
        'user,item,n\na,"x, y",1\nb,"z" z,2\n',
        "a field in quotation marks that begins in line 3 does not end as in CSV",
    ),
    "rating text": (
        text_of({**GOOD, "rating": ["1", "good"]}),
        "column rating holds 'good' in row 3 .*not a number",
    ),
    "rating missing": (text_of({**GOOD, "rating": [1, None]}), "rating holds '' in row 3"),
    "rating NaN": ("user,item,rating\na,x,nan\n", "rating holds 'nan' in row 2"),
    "mixed times": (text_of({**GOOD, "time": ["2020-01-01", "7"]}), "'7' in row 3 .*an ISO date"),
    "a date too much": (text_of({**GOOD, "time": ["7", "2020-01-01"]}), "'2020-.*not a number"),
    "no date": (text_of({**GOOD, "time": ["01/02/2020", "x"]}), "'01/02/2020' in row 2"),
    "unknown split": (text_of({**GOOD, "split": ["train", "x"]}), "split holds 'x' in row 3"),
    "no test": (text_of({**GOOD, "split": ["train", "valid"]}), "no row with test; mark some"),
    "no Parquet": (b"PAR1", "cannot be read as the table that its name promises"),
}


@pytest.mark.parametrize("text, match", BAD_TABLES.values(), ids=BAD_TABLES)
def test_a_bad_table_is_named(tmp_path, text, match):
    path = tmp_path / ("a.parquet" if text == b"PAR1" else "a.csv")
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=f"{re.escape(str(path))}.*{match}"):
        read(path)


def test_stray_quotation_marks_swallow_no_rows(tmp_path, caplog):
    rows = ['a,x,"12 inch', "b,y,plain", 'c,"z",TV 32"', 'd,x,"say ""hi"""']
    path = tmp_path / "interactions.csv"
    path.write_text("\n".join(["user,item,note", *rows]), encoding="utf-8")
    source = read(path)
    assert source.users.tolist() == list("abcd")
    assert source.items.tolist() == list("xyz")
    assert not caplog.messages


@pytest.mark.parametrize(
    "columns, match",
    [
        ({"user": [1.0, 1.5], "item": [1, 2]}, r"user holds floats \(1.0 in row 1 \(counting from"),
        ({"user": [1, None], "item": [1, 2]}, "user holds nothing in row 2"),
        ({"user": [b"a", b"b"], "item": [1, 2]}, "values of type binary; text or whole numbers"),
        ({**GOOD, "rating": [1.0, None]}, "rating holds None in row 2"),
        ({**GOOD, "time": pd.to_datetime(["2020-01-01", None])}, "time holds None in row 2"),
    ],
)
def test_a_bad_parquet_table_is_named(tmp_path, columns, match):
    with pytest.raises(ValueError, match=match):
        read(write(tmp_path / "a.parquet", columns))


def test_a_misspelt_flag_gets_the_nearest_column(folder):
    with pytest.raises(
        ValueError, match=r"no column 'usr_id': did you mean user_id\?; its columns"
    ):
        read(folder, user="usr_id")
    with pytest.raises(
        ValueError, match="one column cannot be two things, but user is item_id, it"
    ):
        read(folder, user="item_id")


def test_missing_files_are_named(folder):
    with pytest.raises(FileNotFoundError, match="gone does not exist"):
        read(folder / "gone")
    with pytest.raises(
        FileNotFoundError, match="modality a: .*a.npy does not exist; correct --fea"
    ):
        read(folder, features={"a": "a.npy"})
    (folder / "interactions.csv").unlink()
    with pytest.raises(FileNotFoundError, match="no table with a column of users and one of items"):
        read(folder)


def save(folder: Path, values: np.ndarray, ids: list | np.ndarray | None = None) -> None:
    np.save(folder / "v.npy", values)
    if ids is not None:
        np.save(folder / "v.ids.npy", np.array(ids))


def truncated(folder: Path) -> None:
    save(folder, np.ones((3, 4)), ["10", "011", "NA"])
    whole = (folder / "v.npy").read_bytes()
    (folder / "v.npy").write_bytes(whole[:-1])


def both_ids(folder: Path) -> None:
    save(folder, np.ones((1, 2)), ["10"])
    (folder / "v.ids.txt").write_text("10\n")


def ids_table(folder: Path) -> None:
    save(folder, np.ones((1, 2)))
    (folder / "v.ids.csv").write_text("row,id\n0,10\n")


def table(columns: dict[str, list], suffix: str = ".csv"):
    return lambda folder: write(folder / f"v{suffix}", columns)


BAD_FEATURES = {
    "no ids": (
        lambda it: save(it, np.ones((3, 2))),
        "v.npy has no file of item ids beside it; rows are matched with items by id, never by "
        r"their order, so put the id of each row, one a line, into v.ids.txt \(or v.ids.csv, or an",
    ),
    "two files of ids": (both_ids, "v.npy has v.ids.txt and v.ids.npy beside it"),
    "a table as ids": (ids_table, "v.ids.csv has more than one column in row 1"),
    "too few ids": (lambda it: save(it, np.ones((3, 2)), ["10"]), "1 ids, and .* has 3 rows"),
    "floats as ids": (
        lambda it: save(it, np.ones((1, 2)), [1.5]),
        r"holds floats \(1.5 in entry 1",
    ),
    "bytes as ids": (lambda it: save(it, np.ones((1, 2)), [b"a"]), r"holds \|S1 of shape \(1,\)"),
    "an empty id": (lambda it: save(it, np.ones((2, 2)), ["10", ""]), "an empty id, in entry 2"),
    "truncated": (truncated, "modality v: .*v.npy cannot be read"),
    "a vector": (lambda it: save(it, np.ones(1), ["10"]), r"in the shape \(1,\)"),
    "an id twice": (
        lambda it: save(it, np.ones((4, 2)), ["10", "a", "10", "a"]),
        "v.ids.npy has the id '10' more than once: in entry 1 .* and entry 3",
    ),
    "a row twice": (
        table({"item_id": ["a", "10", "10"], "x": [1, 2, 3]}),
        r"column item_id has the id '10' more than once: in row 3 .* and row 4 \(the header",
    ),
    "other ids": (
        table({"item_id": ["11", "12"], "x": [1, 2]}),
        "v.csv has features of '11' and 1 others, and the interactions name '10' and 2 others, but",
    ),
    "text": (
        table({"item_id": ["10", "011"], "x": [1, "?"]}),
        "column x, row 3: .*invalid value '?",
    ),
    "nothing": (
        table({"item_id": ["10", "011"], "x": [1, 2], "y": [1, ""]}),
        "column y holds nothing, NaN or what is infinite in float32 in row 3",
    ),
    "NaN": (table({"item_id": ["10"], "x": ["nan"]}), "column x holds nothing, NaN .* in row 2"),
    "too large": (table({"item_id": ["10"], "x": [1e39]}), "column x .* infinite in float32"),
    "NaN in a list": (
        table({"item_id": ["10", "a"], "x": [[1.0, 2.0], [1.0, None]]}, ".parquet"),
        r"column x\[1\] holds nothing, NaN .* in row 2 \(counting from 1\)",
    ),
    "ragged lists": (
        table({"item_id": ["10", "a"], "x": [[1.0, 2.0], [1.0]]}, ".parquet"),
        "column x holds a list of 1 numbers in row 2 .*; all need one length, here 2",
    ),
    "an empty list": (
        table({"item_id": ["10"], "x": pa.array([[]], pa.list_(pa.float32()))}, ".parquet"),
        "column x holds a list of 0 numbers in row 1",
    ),
    "a list for nobody": (
        table({"item_id": ["10", "a"], "x": [[1.0], None]}, ".parquet"),
        "column x holds a list of 0 numbers in row 2",
    ),
    "no rows": (table({"item_id": [], "x": []}), "v.csv has columns, but no rows"),
    "no words": (table({"item_id": [], "word": []}), "v.csv has columns, but no rows"),
    "two modalities v": (
        lambda it: [table({"item_id": ["10"], "x": [1]}, suffix)(it) for suffix in SEPARATORS],
        r"v.csv and .*v.tsv would both be the modality v; say which with --feature v=FILE",
    ),
}


@pytest.mark.parametrize("spoil, match", BAD_FEATURES.values(), ids=BAD_FEATURES)
def test_bad_features_are_named(folder, spoil, match):
    spoil(folder)
    with pytest.raises(ValueError, match=match):
        read(folder)


def test_words_beside_other_columns_are_no_list(folder):
    write(folder / "tags.csv", {"item_id": ["10"], "token": ["a"], "count": [3]})
    message = "a list of words has an item and a word in a row, and not token, count"
    assert f"tags.csv is left out: {message}" in read(folder).remarks
    with pytest.raises(ValueError, match=f"modality tags: .*{message}"):
        read(folder, features={"tags": "tags.csv"})


def test_a_matrix_stays_in_its_file(folder):
    save(folder, np.arange(8, dtype=np.float32).reshape(4, 2), ["NA", "b", "011", "c"])
    torch.save(torch.arange(8.0).reshape(4, 2), folder / "w_feat.pt")
    shutil.copy(folder / "v.ids.npy", folder / "w_feat.ids.npy")
    source = read(folder)
    for modality in "vw":
        matrix = source.features[modality]
        assert isinstance(matrix, Matrix)
        assert matrix.rows.tolist() == [-1, 2, 0]
        assert vectors(source, modality) == {"011": [4, 5], "NA": [0, 1]}
    assert isinstance(source.features["v"].values, np.memmap)
