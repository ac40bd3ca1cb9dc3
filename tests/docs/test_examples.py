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
from tests.docs import stages
from tests.docs.examples import PAGES, TOP, Command, commands_of

# Pages whose commands are run one after the other, on made-up data and for an epoch, and what each
# starts from. adding-a-model.md has a test of its own, and tests/processes runs what processes.md shows;
# CONTRIBUTING.md and performance.md have none to run.
STAGES = {
    "README.md": stages.readme,
    "dataset/README.md": stages.published,
    "docs/cold.md": stages.later,
    "docs/compare.md": stages.own_tables,
    "docs/concepts.md": stages.own_tables,
    "docs/data.md": stages.published,
    "docs/explore.md": stages.films,
    "docs/index.md": stages.nothing,
    "docs/own-data.md": stages.own_tables,
    "docs/paper.md": stages.tiktok,
    "docs/questions.md": stages.own_tables,
    "docs/results.md": stages.sources,
    "docs/serving.md": stages.nothing,
    "docs/start.md": stages.nothing,
    "docs/tuning.md": stages.grid,
}

_EPOCH = ["--epochs=1", "--train_batch_size=8192"]
SHORT = {
    # A page may show several ways to make one data set.
    "prepare": ["--force"],
    "run": _EPOCH,
    "compare": [*_EPOCH, "--seeds=1"],
    "sweep": [*_EPOCH, "--seeds=1"],
}
SHORT_SEARCH = {
    "Ray": ["--num_samples=1"],
    "Hyperopt": ["--algo=random", "--max_evals=1"],
}
# Of size, or beyond the network that tests have none of.
_ELSEWHERE = ("benchmarks", "tiktok-paper", "--model all-")


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


@pytest.mark.parametrize("page", STAGES)
def test_the_commands_of_a_page_run(page, tmp_path, monkeypatch):
    (tmp_path / "properties").symlink_to(TOP / "properties")
    STAGES[page](tmp_path)
    for command in commands_of(TOP / page):
        if _needs_more_than_this(command):
            continue
        status = _run(command, monkeypatch)
        assert status == 0, command.line


def _needs_more_than_this(command: Command) -> bool:
    """Whether a command needs a package that is not installed, installs one, or is not for a test."""
    return (
        command.words[0] in ("pip", "make")
        or any(part in command.line for part in _ELSEWHERE)
        or ("image" in command.words and find_spec("torchvision") is None)
        or ("--index" in command.line and find_spec("faiss") is None)
    )


def _run(command: Command, monkeypatch) -> int:
    if not command.verb:
        line = _with_checkpoint(command.line)
        return subprocess.run(["bash", "-c", line], check=False).returncode
    words = [_with_checkpoint(word) for word in command.verb]
    words += _short(words)
    if any(word.startswith("--resume") for word in words):
        words += ["--epochs=2"]
    with monkeypatch.context() as kept:
        # What a command sets for itself must not reach the next.
        kept.setattr(sys, "argv", sys.argv)
        return cli.main(words)


def _short(words: list[str]) -> list[str]:
    if words[0] == "tune":
        return [*_EPOCH, *SHORT_SEARCH["Ray" if "--tool=Ray" in words else "Hyperopt"]]
    short = SHORT.get(words[0], [])
    if words[0] != "sweep":
        return short
    given = dict(word.split("=", 1) for word in words if "=" in word)
    two = ",".join(given["--values"].split(",")[:2])
    varied = f"--{given['--vary']}="
    return [*(flag for flag in short if not flag.startswith(varied)), f"--values={two}"]


def _with_checkpoint(text: str) -> str:
    """With the newest checkpoint in place of one that is named by an ellipsis or a date."""

    def newest(shown: re.Match) -> str:
        found = Path().glob(f"{shown[1]}*.pth")
        return str(max(found, key=lambda path: path.stat().st_mtime))

    return re.sub(r"(saved/\w+-)(?:…|\w{3}-\d\d-[\w-]+)\.pth", newest, text)
