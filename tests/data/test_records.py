"""What a command keeps for the next one is read as it was written, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recbole_slmrec.data.records import read_record, write_record

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)
CONTENTS = st.dictionaries(st.text().filter(lambda key: key != "digest"), VALUES, max_size=4)


@given(CONTENTS)
def test_it_comes_back(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("kept") / "a.json"
    write_record(path, content)
    assert read_record(path, "remove it") == content


@given(st.data())
def test_any_other_byte_is_told(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("kept") / "a.json"
    content = {"score": 0.125, "name": "a", "list": [1, 2]}
    write_record(path, content)
    text = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(text) - 1))
    text[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte != text[place]))
    path.write_bytes(text)
    try:
        # Blanks between the values say nothing.
        assert read_record(path, "remove it") == content
    except ValueError as error:
        assert str(error) == f"{path} is damaged, was changed, or is of another version; remove it"


@pytest.mark.parametrize("text", ["", "{}", "null", "[1]", '"digest"', "[" * 100_000])
def test_what_is_no_record_is_told(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"a\.json is damaged, .*; choose another"):
        read_record(path, "choose another")
