"""FAISS indexes: exact where they say so, and honestly measured where not."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from recbole_slmrec import cli
from recbole_slmrec.export.check import check
from recbole_slmrec.export.folder import export
from recbole_slmrec.export.index import INDEXES, build_index, widen


class Fixed:
    """An index whose answers are given."""

    def __init__(self, rows):
        self.rows = np.array(rows)

    def search(self, queries, k):
        return None, self.rows[: len(queries), :k]


def test_recall_is_the_share_of_the_exact_neighbours_that_are_found():
    exact, found = Fixed([[1, 2], [3, 4], [5, 6]]), Fixed([[2, 1], [3, 9], [0, -1]])
    figures = check(found, exact, np.zeros((3, 2), np.float32), 2)
    assert figures.recall == pytest.approx((2 + 1 + 0) / 6) and figures.n_queries == 3


def test_without_faiss_the_extra_is_named(at_home, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ValueError, match="pip install 'recbole-slmrec\\[serve\\]'"):
        export("saved/SLMRec.pth", tmp_path / "vectors", index="flat")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", INDEXES)
def test_an_index_finds_the_largest_inner_products(kind):
    pytest.importorskip("faiss")
    rng = np.random.default_rng(0)
    items, users = (rng.normal(size=(n, 8)).astype(np.float32) for n in (3000, 200))
    exact = np.argsort(-(users @ items.T), axis=1)[:, :10]
    index, flat = build_index(items, kind), build_index(items, "flat")
    widen(index, kind, users, flat, 10, recall=0.9)
    _, found = index.search(users, 10)
    recall = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, exact)])
    assert recall == 1 if kind == "flat" else recall >= 0.9
    figures = check(index, flat, users, 10)
    assert figures.recall == pytest.approx(recall)
    assert figures.queries_per_second > 0 and figures.exact_queries_per_second > 0


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_the_exported_index_is_of_the_exported_vectors(at_home, tmp_path, capsys, dtype):
    faiss = pytest.importorskip("faiss")
    folder = tmp_path / "vectors"
    arguments = ["--checkpoint=saved/SLMRec.pth", f"--output={folder}", f"--dtype={dtype}"]
    assert cli.main(["export", *arguments, "--index=flat", "--check", "--k=7"]) == 0
    output = capsys.readouterr().out
    assert "recall@7" in output and "1.0000" in output
    index = faiss.read_index(str(folder / "items.faiss"))
    users, items = (
        np.load(folder / f"{side}_vectors.npy").astype(np.float32) for side in ("user", "item")
    )
    scores, rows = index.search(users, 45)
    expected = users @ items.T
    assert scores == pytest.approx(np.take_along_axis(expected, rows, 1), abs=1e-4)
    assert (np.diff(scores) <= 0).all() and (np.sort(rows) == np.arange(45)).all()
