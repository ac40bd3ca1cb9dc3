"""Every command that the documentation shows: known verbs and flags, and the guides' really run."""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import sys
from functools import cache
from importlib.metadata import metadata
from importlib.util import find_spec
from pathlib import Path

import pytest

from recbole_slmrec import cli
from recbole_slmrec.config import Config
from tests.docs.examples import PAGES, TOP, Command, commands_of
from tests.docs.shop import make_shop
from tests.made import make

# Pages whose commands are run one after the other, on made-up data and for an epoch.
GUIDES = ["start", "concepts", "own-data", "questions", "compare"]

SHORT = {
    "run": ["--epochs=1", "--train_batch_size=8192"],
    "compare": ["--epochs=1", "--train_batch_size=8192", "--seeds=1"],
    "sweep": ["--epochs=1", "--train_batch_size=8192", "--seeds=1", "--values=0.1,0.5"],
    "tune": ["--epochs=1", "--train_batch_size=8192", "--max_evals=1"],
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TOP)))
def test_commands_have_verbs_flags_and_settings_that_there_are(page, made):
    known = Config("SLMRec", "made")
    for command in commands_of(page):
        if command.words[0] == "make":
            targets = re.findall(r"^([\w-]+):", (TOP / "Makefile").read_text("utf-8"), re.MULTILINE)
            assert command.words[1] in targets, command.line
        for extra in re.findall(r"recbole-slmrec\[(\w+)\]", command.line):
            assert extra in metadata("recbole-slmrec").get_all("Provides-Extra"), command.line
        if command.verb:
            verb = command.verb[0]
            assert verb in cli.VERBS, command.line
            unknown = [key for key in _flags(command) if key not in _help(verb)]
            assert not known.unknown(key[2:] for key in unknown), command.line


def _flags(command: Command) -> list[str]:
    return [word.partition("=")[0] for word in command.verb if word.startswith("--")]


@cache
def _help(verb: str) -> set[str]:
    said = io.StringIO()
    for words in ([], ["NAME", "text"], ["NAME", "image"]) if verb == "featurize" else ([],):
        with contextlib.redirect_stdout(said), pytest.raises(SystemExit):
            cli.main([verb, *words, "--help"])
    return set(re.findall(r"--[\w-]+", said.getvalue()))


@pytest.mark.parametrize("guide", GUIDES)
def test_the_guides_commands_run(guide, tmp_path, monkeypatch):
    make_shop(tmp_path)
    make(tmp_path / "dataset", name="tiktok")
    for command in commands_of(TOP / "docs" / f"{guide}.md"):
        if _needs_more_than_this(command):
            continue
        status = _run(command, monkeypatch)
        assert status == 0, command.line


def _needs_more_than_this(command: Command) -> bool:
    """Whether a command installs something, or needs a package that is not installed."""
    return command.words[0] in ("pip", "make") or (
        "image" in command.words and find_spec("torchvision") is None
    )


def _run(command: Command, monkeypatch) -> int:
    if not command.verb:
        return subprocess.run(["bash", "-c", command.line], check=False).returncode
    words = [_with_checkpoint(word) for word in command.verb]
    words += SHORT.get(words[0], [])
    if any(word.startswith("--resume") for word in words):
        words += ["--epochs=2"]
    with monkeypatch.context() as kept:
        # What a command sets for itself must not reach the next.
        kept.setattr(sys, "argv", sys.argv)
        return cli.main(words)


def _with_checkpoint(word: str) -> str:
    before, ellipsis, after = word.partition("….pth")
    if not ellipsis:
        return word
    flag, _, start = before.partition("=")
    newest = max(Path().glob(f"{start}*.pth"), key=lambda path: path.stat().st_mtime)
    return f"{flag}={newest}"
