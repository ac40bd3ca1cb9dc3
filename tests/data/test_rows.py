"""What counts as a row of a text table, and when a quotation mark is one of CSV's."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recbole_slmrec.data.rows import Rows, line_of, look_through, parsed, unquoted


def _rows(text: str, separator: str = ",") -> tuple[Rows, list[list[str]]]:
    """What is found in a table, and its rows below the header."""

    def open_text():
        return io.StringIO(text)

    rows = look_through(open_text, separator)
    return rows, [fields for _, fields in parsed(open_text, separator, rows.quoted)][1:]


def test_a_mark_that_opens_and_never_closes_is_part_of_a_text():
    rows, fields = _rows('id,title\n1,"Stray\n2,b\n3,c\n')
    assert rows == Rows(3, marked=True)
    assert fields == [["1", '"Stray'], ["2", "b"], ["3", "c"]]


def test_a_mark_that_another_rows_mark_would_close_is_part_of_a_text():
    rows, fields = _rows('id,title\n1,"Stray\n2,b\n3,TV 32"\n4,"d"\n')
    assert rows == Rows(4, doubtful=[(2, 4)], marked=True)
    assert rows.warnings("t.csv") == [
        "t.csv: lines 2 to 4 are read as rows, though a field in quotation marks could go on over "
        "them; if it does, take the line breaks out of the text"
    ]
    assert fields == [["1", '"Stray'], ["2", "b"], ["3", 'TV 32"'], ["4", "d"]]


@pytest.mark.parametrize("text", ['5" nail', '"Rock" and roll', 'say "hi"', '"'])
def test_marks_inside_and_before_more_text_stay(text):
    rows, fields = _rows(f"id,title\n1,{text}\n2,b\n")
    assert rows.n == 2 and not rows.problem
    assert fields == [["1", text], ["2", "b"]]


def test_fields_of_csv_may_hold_separators_marks_and_line_breaks():
    rows, fields = _rows('id,title\n1,"a, b"\n2,"say ""hi"""\n3,"one\ntwo"\n')
    assert rows == Rows(3, quoted=True, marked=True)
    assert fields == [["1", "a, b"], ["2", 'say "hi"'], ["3", "one\ntwo"]]


def test_a_row_of_several_lines_that_could_each_be_one_is_doubtful():
    rows, fields = _rows('id,title\n1,"a, b"\n2,"Stray\n3,c\n4,TV 32"\n')
    assert (rows.n, rows.quoted, rows.doubtful) == (2, True, [(3, 5)])
    assert rows.warnings("t.csv") == [
        "t.csv: lines 3 to 5 are read as one row, for a field in quotation marks goes on over "
        "them, and could be rows; if the mark in line 3 is part of a text, double it"
    ]
    assert fields[1] == ["2", "Stray\n3,c\n4,TV 32"]


@pytest.mark.parametrize(
    "text, problem",
    [
        ("id,title\n1,a\n2\n", "line 3 has 1 fields, where the header has 2"),
        ("id,title\n\n1,a,x\n", "line 3 has 3 fields, where the header has 2"),
        ('id,title\n1,"a, b"\n2,"c\nd",e\n', "line 3 has 3 fields, where the header has 2"),
        (
            'id,title\n1,"a, b"\n2,"Stray" one\n',
            "a field in quotation marks that begins in line 3 does not end as in CSV (',' expected "
            "after '\"', line 3); double each mark that is part of a text",
        ),
        (
            'id,title\n1,"a, b"\n2,"Stray\n3,c\n',
            "a field in quotation marks that begins in line 3 does not end as in CSV (unexpected "
            "end of data, line 4); double each mark that is part of a text",
        ),
    ],
)
def test_what_is_no_row_is_named_by_its_line(text, problem):
    assert _rows(text)[0].problem == problem


def test_blank_lines_are_no_rows():
    rows, fields = _rows("\nid,title\n\n1,a\n   \n2,b\n\n")
    assert rows == Rows(2)
    assert fields == [["1", "a"], ["2", "b"]]
    assert _rows("id\n\na\n \nb")[0] == Rows(2)


def test_only_line_breaks_end_a_line():
    rows, fields = _rows("id,title\n1,a\x0bb\x1cc\x85d\u2028e\u2029f\n")
    assert rows == Rows(1)
    assert fields == [["1", "a\x0bb\x1cc\x85d\u2028e\u2029f"]]


def test_a_row_below_the_header_has_a_line():
    text = 'id,title\n\n1,"a\nb"\n2,"c, d"\n'
    assert [line_of(lambda: io.StringIO(text), ",", True, row) for row in (0, 1)] == [3, 5]


@pytest.mark.parametrize(
    "content, encoding, problem",
    [
        (b"id,title\n1,\xc3\xa9\n\n2,\xe9\n", "utf-8-sig", "line 4 is no text in UTF-8"),
        ("id\n\ud800".encode("utf-16", "surrogatepass"), "utf-16", "it is no text in UTF-16"),
    ],
)
def test_what_is_no_text_is_named_by_its_line(tmp_path, content, encoding, problem):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    assert look_through(lambda: path.open(encoding=encoding), ",") == Rows(0, problem=problem)


def test_a_nul_is_seen():
    assert _rows("id,title\n1,a\n2,b\0\n")[0].nul == 3


def test_longer_separators_leave_marks_as_they_are():
    rows, fields = _rows('id::title\n1::"a\n2::b\n', "::")
    assert rows == Rows(2, marked=True)
    assert fields == [["1", '"a'], ["2", "b"]]


texts = st.text(st.sampled_from('ab",\n '), max_size=5)


@given(st.lists(st.tuples(texts, texts), max_size=6), st.sampled_from([0, 1]))
def test_what_a_writer_of_csv_has_written_is_read_as_it_was(table, quoting):
    """Unless it is doubtful, for its lines could be rows."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n", quoting=quoting)
    writer.writerows([("id", "title"), *table])
    rows, fields = _rows(target.getvalue())
    assert not rows.problem
    if not rows.doubtful:
        assert fields == [list(row) for row in table]


@given(st.text(st.sampled_from('ab"'), max_size=6))
def test_what_encloses_a_field_is_taken_off(field):
    doubled = field.replace('"', '""')
    assert unquoted(f'"{doubled}"') == field
