"""Text files that may be compressed, in whatever encoding they are."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO, Callable

# What a damaged file may raise when it is unpacked.
ERRORS = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError)

# The longer ones first: that of UTF-32 begins with that of UTF-16.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def bare(path: Path) -> Path:
    """The name that a file has once it is unpacked: ``orders.csv`` for ``orders.csv.gz``."""
    return path.with_suffix("") if path.suffix.lower() in _OPENERS else path


def open_bytes(path: Path) -> BinaryIO:
    """Opens a file to be read, unpacked as its ending says.

    Raises:
        ValueError: if an archive holds more than one file, or asks for a password.
        OSError, EOFError, zipfile.BadZipFile: if it is not there, or damaged.
    """
    return _OPENERS.get(path.suffix.lower(), _open_plain)(path)


def open_text(path: Path, encoding: str) -> io.TextIOWrapper:
    """Opens a file as text, unpacked as its ending says; see ``open_bytes``."""
    return io.TextIOWrapper(open_bytes(path), encoding=encoding)


def encoding_of(path: Path, given: str | None) -> str:
    """The encoding that is given, or that a byte order mark tells, or UTF-8.

    In UTF-8, a byte order mark is none of the text.

    Raises:
        ValueError: if there is none of the name that is given.
        OSError, EOFError, zipfile.BadZipFile: as ``open_bytes``.
    """
    if given is None:
        with open_bytes(path) as file:
            start = file.read(4)
        given = next((name for mark, name in _MARKS.items() if start.startswith(mark)), "utf-8")
    try:
        name = codecs.lookup(given).name
    except LookupError:
        raise ValueError(
            f"--encoding={given} is no encoding that Python knows; utf-8, utf-16, cp1252, gb18030, "
            "shift_jis and big5 are some"
        ) from None
    return "utf-8-sig" if name == "utf-8" else name


def _open_plain(path: Path) -> BinaryIO:
    return path.open("rb")


def _open_zip(path: Path) -> BinaryIO:
    with zipfile.ZipFile(path) as archive:
        files = [entry for entry in archive.infolist() if not entry.is_dir()]
        if len(files) != 1:
            raise ValueError(f"{path} holds {len(files):,} files; pack the one that is meant alone")
        if files[0].flag_bits & 1:
            raise ValueError(f"{path} asks for a password; unpack it first")
        return archive.open(files[0])  # type: ignore[return-value]


def _open_zst(path: Path) -> BinaryIO:
    # pyarrow unpacks it, Python 3.11 does not.
    import pyarrow

    return pyarrow.input_stream(str(path), compression="zstd")


_OPENERS: dict[str, Callable[[Path], Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zip": _open_zip,
    ".zst": _open_zst,
}
