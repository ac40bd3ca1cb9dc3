"""Fields of items are read as they stand, for any items in any order."""

from __future__ import annotations

import pytest

from recbole_slmrec.data.item_fields import ItemFields
from tests.made import write

SETTINGS = {"field_separator": "\t", "encoding": "utf-8"}


@pytest.fixture
def fields(tmp_path) -> ItemFields:
    file = tmp_path / "shop.item"
    header = ["item_id:token", "title:token_seq", "price:float"]
    write(file, header, [("01", 'A "b" c', "1.50"), ("NA", "", "x"), ("01", "again", "2")])
    return ItemFields(file, "item_id", SETTINGS)


def test_texts_in_the_order_of_the_items(fields):
    assert fields.check("--show", ["price", "title"]) == {"price": "float", "title": "token_seq"}
    found = fields.read(["price", "title"], ["NA", "none", "01", "NA"])
    assert found.to_dict("list") == {
        "price": ["x", "", "1.50", "x"],
        "title": ["", "", 'A "b" c', ""],
    }
    assert fields.read(["item_id"], ["01"]).values.tolist() == [["01"]]
    assert fields.read([], ["01", "NA"]).shape == (2, 0)


def test_what_is_not_there_is_named_with_the_flag(fields, tmp_path):
    with pytest.raises(
        ValueError, match=r"--title: .*shop.item has no field \[titel\]: did you mean t"
    ):
        fields.check("--title", ["titel"])
    missing = ItemFields(tmp_path / "none.item", "item_id", SETTINGS)
    with pytest.raises(ValueError, match="--show: there is no .*none.item, where the fields of it"):
        missing.check("--show", ["title"])
    assert missing.check("--show", []) == {} and missing.read([], ["01"]).shape == (1, 0)


def test_a_damaged_file_is_named(fields):
    with fields.file.open("a", encoding="utf-8") as file:
        file.write("02\ttoo\tmany\tcells\n")
    with pytest.raises(ValueError, match="shop.item: line 5 has 4"):
        fields.read(["title"], ["01"])
