"""The page: one file with its data, style and script inside, which opens from a disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recbole_slmrec.data.files import whole_file
from recbole_slmrec.pages import render


def write_page(data: dict[str, Any], path: Path) -> int:
    """Writes what :func:`~recbole_slmrec.explore.data.gather` gives; the file appears when it is whole.

    Returns:
        Its size in bytes.

    Raises:
        WriteError: if it cannot be written.
    """
    names = " and ".join(model["name"] for model in data["models"])
    content = render("explore.html", data=data, names=names).encode()
    with whole_file(path) as partial:
        partial.write_bytes(content)
    return len(content)
