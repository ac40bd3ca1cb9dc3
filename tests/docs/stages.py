"""What the commands of a page find when they start, made up."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from recbole_slmrec import cli
from tests.data.layouts import test_mmgcn, test_mmrec, test_slmrec
from tests.data.published import MATRICES, write_matrix
from tests.docs.shop import features_table, make_shop, write_texts
from tests.made import make

N_USERS, N_ITEMS, N_OF_USER = 80, 50, 12
TRAINED = ["--train_batch_size=8192", "--epochs=1", "--state=WARNING"]


def own_tables(folder: Path) -> None:
    """A shop's tables, and TikTok."""
    make_shop(folder)
    make(folder / "dataset", name="tiktok")


def readme(folder: Path) -> None:
    """TikTok, with pictures and sound as its public copy has them, and books."""
    for name in ("tiktok", "books"):
        declaration = make(folder / "dataset", name=name) / f"{name}.yaml"
        declared = yaml.safe_load(declaration.read_text("utf-8"))
        del declared["item_modalities"]["t"]
        declaration.write_text(yaml.safe_dump(declared, sort_keys=False), encoding="utf-8")


def tiktok(folder: Path) -> None:
    """TikTok alone."""
    make(folder / "dataset", name="tiktok")


def grid(folder: Path) -> None:
    """TikTok, and a model's grid."""
    tiktok(folder)
    (folder / "lightgcn.hyper").write_text("learning_rate choice [0.001,0.01]\n", encoding="utf-8")


def published(folder: Path) -> None:
    """Public layouts, one a folder, and a folder ``PATH`` of tables."""
    pairs = _pairs()
    rng = np.random.default_rng(1)
    dense = {
        name: rng.normal(size=(N_ITEMS, width)).astype(np.float32)
        for name, width in {"v": 8, "a": 6, "t": 7}.items()
    }
    for name in ("baby", "movielens", "release", "shop"):
        (folder / name).mkdir()
    _hkuds(folder / "hkuds", pairs, dense)
    rows = [(*pair, 1.0, 0, label) for label, split in enumerate(pairs.values()) for pair in split]
    features = {"image_feat": dense["v"], "text_feat": dense["t"]}
    test_mmrec.write(folder / "baby", rows=rows, **features)
    offset = {
        split: [(user, N_USERS + item) for user, item in each] for split, each in pairs.items()
    }
    lists = {split: [[user, item] for user, item in each] for split, each in offset.items()}
    features = {f"feat_{name}": values for name, values in dense.items()}
    test_mmgcn.write(
        folder / "movielens", offset["train"], lists["valid"], lists["test"], **features
    )
    words = np.stack([np.repeat(np.arange(N_ITEMS), 2), rng.integers(20, size=2 * N_ITEMS)])
    test_slmrec.write(
        folder / "release", train=pairs["train"] + pairs["valid"], test=pairs["test"],
        visual_feat=dense["v"], acoustic_feat=dense["a"], textual_feat=words,
    )  # fmt: skip
    _tables(folder / "shop", pairs, dense)
    shutil.copytree(folder / "shop", folder / "PATH")


def sources(folder: Path) -> None:
    """What the results start from: TikTok, prepared and as published, and likes of books."""
    tiktok(folder)
    rng = np.random.default_rng(1)
    features = {name: rng.normal(size=(N_ITEMS, 6)).astype(np.float32) for name in ("v", "a")}
    _hkuds(folder / "DIR", _pairs(), features)
    pairs = [pair for split in _pairs().values() for pair in split]
    likes = pd.DataFrame(pairs, columns=["user", "item"]).assign(rating=1)
    likes.to_csv(folder / "interactions.tsv", sep="\t", index=False)
    titles = [(item, f"the {item % 7} of {item % 5}") for item in range(N_ITEMS)]
    pd.DataFrame(titles, columns=["item", "title"]).to_csv(
        folder / "titles.tsv", sep="\t", index=False
    )


