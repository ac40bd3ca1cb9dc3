"""The notebooks of examples/, copied to where Sphinx reads them; it runs them."""

from __future__ import annotations

import shutil
from pathlib import Path


def copy(app) -> None:
    """Copies them beside the other pages, before they are read."""
    target = Path(app.srcdir, "examples")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for notebook in Path(app.srcdir).parent.glob("examples/*.ipynb"):
        shutil.copyfile(notebook, target / notebook.name)


def setup(app) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("builder-inited", copy)
    return {"parallel_read_safe": True}
