"""Propagated features, kept in a file for the next run and made anew when what they follow from changes."""

from __future__ import annotations

import hashlib
import re
from logging import getLogger
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from recbole_slmrec.data.files import whole_file
from recbole_slmrec.graph.propagation import Propagation

# Additions of one hop, edges times columns, from which on a file is read sooner than they are made.
_WORTH_A_FILE = 10**8


def propagated_features(
    name: str, features: Tensor, propagation: Propagation, folder: Path | None
) -> tuple[Tensor, Tensor]:
    """What arrives of the item ``features`` at all users and at all items.

    The file's name holds a digest of the features, the graph and the propagation, so that one made
    from anything else is never read; it gives way to the new one.

    Args:
        name: of the modality.
        features: shape (|I|, D).
        propagation: the encoder's.
        folder: where the file is kept; None keeps none.

    Returns:
        Shapes (|U|, D) and (|I|, D). Read from a file they are mapped: pages come into memory as they
        are used, and processes share them.
    """
    sizes = [propagation.block.n_users, propagation.block.n_items]
    if (
        folder is None
        or len(propagation.block.on_users.columns) * features.shape[1] < _WORTH_A_FILE
    ):
        return propagation.from_items(features)
    target = folder / f"{_prefix(name)}{_digest(features, propagation)}.npy"
    kept = _read(target, (sum(sizes), features.shape[1]), features.dtype)
    if kept is not None:
        return kept.to(features.device).split(sizes)
    tables = propagation.from_items(features)
    try:
        _write(target, tables)
    except OSError as error:
        getLogger().info(f"propagated features of {name} are not kept for the next run: {error}")
    else:
        for other in folder.glob(f"{_prefix(name)}*.npy"):
            if other != target:
                other.unlink(missing_ok=True)
    return tables


def _prefix(name: str) -> str:
    return re.sub(r"\W", "_", name) + "-"


def _digest(features: Tensor, propagation: Propagation) -> str:
    digest = hashlib.blake2b(digest_size=16)
    edges = propagation.block.on_users
    digest.update(f"{propagation.n_layers} {propagation.adjacency} {len(features)}".encode())
    for table in (edges.starts, edges.columns, features):
        digest.update(f"{table.dtype} ".encode())
        digest.update(table.cpu().contiguous().numpy())
    return digest.hexdigest()


def _read(path: Path, shape: tuple[int, int], dtype: torch.dtype) -> Tensor | None:
    """The file's table; None where there is none or it is not whole."""
    try:
        # Copy on write: torch wants memory that could be written to; nothing is.
        table = torch.from_numpy(np.load(path, mmap_mode="c", allow_pickle=False))
    except (OSError, ValueError, EOFError, TypeError):
        return None
    return table if table.shape == shape and table.dtype == dtype else None


def _write(path: Path, tables: tuple[Tensor, Tensor]) -> None:
    path.parent.mkdir(exist_ok=True)
    rows, columns = sum(map(len, tables)), tables[0].shape[1]
    with whole_file(path) as partial:
        dtype = tables[0].cpu().numpy().dtype
        kept = np.lib.format.open_memmap(partial, "w+", dtype, (rows, columns))
        kept[: len(tables[0])], kept[len(tables[0]) :] = (table.cpu() for table in tables)
        kept.flush()
