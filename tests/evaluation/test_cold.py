"""Cold-start evaluation, against rankings written out user by user."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from recbole_slmrec import cli
from recbole_slmrec.recommend import Recommender
from tests.made import NAME, make, read_pairs, write

COLD = [f"i{n}" for n in range(9)]
K = 3
OUT = Path("out")


@pytest.fixture
def data(empty_folder):
    """The made-up data set with nine items out of training, its interactions in the test."""
    folder = make(Path("dataset"))
    pairs = {split: read_pairs(folder / f"{NAME}.{split}.inter") for split in ("train", "test")}
    moved = [pair for pair in pairs["train"] if pair[1] in COLD]
    pairs["train"] = [pair for pair in pairs["train"] if pair[1] not in COLD]
    pairs["test"] += moved
    for split, rows in pairs.items():
        write(folder / f"{NAME}.{split}.inter", ["user_id:token", "item_id:token"], rows)
    valid = [p for p in read_pairs(folder / f"{NAME}.valid.inter") if p[1] not in COLD]
    write(folder / f"{NAME}.valid.inter", ["user_id:token", "item_id:token"], valid)
    write(folder / f"{NAME}.cold", ["item_id:token"], [(item,) for item in COLD])
    return pairs["train"] + valid, pairs["test"]


def compare(*models: str) -> dict[str, dict]:
    command = ["compare", f"--models={','.join(models)}", f"--dataset={NAME}", "--seeds=1"]
    settings = ["--epochs=2", "--train_batch_size=64", f"--topk=[{K}]", "--metrics=[Recall,NDCG]"]
    settings += ["--valid_metric=Recall@3", "--output=out", "--show_progress=False"]
    assert cli.main([*command, *settings]) == 0
    runs = [json.loads(path.read_text()) for path in OUT.glob("*.json")]
    return {run["label"]: run for run in runs}


def expected_recall(checkpoint: str, seen, test, candidates=None) -> float:
    recommender = Recommender.load(checkpoint)
    users, recalls = sorted({user for user, item in test if item in COLD}), []
    found = recommender.recommend(users, k=K, items=candidates, exclude=seen)
    tops = found.groupby("user")["item"].agg(set)
    for user in users:
        positives = {item for other, item in test if other == user and item in COLD}
        recalls.append(len(tops[user] & positives) / len(positives))
    return float(np.mean(recalls))


@pytest.mark.parametrize("model", ["SLMRec", "LightGCN"])
def test_cold_items_are_ranked_among_all_and_among_themselves(data, model):
    run = compare(model)[model]
    seen, test = data
    among_all, among_cold = run["cold_among_all"], run["cold_among_cold"]
    checkpoint = run["checkpoint"]
    assert among_all["recall@3"] == pytest.approx(expected_recall(checkpoint, seen, test), abs=1e-4)
    expected = expected_recall(checkpoint, seen, test, COLD)
    assert among_cold["recall@3"] == pytest.approx(expected, abs=1e-4)
    assert among_cold["recall@3"] > among_all["recall@3"]
    assert len(run["users"]) == len({user for user, _ in test})


def test_a_comparison_shows_them(data, capsys):
    runs = compare("VBPR", "Random")
    out = capsys.readouterr().out
    page = (OUT / "index.html").read_text()
    for name in ("all", "the cold"):
        title = f"Test, cold items among {name}"
        assert title in out and f"<h2>{title}</h2>" in page
    text = (OUT / "cold_among_cold.csv").read_text()
    for label in ("VBPR", "Random"):
        assert f"\n{label}," in text
        assert set(runs[label]["cold_among_cold"]) == {"recall@3", "ndcg@3"}
    assert (OUT / "cold_among_all.tex").is_file()


def test_without_cold_items_nothing_is_added(empty_folder):
    make(Path("dataset"))
    run = compare("VBPR")["VBPR"]
    assert not [key for key in run if key.startswith("cold")]
    assert not list((OUT).glob("cold*"))
    assert "cold items" not in (OUT / "index.html").read_text()
