"""Files and folders that are written whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class WriteError(OSError):
    """A file or folder cannot be written; the message says which, why and what to do."""


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Turns an error of the system, while ``target`` is written, into a WriteError."""
    try:
        yield
    except OSError as error:
        # Those of other modules have a message of their own.
        if type(error).__module__ != "builtins" or not _concerns(error, target):
            raise
        reason = error.strerror or error
        remedy = "free some space" if error.errno in _FULL else "make it writable"
        raise WriteError(
            f"{target} cannot be written ({reason}); {remedy}, or choose another place"
        ) from error


@contextmanager
def named_by(flag: str) -> Iterator[None]:
    """Adds to the message of a WriteError which flag names the place."""
    try:
        yield
    except WriteError as error:
        raise WriteError(f"{error} with {flag}") from error


def allocate(path: Path) -> None:
    """Takes the room of a file of zeros, so that a full disk shows at once.

    Else it would show when a page of the mapped file is written, and end the process.
    """
    if hasattr(os, "posix_fallocate"):
        with open(path, "r+b") as file:
            try:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
            except OSError as error:
                # Not every file system can.
                if error.errno in _FULL:
                    raise


def check_writable(target: Path) -> None:
    """Raises WriteError if ``target`` cannot be written: before work, not after."""
    place = next(path for path in target.absolute().parents if path.exists())
    with writing(target):
        if not place.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, f"{place} is no folder")
        if not os.access(place, os.W_OK):
            raise PermissionError(errno.EACCES, f"{place} may not be written to")


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """Writes a file under a temporary name beside ``target`` and renames it at the end.

    A file that is there already is replaced. If the block fails, ``target`` stays as it was and
    nothing else is left.

    Args:
        target: the file.

    Yields:
        The temporary path to write to.

    Raises:
        WriteError: if the system fails to write it.
    """
    partial = _hidden_sibling(target, "partial")
    try:
        with writing(target):
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
        WriteError: if the system fails to write it.
    """
    if os.path.lexists(target) and not replace:
        raise FileExistsError(f"{target} is there already; pass --force to replace it")
    partial = _hidden_sibling(target, "partial")
    try:
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            partial.mkdir()
            yield partial
            if os.path.lexists(target):
                _exchange(target, partial)
            else:
                os.rename(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def make_folder(folder: Path) -> None:
    """Makes ``folder``, if it is not there, to write files into.

    Raises:
        WriteError: if it cannot be made, or may not be written to.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    check_writable(folder / "file")


def check_folder(target: Path) -> None:
    """Checks that the folder of ``target`` is there and writable: before work, not after.

    Raises:
        FileNotFoundError, WriteError: if it is not.
    """
    if not target.parent.is_dir():
        raise FileNotFoundError(f"there is no folder [{target.parent}] to write {target.name} to")
    check_writable(target)


def _concerns(error: OSError, target: Path) -> bool:
    """Whether an error is about ``target``, or may be, and not about a file that is read."""
    if error.filename is None:
        return True
    path, target = Path(error.filename).absolute(), target.absolute()
    return path.is_relative_to(target.parent) or target.is_relative_to(path)


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
