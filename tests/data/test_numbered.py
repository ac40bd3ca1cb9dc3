"""Tables of numbered users and items are read, and errors name the line."""

from __future__ import annotations

import pytest

from recbole_slmrec.data.numbered import check_rows, read_lines, whole_numbers


@pytest.fixture
def path(tmp_path):
    return tmp_path / "table.csv"


def test_lines_are_counted_through_header_and_blank_lines(path):
    path.write_text("user,item\n3,4\n\n5,6\n\n", encoding="utf-8")
    table = read_lines(path, ",", header=0)
    assert table.index.tolist() == [2, 4]
    assert whole_numbers(table["user"], path).tolist() == [3, 5]
    table = read_lines(path, ",", header=None)
    assert table.index.tolist() == [1, 2, 4]
    with pytest.raises(ValueError, match="table.csv: line 1 has item in the column 1"):
        whole_numbers(table[1], path)


def test_whole_numbers_come_out_as_int64_whatever_they_are_written_as(path):
    path.write_text("user\n3\n4.0\n2147483647\n", encoding="utf-8")
    numbers = whole_numbers(read_lines(path, ",", header=0)["user"], path)
    assert numbers.dtype == "int64"
    assert numbers.tolist() == [3, 4, 2**31 - 1]


@pytest.mark.parametrize("value", ["2.5", "-1", "2147483648", "1e30", "inf", "one"])
def test_the_line_with_another_value_is_named(path, value):
    path.write_text(f"user\n3\n\n{value}\n4\n", encoding="utf-8")
    column = read_lines(path, ",", header=0)["user"]
    with pytest.raises(ValueError, match="table.csv: line 4 has .* in the column user, where a"):
        whole_numbers(column, path)


def test_quotation_marks_are_characters_like_any_other(path):
    path.write_text('user,note\n1,"a\n2,b"\n', encoding="utf-8")
    table = read_lines(path, ",", header=0)
    assert table["note"].tolist() == ['"a', 'b"']


@pytest.mark.parametrize("header", [0, None])
def test_a_byte_order_mark_is_none_of_the_text(path, header):
    path.write_text("\ufeff7,8\n3,4\n", encoding="utf-8")
    table = read_lines(path, ",", header)
    assert [str(name) for name in table] == (["7", "8"] if header == 0 else ["0", "1"])
    assert table.to_numpy().tolist() == [[7, 8], [3, 4]][header == 0 :]


def test_an_item_without_a_row_is_named(path):
    path.write_text("item\n0\n\n3\n4\n", encoding="utf-8")
    items = whole_numbers(read_lines(path, ",", header=0)["item"], path)
    check_rows(items, 5, path)
    with pytest.raises(ValueError, match="line 4 has 3 in the column item.*the items 0 to 2; get"):
        check_rows(items, 3, path)


def test_empty_and_missing_files_are_named(path):
    with pytest.raises(FileNotFoundError, match="table.csv"):
        read_lines(path, ",", header=None)
    path.touch()
    with pytest.raises(ValueError, match="table.csv is empty"):
        read_lines(path, ",", header=None)