def later(folder: Path) -> None:
    """A model of a shop, its tables, items and users that came after it, and TikTok as published."""
    (folder / "shop").mkdir()
    _tables(
        folder / "shop", _pairs(), {"image": np.random.default_rng(1).normal(size=(N_ITEMS, 8))}
    )
    cli.main(["prepare", "shop", "--source=shop", "--data_path=before"])
    _trained("SLMRec", "shop", "--data_path=before")
    (folder / "features").mkdir()
    features_table("item_id", ["new1", "new2", "new3"], np.ones((3, 8))).to_csv(
        folder / "features" / "image.csv", index=False
    )
    lines = "user,item\nanna,i3\nanna,i7\nben,i20\n"
    (folder / "pairs.csv").write_text(lines, encoding="utf-8")
    features = {name: np.random.default_rng(1).normal(size=(N_ITEMS, 6)) for name in ("v", "a")}
    _hkuds(folder / "DIR", _pairs(), features)


def films(folder: Path) -> None:
    """Models of MovieLens, friends, posters and sounds."""
    from PIL import Image

    for model in ("SLMRec", "EASE"):
        _trained(model, "ml-100k")
    for name in ("posters", "clips"):
        (folder / name).mkdir()
    Image.new("RGB", (200, 300), "navy").save(folder / "posters" / "204.jpg")
    (folder / "clips" / "204.mp3").write_bytes(b"")
    (folder / "friends.txt").write_text("196\n186\n", encoding="utf-8")


def nothing(folder: Path) -> None:
    """An empty folder."""


def _trained(model: str, dataset: str, *flags: str) -> None:
    assert cli.main(["run", f"--model={model}", f"--dataset={dataset}", *TRAINED, *flags]) == 0
    next(Path("saved").glob(f"{model}-*.pth")).rename(f"saved/{model}.pth")


def _pairs() -> dict[str, list[tuple[int, int]]]:
    """The same items for each user in every call: ten for training, one each for the others."""
    rng = np.random.default_rng(0)
    pairs: dict[str, list[tuple[int, int]]] = {"train": [], "valid": [], "test": []}
    for user in range(N_USERS):
        # Each item has a user, so that a layout which counts items by the interactions has them all.
        items = (user + rng.choice(N_ITEMS - 1, size=N_OF_USER - 1, replace=False) + 1) % N_ITEMS
        pairs["train"] += [(user, item) for item in [user % N_ITEMS, *items[2:].tolist()]]
        pairs["valid"].append((user, int(items[0])))
        pairs["test"].append((user, int(items[1])))
    return pairs


def _hkuds(folder: Path, pairs: dict, features: dict[str, np.ndarray]) -> None:
    folder.mkdir()
    for split, file in MATRICES.items():
        write_matrix(folder / file, pairs[split], (N_USERS, N_ITEMS))
    for name, file in {"v": "image_feat.npy", "a": "audio_feat.npy", "t": "text_feat.npy"}.items():
        if name in features:
            np.save(folder / file, features[name].astype(np.float32))


def _tables(folder: Path, pairs: dict, features: dict[str, np.ndarray]) -> None:
    """Interactions with ratings and times, features as a matrix with ids or as a table, texts, a photo."""
    rng = np.random.default_rng(2)
    every = [pair for split in pairs.values() for pair in split]
    rows = [(f"u{user}", f"i{item}", rng.integers(1, 6), n) for n, (user, item) in enumerate(every)]
    frame = pd.DataFrame(rows, columns=["user_id", "product_id", "stars", "timestamp"])
    frame.to_csv(folder / "interactions.csv", index=False)
    items = [f"i{item}" for item in range(N_ITEMS)]
    (first, values), *others = features.items()
    first = {"v": "picture"}.get(first, first)
    np.save(folder / f"{first}.npy", values)
    (folder / f"{first}.ids.txt").write_text("\n".join(items) + "\n", encoding="utf-8")
    for name, values in others:
        features_table("product_id", items, values).to_csv(
            folder / f"{name}_features.csv", index=False
        )
    write_texts(folder / "products.csv", items, rng)
