"""What the guides start from, made up: a shop's tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

WORDS = "old new blue red green running walking shoe lamp chair of wood steel".split()


def make_shop(folder: Path) -> None:
    """Writes ``orders.csv``, ``products.csv``, ``picture.csv`` and what belongs to them into ``folder``."""
    rng = np.random.default_rng(0)
    users = [f"u{number:03}" for number in range(60)]
    items = [f"B{number:04}" for number in range(40)]
    orders = [
        (user, item, int(rng.integers(2, 6)), 1_700_000_000 + int(rng.integers(10**7)))
        for user in users
        for item in rng.choice(items, size=12, replace=False)
    ]
    columns = ["user_id", "product_id", "stars", "timestamp"]
    pd.DataFrame(orders, columns=columns).to_csv(folder / "orders.csv", index=False)
    write_texts(folder / "products.csv", items, rng)
    _features(items[:-4], rng).to_csv(folder / "picture.csv", index=False)
    (folder / "features").mkdir()
    _features(["new1", "new2", "new3"], rng).to_csv(
        folder / "features" / "picture.csv", index=False
    )
    pairs = "user,item\nanna,B0003\nanna,B0007\nben,B0020\n"
    (folder / "pairs.csv").write_text(pairs, encoding="utf-8")


def write_texts(path: Path, items: list[str], rng: np.random.Generator) -> None:
    """A table of a title and a description for each item."""
    texts = [
        (item, " ".join(rng.choice(WORDS, 4)), " ".join(rng.choice(WORDS, 6))) for item in items
    ]
    columns = ["product_id", "title", "description"]
    pd.DataFrame(texts, columns=columns).to_csv(path, index=False)


def _features(items: list[str], rng: np.random.Generator) -> pd.DataFrame:
    return features_table("product_id", items, rng.normal(size=(len(items), 8)))


def features_table(column: str, items: list[str], values: np.ndarray) -> pd.DataFrame:
    """A row of numbers for each item, whose id stands in ``column``."""
    frame = pd.DataFrame(values, columns=[f"x{n}" for n in range(values.shape[1])])
    frame.insert(0, column, items)
    return frame
