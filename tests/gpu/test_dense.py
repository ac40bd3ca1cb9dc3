"""SLMRec on a device against the dense float64 version of its equations: values and every gradient."""

from __future__ import annotations

import pytest
import torch

from recbole_slmrec.model.ssl import fm
from tests.model.fast import assert_same_gradients, batch, fast_model, problem_of
from tests.model.test_slmrec import ITEMS, NEGATIVES, USERS, graphs_of, record


def on(device: torch.device, problem, **settings):
    """The model on the device, and a batch there."""
    model = fast_model(problem, device=device, **settings).to(device)
    negatives = NEGATIVES if model.n_negatives else None
    return model, batch(USERS, ITEMS, negatives).to(device)


@pytest.mark.parametrize("adjacency", ["pre", "norm", "gcmc", "mean", "plain"])
@pytest.mark.parametrize("main_loss", ["in_batch", "sampled", "bpr"])
def test_main_losses(device, main_loss, adjacency):
    problem = problem_of(2, words=True, adjacency=adjacency)
    negatives = None if main_loss == "in_batch" else NEGATIVES
    model, rows = on(
        device,
        problem,
        main_loss="info_nce" if main_loss == "in_batch" else main_loss,
        ssl_task="none",
        train_neg_sample_args={"sample_num": "none" if negatives is None else len(negatives)},
    )
    expected = problem.main_loss(main_loss, USERS, ITEMS, negatives, 0.2)
    assert_same_gradients(model, model.calculate_loss(rows), problem, expected)


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
def test_fac(device, similarity):
    problem = problem_of(4)
    model, rows = on(device, problem, ssl_task="FAC", fac_similarity=similarity, main_loss="none")
    expected = problem.ssl_loss("FAC", USERS, ITEMS, 0.5, similarity=similarity)
    assert_same_gradients(model, sum(model.calculate_loss(rows)), problem, expected)


def test_fm(device, monkeypatch):
    problem = problem_of(2)
    model, rows = on(device, problem, ssl_task="FM", main_loss="none")
    monkeypatch.setattr(fm, "draw_pair", lambda names: ("a", "v"))
    expected = problem.ssl_loss("FM", USERS, ITEMS, 0.5, masked=("a", "v"))
    assert_same_gradients(model, sum(model.calculate_loss(rows)), problem, expected)


def test_fd(device, monkeypatch):
    problem = problem_of(2, words=True)
    model, rows = on(device, problem, ssl_task="FD", main_loss="none")
    drawn = record(monkeypatch, model.ssl_task, "keep_mask")
    loss = sum(model.calculate_loss(rows))
    masks = iter(mask.cpu() for mask in drawn)
    by_view = tuple({name: next(masks) for name in [*problem.modalities, "id"]} for _ in (0, 1))
    expected = problem.ssl_loss("FD", USERS, ITEMS, 0.5, masked=(None, None), masks=by_view)
    assert_same_gradients(model, loss, problem, expected)


@pytest.mark.parametrize("name", ["ED", "ND", "RW"])
def test_views_on_sub_graphs(device, monkeypatch, name):
    problem = problem_of(2)
    model, rows = on(device, problem, ssl_task=name, main_loss="none", drop_ratio=0.3)
    drawn = record(monkeypatch, model.ssl_task, "keep_nodes" if name == "ND" else "keep_edges")
    loss = sum(model.calculate_loss(rows))
    graphs = graphs_of(name, [keep.cpu() for keep in drawn], problem)
    expected = problem.ssl_loss(name, USERS, ITEMS, 0.5, graphs=graphs)
    assert_same_gradients(model, loss, problem, expected)
