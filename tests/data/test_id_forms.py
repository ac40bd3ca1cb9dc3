"""Which ids are probably one thing, and which are not."""

from __future__ import annotations

import pytest

from recbole_slmrec.data.id_forms import common_form, in_two_forms, told


@pytest.mark.parametrize(
    "one, other",
    [("7", "7.0"), ("-7", "-7.00"), ("7", "7 "), ("é", "e\u0301"), ("a b", "\u00a0a b\u2028")],
)
def test_forms_of_one_thing(one, other):
    assert common_form(one) == common_form(other)
    assert in_two_forms(["x", one, "y", other]) == [(one, other)]


@pytest.mark.parametrize("one, other", [("7", "007"), ("B1", "b1"), ("7.0", "7.5"), ("v1.0", "v1")])
def test_different_things(one, other):
    assert common_form(one) != common_form(other)
    assert in_two_forms([one, other]) == []


def test_they_are_told_by_examples():
    assert told([]) == ""
    pairs = [(str(k), f"{k}.0") for k in range(1200)]
    assert told(pairs) == (
        "1,200 id(s) may be others in another form ('0' and '0.0', '1' and '1.0', '2' and '2.0')"
    )
