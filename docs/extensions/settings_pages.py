"""The pages of settings, made of the files in properties/: name, default and the comment's meaning."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import yaml

from recbole_slmrec.settings import properties_path

_LINE = re.compile(r"(?P<name>\w+):\s+(?P<default>.+?)\s+# \((?P<kind>\w+)\) (?P<meaning>.+)")
_CONTINUED = re.compile(r"\s+# (?P<meaning>.+)")

_HEAD = """# Settings

Each may stand in a file for `--config_files` or on the command line as `--key=value`, for `run`, `compare`,
`sweep` and `tune` alike. What is nearer to you wins: the command line over files, these over what is
recommended for a model on a data set, and this over the defaults below. Settings that are not here are
RecBole's, and mean what they mean there.

"""


class Setting(NamedTuple):
    """A line of a file of settings."""

    name: str
    default: str
    """As it is written there."""
    kind: str
    meaning: str


def settings_of(path: Path) -> list[Setting]:
    """The settings of a file in ``properties/``, in its order.

    A line is ``name: default  # (kind) meaning``, and lines of a comment alone go on with it.

    Raises:
        ValueError: if a setting of the file has no such line.
    """
    text = path.read_text(encoding="utf-8")
    found: list[Setting] = []
    for line in text.splitlines():
        if match := _LINE.fullmatch(line):
            found.append(Setting(**match.groupdict()))
        elif (match := _CONTINUED.fullmatch(line)) and found:
            last = found.pop()
            found.append(last._replace(meaning=f"{last.meaning} {match['meaning']}"))
    missing = set(yaml.safe_load(text)) - {setting.name for setting in found}
    if missing:
        raise ValueError(
            f"{path}: no comment `# (kind) meaning` beside {', '.join(sorted(missing))}"
        )
    return found


def page(folder: Path) -> str:
    """The page of all settings in the files of ``folder``, which is ``properties/``, in Markdown."""
    parts = [_HEAD, "## Of every model\n\n", _table(settings_of(folder / "overall.yaml"))]
    for path in sorted((folder / "model").glob("*.yaml")):
        # A file for --config_files: it sets what the others define.
        if path.stem[0].isupper():
            parts += [f"\n## {path.stem}\n\n", _table(settings_of(path))]
    return "".join(parts)


def _table(settings: list[Setting]) -> str:
    rows = [
        f"| `{it.name}` | {it.kind} | {_default(it.default)} | {_cell(it.meaning)} |\n"
        for it in settings
    ]
    return "| setting | kind | default | meaning |\n|---|---|---|---|\n" + "".join(rows)


def _default(text: str) -> str:
    return "none" if text == "~" else f"`{text}`"


def _cell(text: str) -> str:
    return re.sub(r"([|*<_])", r"\\\1", text)


def write(app) -> None:
    """Writes the page beside the others, before they are read."""
    Path(app.srcdir, "settings.md").write_text(page(properties_path()), encoding="utf-8")


def setup(app) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True}
