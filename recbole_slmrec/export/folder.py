"""The folder that ``export`` writes, from a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import recbole_slmrec
from recbole_slmrec import report
from recbole_slmrec.data.files import check_writable, whole_folder
from recbole_slmrec.export.check import Check, check, some_of
from recbole_slmrec.export.index import build_index, faiss, widen
from recbole_slmrec.export.vectors import as_type, write_vectors
from recbole_slmrec.model.slmrec import SLMRec
from recbole_slmrec.recommend import Recommender
from recbole_slmrec.training.checkpoint import load_checkpoint

# An index is searched so widely that users find this share of their K nearest items.
_K, _RECALL = 10, 0.95

# The padding's row, which no file holds.
_REST = slice(1, None)


def export(
    checkpoint_file: Path,
    folder: Path,
    dtype: str = "float32",
    index: str | None = None,
    replace: bool = False,
) -> None:
    """Writes vectors, ids and, if asked for, an index; the folder appears when all is there.

    Args:
        checkpoint_file: what a run or a refit has saved.
        folder: where to.
        dtype: of the vectors, ``float32`` or ``float16``.
        index: a kind of :data:`recbole_slmrec.export.index.INDEXES`; None for none.
        replace: whether a folder that is there already gives way.

    Raises:
        FileNotFoundError, ValueError: as ``Recommender.load``; for a model without vectors, and for
            an index without FAISS.
        FileExistsError: if ``folder`` is there already and ``replace`` is False.
        WriteError: if it cannot be written.
    """
    if index:
        faiss()
    check_writable(folder)
    recommender = Recommender.load(checkpoint_file)
    users, items = (as_type(side.cpu().numpy()[_REST], dtype) for side in recommender.vectors())
    noted = load_checkpoint(checkpoint_file)
    about = {
        "model": noted["model"],
        "dataset": noted["dataset"],
        "refit": noted["refit"],
        "index": index,
        **_score(recommender.model),
        "versions": {"recbole_slmrec": recbole_slmrec.__version__, **report.versions()},
        "data": noted["data"],
    }
    ids = {"user": recommender.users.tokens[_REST], "item": recommender.items.tokens[_REST]}
    with whole_folder(folder, replace) as partial:
        write_vectors(partial, {"user": users, "item": items}, ids, about)
        if index:
            vectors = items.astype(np.float32)
            built, exact = build_index(vectors, index), build_index(vectors, "flat")
            queries = some_of(users.astype(np.float32))
            widen(built, index, queries, exact, min(_K, len(items)), _RECALL)
            faiss().write_index(built, str(partial / "items.faiss"))


def _score(model) -> dict[str, Any]:
    """How SLMRec's score came about, and the columns of its vectors by the part that they make up."""
    if not isinstance(model, SLMRec):
        return {}
    return {"score": model.score, "columns": model.columns}


def check_export(folder: Path, k: int) -> Check:
    """Compares a written index with the exact ranking of the written vectors."""
    users, items = (
        np.load(folder / f"{side}_vectors.npy").astype(np.float32) for side in ("user", "item")
    )
    index = faiss().read_index(str(folder / "items.faiss"))
    return check(index, build_index(items, "flat"), users, min(k, len(items)))
