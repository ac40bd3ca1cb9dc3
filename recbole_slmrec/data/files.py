"""Files and folders that are written whole or not at all."""

from __future__ import annotations

import os
import shutil
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """Writes a file under a temporary name beside ``target`` and renames it at the end.

    A file that is there already is replaced. If the block fails, ``target`` stays as it was and
    nothing else is left.

    Args:
        target: the file.

    Yields:
        The temporary path to write to.
    """
    partial = _hidden_sibling(target, "partial")
    try:
        yield partial
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def whole_folder(target: Path, replace: bool = False) -> Iterator[Path]:
    """Fills a folder under a temporary name beside ``target`` and renames it at the end.

    If the block fails, ``target`` stays as it was and nothing else is left.

    Args:
        target: the folder; its parents are made.
        replace: whether a folder that is there already gives way, once the new one is complete.

    Yields:
        The temporary folder to fill.

    Raises:
        FileExistsError: if ``target`` is there already and ``replace`` is False.
    """
    if os.path.lexists(target) and not replace:
        raise FileExistsError(f"{target} is there already; pass --force to replace it")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = _hidden_sibling(target, "partial")
    try:
        partial.mkdir()
        yield partial
        if os.path.lexists(target):
            _exchange(target, partial)
        else:
            os.rename(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def check_folder(target: Path) -> None:
    """Raises FileNotFoundError unless the folder of ``target`` is there: before work, not after."""
    if not target.parent.is_dir():
        raise FileNotFoundError(f"there is no folder [{target.parent}] to write {target.name} to")


def _exchange(old: Path, new: Path) -> None:
    aside = _hidden_sibling(old, "old")
    try:
        os.rename(old, aside)
        os.rename(new, old)
    except BaseException:
        if os.path.lexists(aside) and not os.path.lexists(old):
            os.rename(aside, old)
        raise
    if aside.is_dir() and not aside.is_symlink():
        shutil.rmtree(aside)
    else:
        aside.unlink()


def _hidden_sibling(path: Path, suffix: str) -> Path:
    # A sibling, because a rename is atomic on one file system only; random, because another
    # process may write the same target.
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.{suffix}")
