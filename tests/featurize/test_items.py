"""The items are read in file order, with the settings that a run would take."""

from __future__ import annotations

import re

import pytest

from recbole_slmrec.featurize.items import read_items
from tests.made import write


def test_rows_fields_and_types(items, shop):
    assert items.ids == ["b", "a", "d", "c"]
    assert items.fields["title"].to_list() == ["red wool hat", "red shoes", "", "blue wool scarf"]
    assert items.types == {"item_id": "token", "title": "token_seq", "length": "float"}
    assert (items.file, items.declaration) == (shop / "shop.item", shop / "shop.yaml")


def test_ids_that_pandas_takes_for_nothing_stay(shop):
    write(shop / "shop.item", ["item_id:token"], [("NA",), ("01",), ("null",)])
    assert read_items("shop", shop.parent).ids == ["NA", "01", "null"]


def test_a_byte_order_mark_and_stray_quotation_marks_change_nothing(shop):
    text = '\ufeffitem_id:token\ttitle:token_seq\n1\t"12 inch\n2\tTV 32"\n3\t"a ""b"""\n'
    (shop / "shop.item").write_text(text, encoding="utf-8")
    items = read_items("shop", shop.parent)
    assert items.ids == ["1", "2", "3"]
    assert items.fields["title"].to_list() == ['"12 inch', 'TV 32"', 'a "b"']


def test_the_data_set_s_own_settings_win(shop):
    (shop / "shop.yaml").write_text('field_separator: ","\nITEM_ID_FIELD: sku\n')
    (shop / "shop.item").write_text("name:token_seq,sku:token\nhat,7\n")
    items = read_items("shop", shop.parent)
    assert (items.ids, items.settings["ITEM_ID_FIELD"]) == (["7"], "sku")
    assert items.settings["load_col"] == {"inter": ["user_id", "item_id"]}


def test_ml_100k_must_be_copied_first(tmp_path):
    with pytest.raises(ValueError, match="from inside its own package.*Copy it") as error:
        read_items("ml-100k", tmp_path)
    sources = re.findall(r"cp (\S+)", str(error.value))
    assert [open(source).readline()[:7] for source in sources] == ["user_id", "item_id"]


def test_a_data_set_that_is_not_there(shop):
    with pytest.raises(
        FileNotFoundError, match=r"no data set \[shopp\].*did you mean shop\?.*prep"
    ):
        read_items("shopp", shop.parent)


BAD_FILES = {
    "no rows": ("item_id:token\n", "shop.item has no rows"),
    "an id twice": ("item_id:token\na\nb\na\n", "more than one row for item 'a'"),
    "no ids": ("title:token\na\n", "has no field item_id; its fields are title"),
    "no type": ("item_id\na\n", "its first line has 'item_id', where a field is written name:type"),
    "rows too long": ("item_id:token\na\nb\tc\n", "line 3 has 2 fields, where the header has 1"),
}


@pytest.mark.parametrize("text, message", BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_item_file(shop, text, message):
    (shop / "shop.item").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_items("shop", shop.parent)


def test_no_item_file(shop):
    (shop / "shop.item").unlink()
    with pytest.raises(FileNotFoundError, match="shop.item does not exist; write one row"):
        read_items("shop", shop.parent)
