"""The check sums in a file that torch.save wrote, which PyTorch itself passes over."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path


def check_sums(path: Path) -> None:
    """Raises ValueError if a part of a file is not as it was written.

    The older format of torch.save, which is no zip archive, has no sums.

    Args:
        path: the file.
    """
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    # What a damaged archive raises depends on where.
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"it is damaged: {error}") from error
    if damaged:
        raise ValueError(f"its part {damaged} is damaged")
