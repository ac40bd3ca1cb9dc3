"""Exported files: read with numpy alone, they score as the model does."""

from __future__ import annotations

import json

import numpy as np
import pytest

from recbole_slmrec import cli
from recbole_slmrec.checkpoint import load_checkpoint
from recbole_slmrec.export.folder import export
from recbole_slmrec.export.vectors import as_type
from recbole_slmrec.recommend import Recommender
from tests.trained import train


def read(folder):
    vectors = [np.load(folder / f"{side}_vectors.npy") for side in ("user", "item")]
    ids = [(folder / f"{side}_ids.txt").read_text().splitlines() for side in ("user", "item")]
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
        linear = about["dimension"] - about["embedding columns"]
        assert about["score"] == "dot" and about["linear columns"] == linear > 0


def test_by_cosine_the_embedding_columns_have_unit_length(made, tmp_path):
    result = train("SLMRec", epochs=1, negatives="all")
    export(result, tmp_path / "vectors")
    (users, items), _, about = read(tmp_path / "vectors")
    assert about["score"] == "cosine"
    for side in (users, items):
        lengths = np.linalg.norm(side[:, : about["embedding columns"]], axis=1)
        np.testing.assert_allclose(lengths, 1, rtol=1e-5)


def test_ten_lines_serve_what_recommend_gives(at_home, tmp_path):
    export("saved/SLMRec.pth", tmp_path / "vectors")
    (users, items), (user_ids, item_ids), _ = read(tmp_path / "vectors")
    scores = items @ users[user_ids.index("u7")]
    served = [item_ids[row] for row in np.argsort(-scores)[:5]]
    found = Recommender.load("saved/SLMRec.pth").recommend(["u7"], k=5, exclude="none")
    assert served == list(found["item"])


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
