"""The trained checkpoints, beside a copy of their data whose items have titles, some of them in HTML."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.made import write
from tests.trained import home  # noqa: F401

NASTY = "</script><script>alert(1)</script><img src=x onerror=alert(2)> & \"'"


@pytest.fixture
def shop(home, empty_folder, tmp_path) -> Path:  # noqa: F811
    """The working directory, with ``dataset/made`` and ``saved/``.

    Items have a ``title``, that of i7 being NASTY and that of i8 missing, a ``class`` of two tokens
    and a ``price``. They are no part of what a checkpoint notes of its data.
    """
    shutil.copytree(home / "dataset", "dataset")
    shutil.copytree(home / "saved", "saved")
    file = tmp_path / "dataset" / "made" / "made.item"
    ids = file.read_text(encoding="utf-8").splitlines()[1:]
    header = ["item_id:token", "title:token_seq", "class:token_seq", "price:float"]
    titles = {"i7": NASTY, "i8": ""}
    write(
        file,
        header,
        [
            (item, titles.get(item, f"The {item} of all"), f"{'abc'[n % 3]} z", f"{n}.5")
            for n, item in enumerate(ids)
        ],
    )
    return tmp_path
