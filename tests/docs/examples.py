"""The commands that the documentation shows, as its readers would type them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import NamedTuple

TOP = Path(__file__).resolve().parents[2]
PAGES = [TOP / "README.md", TOP / "CONTRIBUTING.md", TOP / "dataset" / "README.md"]
PAGES += sorted((TOP / "docs").glob("*.md"))

_BLOCK = re.compile(r"^```(console)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"(?:\w+=\S+ )*(?:python|pip|make) ")
_SCRIPTS = {"run_recbole.py": "run", "run_compare.py": "compare", "run_hyper.py": "tune"}


class Command(NamedTuple):
    """A command of a page."""

    line: str
    """As it stands there, continued lines joined."""
    words: list[str]
    """Without settings of the environment in front and a comment behind."""

    @property
    def verb(self) -> list[str] | None:
        """What follows ``python -m recbole_slmrec``, also of the scripts; None for other commands."""
        if self.words[:3] == ["python", "-m", "recbole_slmrec"]:
            return self.words[3:]
        if self.words[0] == "python" and self.words[1] in _SCRIPTS:
            return [_SCRIPTS[self.words[1]], *self.words[2:]]
        return None


def commands_of(page: Path) -> list[Command]:
    """The commands in the blocks of a page, in its order."""
    found = []
    for _, block in _BLOCK.findall(page.read_text(encoding="utf-8")):
        lines = block.splitlines()
        prompted = any(line.startswith("$ ") for line in lines)
        while lines:
            line = lines.pop(0)
            if prompted and not line.startswith("$ ") or not prompted and not _COMMAND.match(line):
                continue
            line = line.removeprefix("$ ")
            while (words := _words(line)) is None:
                line = f"{line.removesuffix(chr(92))}\n{lines.pop(0)}"
            found.append(Command(line, words))
    return found


def _words(line: str) -> list[str] | None:
    """The words of a shell's line; None if it goes on in the next."""
    if line.endswith("\\"):
        return None
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return None
    while re.fullmatch(r"\w+=.*", words[0], re.DOTALL):
        words.pop(0)
    return words
