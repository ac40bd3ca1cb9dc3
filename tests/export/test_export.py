"""Exported files: read with numpy alone, they score as the model does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from recbole_slmrec import cli
from recbole_slmrec.export.folder import export
from recbole_slmrec.export.vectors import as_type, write_vectors
from recbole_slmrec.recommend import Recommender
from recbole_slmrec.training.checkpoint import load_checkpoint
from tests.trained import train

DOCS = Path(__file__).parents[2] / "docs" / "serving.md"
# What str.splitlines takes for the end of a line, and no file of lines does.
BREAKS = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"


def read(folder):
    vectors = [np.load(folder / f"{side}_vectors.npy") for side in ("user", "item")]
    ids = [
        (folder / f"{side}_ids.txt").read_text("utf-8").split("\n")[:-1]
        for side in ("user", "item")
    ]
    return vectors, ids, json.loads((folder / "vectors.json").read_text())


@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-5), ("float16", 1e-2)])
@pytest.mark.parametrize("model", ["SLMRec", "MMLightGCN", "VBPR"])
def test_the_inner_product_of_exported_vectors_is_the_score(
    at_home, tmp_path, model, dtype, tolerance
):
    export(f"saved/{model}.pth", tmp_path / "vectors", dtype)
    (users, items), (user_ids, item_ids), about = read(tmp_path / "vectors")
    assert users.dtype == items.dtype == dtype
    pairs = [(user, item) for user in user_ids for item in item_ids]
    scores = Recommender.load(f"saved/{model}.pth").score(pairs).reshape(60, 45)
    product = users.astype(np.float32) @ items.astype(np.float32).T
    assert abs(product - scores).max() < tolerance * abs(scores).max()
    assert about["model"] == model and about["dataset"] == "made" and about["refit"] is False
    assert about["similarity"] == "inner product" and about["dtype"] == dtype
    assert (about["users"], about["items"], about["dimension"]) == (60, 45, users.shape[1])
    assert about["data"] == load_checkpoint(f"saved/{model}.pth")["data"]
    assert about["versions"]["recbole_slmrec"] and about["index"] is None
    if model == "SLMRec":
        assert list(about["columns"]) == ["embedding", "popularity", "linear", "content"]
        assert about["score"] == "cosine" and sum(about["columns"].values()) == about["dimension"]


def test_by_cosine_the_embedding_columns_have_unit_length(made, tmp_path):
    result = train("SLMRec", epochs=1, negatives="all")
    export(result, tmp_path / "vectors")
    (users, items), _, about = read(tmp_path / "vectors")
    assert about["score"] == "cosine"
    for side in (users, items):
        lengths = np.linalg.norm(side[:, : about["columns"]["embedding"]], axis=1)
        np.testing.assert_allclose(lengths, 1, rtol=1e-5)


def served(user: str) -> list[str]:
    """What the lines in docs/serving.md recommend from the folder ``vectors``."""
    (lines,) = (
        block.split("```")[0]
        for block in DOCS.read_text("utf-8").split("```python\n")
        if "argsort" in block
    )
    names = {}
    exec(lines.replace('print(recommend("196", 5))', ""), names)
    return names["recommend"](user, 5)


def test_ten_lines_serve_what_recommend_gives(at_home, tmp_path, monkeypatch):
    export("saved/SLMRec.pth", tmp_path / "vectors")
    found = Recommender.load("saved/SLMRec.pth").recommend(["u7"], k=5, exclude="none")
    monkeypatch.chdir(tmp_path)
    assert served("u7") == list(found["item"])


def test_any_id_is_served_under_its_own_name(tmp_path, monkeypatch):
    ids = {side: [f"{side}{BREAKS}", *BREAKS, " ", "a,b", "7 "] for side in ("user", "item")}
    vectors = dict.fromkeys(ids, np.eye(len(ids["user"]), dtype=np.float32))
    (tmp_path / "vectors").mkdir()
    write_vectors(tmp_path / "vectors", vectors, ids, {})
    assert read(tmp_path / "vectors")[1] == list(ids.values())
    monkeypatch.chdir(tmp_path)
    for user, item in zip(*ids.values()):
        assert served(user)[0] == item


@pytest.mark.parametrize("mark", ["\n", "\r"])
def test_an_id_with_a_line_break_is_refused(tmp_path, mark):
    vectors = dict.fromkeys(("user", "item"), np.eye(2, dtype=np.float32))
    ids = {"user": ["u", "w"], "item": ["i", f"a{mark}b"]}
    with pytest.raises(ValueError, match="1 item id.s. have a line break, and item_ids.txt has on"):
        write_vectors(tmp_path, vectors, ids, {})


def test_what_float16_cannot_hold_is_refused():
    with pytest.raises(ValueError, match="the vectors hold 7e\\+04, which float16 cannot"):
        as_type(np.array([[1.0, -7e4]], dtype=np.float32), "float16")


def test_a_model_without_vectors_leaves_no_folder(at_home, tmp_path):
    with pytest.raises(ValueError, match="NeuMF has no vectors here"):
        export("saved/NeuMF.pth", tmp_path / "vectors")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_gives_way_only_if_asked(at_home, tmp_path, capsys):
    (tmp_path / "vectors").mkdir()
    (tmp_path / "vectors" / "mine.txt").touch()
    arguments = ["export", "--checkpoint=saved/VBPR.pth", f"--output={tmp_path / 'vectors'}"]
    assert cli.main(arguments) == 2
    assert "is there already; pass --force to replace it" in capsys.readouterr().err
    assert cli.main([*arguments, "--force"]) == 0
    assert not (tmp_path / "vectors" / "mine.txt").exists()
    assert len(read(tmp_path / "vectors")[1][1]) == 45


def test_a_check_needs_an_index(capsys):
    with pytest.raises(SystemExit):
        cli.main(["export", "--checkpoint=a.pth", "--output=vectors", "--check"])
    assert "--check compares an index: choose one with --index" in capsys.readouterr().err
