"""Generated data sets with the paper's shapes, written like any prepared set, always the same."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from recbole_slmrec.data.files import whole_folder

SEED = 2022

# Popularity falls with rank r as r^-exponent; users differ less than items do.
USER_EXPONENT, ITEM_EXPONENT = 0.5, 0.8

_ROWS_PER_BLOCK = 4096


@dataclass(frozen=True)
class Shape:
    """What a generated set looks like.

    Attributes:
        name: of the data set.
        n_users, n_items: padding not counted.
        n_interactions: distinct ones in training.
        widths: modality name to columns.
        n_evaluated: users with one validation and one test interaction each, beside the training
            ones.
    """

    name: str
    n_users: int
    n_items: int
    n_interactions: int
    widths: dict[str, int] = field(default_factory=dict)
    n_evaluated: int = 2048

    def times(self, factor: float) -> Shape:
        """``factor`` times as many users, evaluated ones, items and interactions; columns stay."""
        return replace(
            self,
            name=f"{self.name}-x{factor:g}",
            n_users=round(self.n_users * factor),
            n_items=round(self.n_items * factor),
            n_interactions=round(self.n_interactions * factor),
            n_evaluated=round(self.n_evaluated * factor),
        )


# Tao et al., IEEE TMM 2022, table I.
TIKTOK = Shape("tiktok-paper", 36_638, 71_494, 451_000, {"v": 256, "a": 128, "t": 128})
KWAI = Shape("kwai-paper", 7_010, 80_986, 189_000, {"v": 2048})
MOVIELENS = Shape("movielens-paper", 55_485, 5_986, 947_000, {"v": 2048, "a": 128, "t": 100})


def written(shape: Shape, data_path: Path) -> str:
    """Writes the set under ``data_path``, unless this run did so before; gives its name."""
    target = data_path / shape.name
    if target.is_dir():
        return shape.name
    splits = interactions(shape)
    with whole_folder(target) as folder:
        for split, pairs in splits.items():
            table = pd.DataFrame(pairs, columns=["user_id:token", "item_id:token"])
            table.to_csv(folder / f"{shape.name}.{split}.inter", sep="\t", index=False)
        items = pd.DataFrame({"item_id:token": np.arange(shape.n_items)})
        items.to_csv(folder / f"{shape.name}.item", sep="\t", index=False)
        for modality, width in shape.widths.items():
            write_features(folder / f"{modality}.npy", shape.n_items, width)
        declaration = {
            "load_col": {"inter": ["user_id", "item_id"], "item": ["item_id"]},
            "benchmark_filename": list(splits),
            "item_modalities": {modality: f"{modality}.npy" for modality in shape.widths},
        }
        text = yaml.safe_dump(declaration, sort_keys=False)
        (folder / f"{shape.name}.yaml").write_text(text, encoding="utf-8")
    return shape.name


def interactions(shape: Shape) -> dict[str, np.ndarray]:
    """Distinct (user, item) pairs by split, each (n, 2); every user has one in training."""
    rng = np.random.default_rng(SEED)
    n_free = shape.n_interactions - shape.n_users
    counts = 1 + rng.multinomial(n_free, _popularity(shape.n_users, USER_EXPONENT, rng))
    evaluated = rng.choice(shape.n_users, size=shape.n_evaluated, replace=False)
    counts[evaluated] += 2
    users = np.repeat(np.arange(shape.n_users), counts)
    items = _distinct_items(users, shape.n_items, rng)
    # A user's pairs lie together, and the last two of an evaluated user leave training.
    last = np.cumsum(counts)[np.sort(evaluated)] - 1
    pairs = np.column_stack([users, items])
    return {
        "train": np.delete(pairs, [*last, *(last - 1)], axis=0),
        "valid": pairs[last - 1],
        "test": pairs[last],
    }


def _popularity(n: int, exponent: float, rng: np.random.Generator) -> np.ndarray:
    weights = rng.permutation(np.arange(1, n + 1) ** -exponent)
    return weights / weights.sum()


def _distinct_items(users: np.ndarray, n_items: int, rng: np.random.Generator) -> np.ndarray:
    cumulated = np.cumsum(_popularity(n_items, ITEM_EXPONENT, rng))
    items = np.empty_like(users)
    missing = np.arange(len(users))
    while len(missing):
        drawn = np.searchsorted(cumulated, rng.random(len(missing)) * cumulated[-1])
        items[missing] = np.minimum(drawn, n_items - 1)
        _, first = np.unique(users * n_items + items, return_index=True)
        missing = np.setdiff1d(np.arange(len(users)), first, assume_unique=True)
    return items


def write_features(path: Path, n_items: int, width: int) -> None:
    """Writes standard normal float32 features, shape (n_items, width), block by block."""
    rng = np.random.default_rng([SEED, width])
    matrix = np.lib.format.open_memmap(path, "w+", np.float32, (n_items, width))
    for start in range(0, n_items, _ROWS_PER_BLOCK):
        rows = matrix[start : start + _ROWS_PER_BLOCK]
        rng.standard_normal(out=rows, dtype=np.float32)
    matrix.flush()
