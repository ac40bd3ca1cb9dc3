"""Propagated features, kept in a file for the next run and made anew when what they follow from changes."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from recbole_slmrec.graph.propagation import Propagation
from recbole_slmrec.model.kept import KeptArray, file_stem

# That are propagated at a time, so that no more of wide features lie beside the result, or on a GPU.
_COLUMNS = 256

# Additions of one hop, edges times columns, from which on a file is read sooner than they are made.
_WORTH_A_FILE = 10**8


def propagated_features(
    name: str, features: Tensor, propagation: Propagation, folder: Path | None
) -> tuple[Tensor, Tensor]:
    """What arrives of the item ``features`` at all users and at all items.

    Args:
        name: of the modality.
        features: shape (|I|, D), on the host.
        propagation: the encoder's.
        folder: where they are kept for the next run; None keeps none.

    Returns:
        Shapes (|U|, D) and (|I|, D), on the host. Read from a file they are mapped: pages come into
        memory as they are used, and processes share them.
    """
    edges = propagation.block.on_users
    if folder is None or len(edges.columns) * features.shape[1] < _WORTH_A_FILE:
        return _propagated(features, propagation)
    kept = KeptArray(
        folder,
        file_stem(name),
        f"{propagation.n_layers} {propagation.adjacency} {len(features)}",
        edges.starts,
        edges.columns,
        features,
    )
    sizes = [propagation.block.n_users, propagation.block.n_items]
    table = kept.read((sum(sizes), features.shape[1]), features.numpy().dtype)
    if table is not None:
        return torch.from_numpy(table).split(sizes)
    tables = _propagated(features, propagation)
    kept.write(f"propagated features of {name}", *(table.numpy() for table in tables))
    return tables


def _propagated(features: Tensor, propagation: Propagation) -> tuple[Tensor, Tensor]:
    block = propagation.block
    tables = tuple(features.new_empty(n, features.shape[1]) for n in (block.n_users, block.n_items))
    for start in range(0, features.shape[1], _COLUMNS):
        columns = slice(start, start + _COLUMNS)
        own = features[:, columns].to(block.user_degrees.device)
        for table, part in zip(tables, propagation.from_items(own)):
            table[:, columns] = part
    return tables
