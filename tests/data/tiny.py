"""A tiny data set in a folder of its own, read through RecBole's own Config."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from recbole.config import Config

from recbole_slmrec.data.dataset import MultimodalDataset


class Tiny:
    """Atomic files of a data set ``tiny`` under ``root``, and what is made of them."""

    def __init__(self, root: Path):
        self.root = root
        self.folder = root / "tiny"
        self.folder.mkdir()

    def write(self, suffix: str, header: str, rows: list[tuple]) -> None:
        lines = [header.split(), *rows]
        text = "".join("\t".join(map(str, line)) + "\n" for line in lines)
        (self.folder / f"tiny.{suffix}").write_text(text, encoding="utf-8")

    def items(self, *rows: tuple | str, header: str = "item_id:token") -> None:
        self.write("item", header, [(row,) if isinstance(row, str) else row for row in rows])

    def inter(self, *pairs: tuple[str, str], suffix: str = "inter") -> None:
        self.write(suffix, "user_id:token item_id:token", list(pairs))

    def save(self, file: str, array: np.ndarray) -> None:
        np.save(self.folder / file, array)

    def dataset(self, item_modalities: dict | None, **settings) -> MultimodalDataset:
        config_dict = {
            "data_path": str(self.root),
            "load_col": {"inter": ["user_id", "item_id"], "item": "*"},
            "item_modalities": item_modalities,
            **settings,
        }
        return MultimodalDataset(Config(model="BPR", dataset="tiny", config_dict=config_dict))
