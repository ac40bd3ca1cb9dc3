"""An array that is kept in a file for the next run, and made anew when what it follows from changes."""

from __future__ import annotations

import hashlib
import re
import zlib
from logging import getLogger
from pathlib import Path

import numpy as np
from torch import Tensor

from recbole_slmrec.data.files import whole_file

# Of which a checksum is made at a time, so that few pages of a mapped file are held.
_ROWS = 2**14


def kept_folder(config) -> Path | None:
    """Where what is made from the data lies between runs; None if nothing is to be kept."""
    return Path(config["data_path"], "propagated") if config["keep_propagated"] else None


def file_stem(name: str) -> str:
    """The name of a modality as part of a file's."""
    return re.sub(r"\W", "_", name)


def _checksum(array: np.ndarray) -> bytes:
    """Of the values of ``array``: 4 bytes, which stand behind them in the file."""
    checksum = 0
    for start in range(0, len(array), _ROWS):
        checksum = zlib.crc32(np.ascontiguousarray(array[start : start + _ROWS]), checksum)
    return checksum.to_bytes(4, "little")


class KeptArray:
    """The file ``<name>-<digest>.npy``, which numpy reads too.

    The digest is of all that the array follows from, so that one made from anything else is never
    read; it gives way to the new one.

    Args:
        folder: where the file is kept; it is made if its parent is there.
        name: what no other array in the folder is called.
        settings: what the array follows from beside tables; with the number of rows of each table.
        tables: the tables that it follows from.
    """

    def __init__(self, folder: Path, name: str, settings: str, *tables: Tensor):
        digest = hashlib.blake2b(digest_size=16)
        digest.update(settings.encode())
        for table in tables:
            digest.update(f"{table.dtype} ".encode())
            digest.update(table.cpu().contiguous().numpy())
        self._name = name
        self._path = folder / f"{name}-{digest.hexdigest()}.npy"

    def read(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray | None:
        """The array, mapped into memory; None where there is no file, or it is not whole."""
        try:
            # Copy on write: torch wants memory that could be written to; nothing is.
            kept = np.lib.format.open_memmap(self._path, "c")
        except Exception:  # a damaged header raises whatever its parser stumbles over
            return None
        if kept.shape != shape or kept.dtype != dtype:
            return None
        with open(self._path, "rb") as file:
            file.seek(kept.offset + kept.nbytes)
            return kept if file.read() == _checksum(kept) else None

    def write(self, what: str, *parts: np.ndarray) -> None:
        """Writes the array, its parts one below the other, or logs that ``what`` cannot be kept."""
        shape = (sum(map(len, parts)), *parts[0].shape[1:])
        try:
            self._path.parent.mkdir(exist_ok=True)
            with whole_file(self._path) as partial:
                kept = np.lib.format.open_memmap(partial, "w+", parts[0].dtype, shape)
                np.concatenate(parts, out=kept)
                kept.flush()
                with open(partial, "ab") as file:
                    file.write(_checksum(kept))
        except OSError as error:
            getLogger().info(f"{what} are not kept for the next run: {error}")
            return
        for other in self._path.parent.glob(f"{self._name}-*.npy"):
            if other != self._path:
                other.unlink(missing_ok=True)
