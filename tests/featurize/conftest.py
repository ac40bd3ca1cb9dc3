"""A shop of four items, b, a, d and c in that order, three of them with a title."""

from __future__ import annotations

from pathlib import Path

import pytest

from recbole_slmrec.featurize.items import Items, read_items
from tests.made import write

TITLES = {"b": "red wool hat", "a": "red shoes", "d": "", "c": "blue wool scarf"}


@pytest.fixture
def shop(tmp_path) -> Path:
    """Its folder, where the default ``data_path`` finds it; it has no shop.yaml."""
    folder = tmp_path / "dataset" / "shop"
    folder.mkdir(parents=True)
    pairs = [("u", "a"), ("u", "b"), ("w", "c"), ("w", "a"), ("w", "d")]
    write(folder / "shop.inter", ["user_id:token", "item_id:token"], pairs)
    rows = [(item, title, str(len(title))) for item, title in TITLES.items()]
    write(folder / "shop.item", ["item_id:token", "title:token_seq", "length:float"], rows)
    return folder


@pytest.fixture
def items(shop) -> Items:
    """The items of the shop."""
    return read_items("shop", shop.parent)
