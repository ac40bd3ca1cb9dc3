"""A made-up data set with three modalities, large enough to train on and small enough for a test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import yaml

N_USERS, N_ITEMS, N_GROUPS = 60, 45, 3
NAME = "made"


def make(root: Path, seed: int = 0, name: str = NAME) -> Path:
    """Writes the data set ``name`` under ``root``: users like items of their own group.

    Returns:
        Its folder: atomic files with a given split, matrices of 6, 4 and 5 columns, and its own
        declaration.
    """
    rng = np.random.default_rng(seed)
    folder = root / name
    folder.mkdir(parents=True)
    group = rng.integers(N_GROUPS, size=N_ITEMS)
    splits = {"train": [], "valid": [], "test": []}
    for user in range(N_USERS):
        liked = np.where(group == user % N_GROUPS, 4.0, 1.0)
        chosen = rng.choice(N_ITEMS, size=9, replace=False, p=liked / liked.sum())
        for split, items in zip(splits, (chosen[:6], chosen[6:7], chosen[7:])):
            splits[split] += [(f"u{user}", f"i{item}") for item in items]
    for split, pairs in splits.items():
        write(folder / f"{name}.{split}.inter", ["user_id:token", "item_id:token"], pairs)
    order = rng.permutation(N_ITEMS)
    write(folder / f"{name}.item", ["item_id:token"], [(f"i{item}",) for item in order])
    sources = {}
    for modality, width in {"v": 6, "a": 4, "t": 5}.items():
        centres = rng.normal(size=(N_GROUPS, width))
        features = centres[group] + 0.3 * rng.normal(size=(N_ITEMS, width))
        np.save(folder / f"{modality}.npy", features[order].astype(np.float32))
        sources[modality] = f"{modality}.npy"
    declaration = {
        "load_col": {"inter": ["user_id", "item_id"], "item": ["item_id"]},
        "benchmark_filename": list(splits),
        "item_modalities": sources,
    }
    text = yaml.safe_dump(declaration, sort_keys=False)
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def write(path: Path, header: list[str], rows) -> None:
    """Writes an atomic file."""
    path.write_text("".join("\t".join(row) + "\n" for row in [header, *rows]), encoding="utf-8")


def read_pairs(path: Path) -> list[tuple[str, str]]:
    """The rows of an atomic file of interactions."""
    return [tuple(line.split("\t")) for line in path.read_text(encoding="utf-8").splitlines()[1:]]
