"""Made-up data sets, large enough to train on and small enough for a test."""

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


def make_rated(root: Path, name: str = "rated") -> Path:
    """Writes the data set ``name`` under ``root``: one file of rated interactions, not split.

    Returns:
        Its folder: 24 users with 12 of 20 items each, in order of time, rated 1 to 5 in turn; a matrix
        of 3 columns for the items, and an occupation for each user.
    """
    rng = np.random.default_rng(0)
    folder = root / name
    folder.mkdir(parents=True)
    rows = [
        (f"u{user}", f"i{item}", f"{(user + place) % 5 + 1}", f"{100 * user + place}")
        for user in range(24)
        for place, item in enumerate(rng.choice(20, size=12, replace=False))
    ]
    header = ["user_id:token", "item_id:token", "rating:float", "timestamp:float"]
    write(folder / f"{name}.inter", header, rows)
    write(folder / f"{name}.item", ["item_id:token"], [(f"i{item}",) for item in range(20)])
    jobs = [(f"u{user}", "abc"[user % 3]) for user in range(24)]
    write(folder / f"{name}.user", ["user_id:token", "occupation:token"], jobs)
    np.save(folder / "v.npy", rng.normal(size=(20, 3)).astype(np.float32))
    declaration = {
        "load_col": {
            "inter": ["user_id", "item_id", "rating", "timestamp"],
            "user": ["user_id", "occupation"],
            "item": ["item_id"],
        },
        "item_modalities": {"v": "v.npy"},
    }
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(declaration), encoding="utf-8")
    return folder


def write(path: Path, header: list[str], rows) -> None:
    """Writes an atomic file."""
    path.write_text("".join("\t".join(row) + "\n" for row in [header, *rows]), encoding="utf-8")


def read_pairs(path: Path) -> list[tuple[str, str]]:
    """The rows of an atomic file of interactions."""
    return [tuple(line.split("\t")) for line in path.read_text(encoding="utf-8").splitlines()[1:]]
