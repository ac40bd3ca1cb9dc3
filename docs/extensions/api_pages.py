"""The reference of the package: a page for each of its folders, made of the docstrings."""

from __future__ import annotations

import pkgutil
import re
from pathlib import Path

import recbole_slmrec

PACKAGE = recbole_slmrec.__name__

_HEAD = """# The package

What the modules say of themselves. Most callers need {{py:mod}}`recbole_slmrec.quick_start`, which trains and
evaluates, and {{py:class}}`recbole_slmrec.recommend.recommender.Recommender`, which asks a trained model.

```{{toctree}}
:maxdepth: 1

{pages}
```
"""


def modules_by_folder() -> dict[str, list[str]]:
    """The dotted names of the package's modules, by the dotted name of their folder."""
    folders: dict[str, list[str]] = {PACKAGE: []}
    for module in pkgutil.walk_packages(recbole_slmrec.__path__, f"{PACKAGE}."):
        last = module.name.rpartition(".")[2]
        if last.startswith("_") or module.name == f"{PACKAGE}.properties":
            continue
        if module.ispkg:
            folders[module.name] = [module.name]
        else:
            folders[module.name.rpartition(".")[0]].append(module.name)
    return folders


def write(app) -> None:
    """Writes the pages into the folder ``reference``, before they are read."""
    target = Path(app.srcdir, "reference")
    target.mkdir(exist_ok=True)
    folders = modules_by_folder()
    for folder, modules in folders.items():
        parts = [f"# {folder}\n"]
        parts += [_section(module, with_title=module != folder) for module in modules]
        (target / f"{folder}.md").write_text("".join(parts), encoding="utf-8")
    (target / "index.md").write_text(_HEAD.format(pages="\n".join(folders)), encoding="utf-8")


def _section(module: str, with_title: bool) -> str:
    title = f"\n## {module.removeprefix(f'{PACKAGE}.')}\n" if with_title else ""
    return f"{title}\n```{{eval-rst}}\n.. automodule:: {module}\n```\n"


def escape(app, what, name, thing, options, lines) -> None:
    """The bars of ``|I|`` and the like are bars, and no substitutions."""
    lines[:] = [re.sub(r"(?<!`)\|", r"\\|", line) for line in lines]


def skip(app, what, name, thing, would_skip, options) -> bool | None:
    """A named tuple's fields are described in its docstring, not by Python's own words."""
    return True if str(thing.__doc__).startswith("Alias for field number") else None


def setup(app) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("builder-inited", write)
    app.connect("autodoc-process-docstring", escape)
    app.connect("autodoc-skip-member", skip)
    return {"parallel_read_safe": True}
