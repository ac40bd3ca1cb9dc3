"""Files of recommendations and files of ids: nothing is lost, nothing is half there."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from recbole_slmrec.recommend import output
from recbole_slmrec.recommend.output import write
from recbole_slmrec.recommend.read import read_ids, read_pairs

# What str.splitlines takes for the end of a line, and no file of lines does.
BREAKS = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
ODD = ['a,"b"', "é/1", "007", "None", f"a{BREAKS}b", BREAKS, ' "', "7 "]


def frames() -> list[pd.DataFrame]:
    first = pd.DataFrame(
        {
            "user": np.array(ODD, dtype=object),
            "item": np.array(ODD[::-1], dtype=object),
            "rank": np.array([1, 2] * 4, dtype=np.int32),
            "score": np.array([0.1, -1e-7, 123456.79, 2 / 3] * 2, dtype=np.float32),
        }
    )
    return [first.iloc[:0], first, first.iloc[:1]]


def read(path) -> pd.DataFrame:
    if path.suffix == ".csv":
        return pd.read_csv(path, dtype={"user": str, "item": str}, keep_default_na=False)
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pandas()
    return pd.DataFrame([json.loads(line) for line in path.read_text("utf-8").splitlines()])


@pytest.mark.parametrize("rows_per_group", [1, 1000])
@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_what_is_written_is_read_again(tmp_path, monkeypatch, ending, rows_per_group):
    monkeypatch.setattr(output, "_ROWS_PER_GROUP", rows_per_group)
    path = tmp_path / f"recs.{ending}"
    assert write(frames(), path) == len(ODD) + 1
    found, expected = read(path), pd.concat(frames(), ignore_index=True)
    for column in ("user", "item", "rank"):
        assert list(found[column]) == list(expected[column])
    assert (found["score"].to_numpy().astype(np.float32) == expected["score"].to_numpy()).all()


def test_parquet_is_written_in_large_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(output, "_ROWS_PER_GROUP", 2 * len(ODD))
    write([frames()[1]] * 5, tmp_path / "recs.parquet")
    assert pq.ParquetFile(tmp_path / "recs.parquet").metadata.num_row_groups == 3


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_failure_on_the_way_leaves_the_old_file(tmp_path, ending):
    def failing():
        yield frames()[1]
        raise ValueError("broken")

    path = tmp_path / f"recs.{ending}"
    path.write_text("old")
    with pytest.raises(ValueError, match="broken"):
        write(failing(), path)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_where_it_cannot_be_written_is_told(tmp_path):
    with pytest.raises(ValueError, match="recs.xlsx must end in .csv, .jsonl, .parquet"):
        write(frames(), tmp_path / "recs.xlsx")
    with pytest.raises(FileNotFoundError, match="there is no folder \\[.*no\\] to write recs.csv"):
        write(frames(), tmp_path / "no" / "recs.csv")


def test_ids_are_read_a_line_each(tmp_path):
    path = tmp_path / "users.txt"
    path.write_bytes("\ufeffu1\r\n\n  u 2 \nu,3".encode())
    assert read_ids(path) == ["u1", "  u 2 ", "u,3"]
    path.write_text("\n")
    with pytest.raises(ValueError, match="users.txt is empty: it must hold one id a line"):
        read_ids(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="users.txt is not text in UTF-8"):
        read_ids(path)


def test_any_id_of_a_line_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "users.txt"
    path.write_text("".join(f"{each}\n" for each in ODD), encoding="utf-8", newline="\n")
    assert read_ids(path) == ODD


def test_pairs_are_read_from_what_recommend_wrote_and_from_atomic_files(tmp_path):
    write(frames(), tmp_path / "recs.csv")
    expected = [(row.user, row.item) for frame in frames() for row in frame.itertuples()]
    assert read_pairs(tmp_path / "recs.csv") == expected
    path = tmp_path / "made.inter"
    path.write_text('user_id:token\titem_id:token\trating:float\nu"1\ti,1\t3\n')
    assert read_pairs(path) == [('u"1', "i,1")]
    path.write_text("u1\nu2\n")
    with pytest.raises(ValueError, match="made.inter, line 1: 'u1' is no pair of user and item"):
        read_pairs(path)
    path.write_text("u1\ti1\nu2\n")
    with pytest.raises(ValueError, match="made.inter: line 2 has 1 fields, where the header has 2"):
        read_pairs(path)
    with pytest.raises(FileNotFoundError, match="there is no file \\[.*seen\\]"):
        read_pairs(tmp_path / "seen")
