"""SLMRec against the dense float64 version of the paper's equations: values and every gradient."""

from __future__ import annotations

from itertools import permutations

import pytest
import torch

from recbole_slmrec.model.ssl import fm
from tests.backends import BACKENDS
from tests.model.dense import DenseSLMRec, edges_between, edges_kept
from tests.model.fast import assert_same, assert_same_gradients, batch, fast_model, problem_of

USERS = torch.tensor([1, 3, 2, 1, 7, 8])
ITEMS = torch.tensor([2, 5, 2, 9, 1, 11])
NEGATIVES = torch.tensor([[3, 1, 4, 10, 5, 9], [2, 6, 5, 3, 11, 8]])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n_layers", range(5))
@pytest.mark.parametrize("adjacency", ["pre", "norm", "gcmc", "mean", "plain"])
def test_encoder_is_the_mean_over_layers_of_each_modality(adjacency, n_layers, backend):
    problem = problem_of(2, words=True, n_layers=n_layers, adjacency=adjacency)
    model = fast_model(problem, graph_backend=backend)
    encoding = model.encoder()
    users, items = encoding.users(), encoding.items()
    assert list(users) == [*problem.modalities, "id"]
    for name, (z_users, z_items) in problem.encoded().items():
        assert_same(users[name], z_users)
        assert_same(items[name], z_items)


@pytest.mark.parametrize("fusion", ["concat", "mean"])
@pytest.mark.parametrize("n_modalities", range(5))
def test_scores_are_inner_products_of_the_fused_vectors(n_modalities, fusion):
    problem = problem_of(n_modalities, fusion=fusion)
    model = fast_model(problem, ssl_task="none").eval()
    everyone = torch.arange(problem.n_users)
    scores = model.full_sort_predict(batch(everyone, everyone)).view(problem.n_users, -1)
    assert_same(scores, problem.scores().detach())
    assert_same(model.predict(batch(USERS, ITEMS)), scores[USERS, ITEMS])


@pytest.mark.parametrize("adjacency", ["pre", "norm", "gcmc", "mean", "plain"])
@pytest.mark.parametrize("n_layers", range(5))
@pytest.mark.parametrize("main_loss", ["in_batch", "sampled", "bpr"])
def test_main_losses(main_loss, n_layers, adjacency):
    problem = problem_of(2, n_layers=n_layers, adjacency=adjacency)
    negatives = None if main_loss == "in_batch" else NEGATIVES
    model = fast_model(
        problem,
        main_loss="info_nce" if main_loss == "in_batch" else main_loss,
        ssl_task="none",
        train_neg_sample_args={"sample_num": "none" if negatives is None else len(negatives)},
    )
    loss = model.calculate_loss(batch(USERS, ITEMS, negatives))
    expected = problem.main_loss(main_loss, USERS, ITEMS, negatives, 0.2)
    assert_same_gradients(model, loss, problem, expected)


@pytest.mark.parametrize("n_layers", range(5))
@pytest.mark.parametrize("n_modalities", [1, 2, 3, 4])
@pytest.mark.parametrize("similarity", ["dot", "cosine"])
def test_fac(similarity, n_modalities, n_layers):
    problem = problem_of(n_modalities, n_layers=n_layers)
    model = fast_model(problem, ssl_task="FAC", fac_similarity=similarity)
    main, ssl = model.calculate_loss(batch(USERS, ITEMS))
    expected = problem.ssl_loss("FAC", USERS, ITEMS, 0.5, similarity=similarity)
    assert_same(ssl, expected)
    total = problem.main_loss("in_batch", USERS, ITEMS, None, 0.2) + expected
    assert_same_gradients(model, main + ssl, problem, total)


@pytest.mark.parametrize("n_layers", range(5))
@pytest.mark.parametrize("adjacency", ["pre", "mean"])
def test_fm_for_every_pair_of_modalities(monkeypatch, adjacency, n_layers):
    for pair in permutations(["v", "a", "id"], 2):
        problem = problem_of(2, n_layers=n_layers, adjacency=adjacency)
        model = fast_model(problem, ssl_task="FM", main_loss="none")
        monkeypatch.setattr(fm, "draw_pair", lambda names, pair=pair: pair)
        loss = sum(model.calculate_loss(batch(USERS, ITEMS)))
        expected = problem.ssl_loss("FM", USERS, ITEMS, 0.5, masked=pair)
        assert_same_gradients(model, loss, problem, expected)


def record(monkeypatch, task, method: str) -> list[torch.Tensor]:
    """Keeps what a task's drawing method returns, in order."""
    drawn, original = [], getattr(task, method)

    def recording(*arguments):
        drawn.append(original(*arguments))
        return drawn[-1]

    monkeypatch.setattr(task, method, recording)
    return drawn


@pytest.mark.parametrize("n_layers", range(5))
@pytest.mark.parametrize("adjacency", ["pre", "norm", "gcmc", "mean", "plain"])
@pytest.mark.parametrize("masked", [(None, None), ("v", "id"), ("words", "a")])
def test_fd_on_features(monkeypatch, masked, adjacency, n_layers):
    problem = problem_of(2, words=True, n_layers=n_layers, adjacency=adjacency)
    name = "FD" if masked == (None, None) else "FM+FD"
    model = fast_model(problem, ssl_task=name, main_loss="none")
    monkeypatch.setattr("recbole_slmrec.model.ssl.fm_fd.draw_pair", lambda names: masked)
    drawn = record(monkeypatch, model.ssl_task, "keep_mask")
    loss = sum(model.calculate_loss(batch(USERS, ITEMS)))
    masks, by_view = iter(drawn), ({}, {})
    for m in [*problem.modalities, "id"]:
        for view in (0, 1):
            if m != masked[view]:
                by_view[view][m] = next(masks)
    assert all(set(mask.unique().tolist()) <= {0.0, 1.0} for mask in drawn)
    expected = problem.ssl_loss(name, USERS, ITEMS, 0.5, masked=masked, masks=by_view)
    assert_same_gradients(model, loss, problem, expected)


@pytest.mark.parametrize("n_layers", range(5))
@pytest.mark.parametrize("adjacency", ["pre", "norm"])
@pytest.mark.parametrize("masked", [(None, None), ("v", "id")])
def test_fd_on_layers(monkeypatch, masked, adjacency, n_layers):
    problem = problem_of(1, n_layers=n_layers, adjacency=adjacency)
    name = "FD" if masked == (None, None) else "FM+FD"
    model = fast_model(problem, ssl_task=name, main_loss="none", fd_level="layer")
    monkeypatch.setattr("recbole_slmrec.model.ssl.fm_fd.draw_pair", lambda names: masked)
    masks, original = [], model.ssl_task.drop_state

    def recording(states):
        masks.append(original(torch.ones_like(states)))
        return states * masks[-1]

    monkeypatch.setattr(model.ssl_task, "drop_state", recording)
    loss = sum(model.calculate_loss(batch(USERS, ITEMS)))
    halves = iter(masks)
    by_view = tuple(
        {
            m: [torch.cat([next(halves), next(halves)]) for _ in range(n_layers)]
            for m in [*problem.modalities, "id"]
        }
        for _ in (0, 1)
    )
    assert all(set(mask.unique().tolist()) <= {0.0, 1 / 0.7} for mask in masks)
    expected = problem.ssl_loss(
        name, USERS, ITEMS, 0.5, masked=masked, fd_level="layer", masks=by_view
    )
    assert_same_gradients(model, loss, problem, expected)


def graphs_of(task: str, drawn: list[torch.Tensor], problem: DenseSLMRec) -> list[list]:
    """The edges of each layer's graph, by view, that follow from what a task on sub-graphs drew."""
    edges, n_layers = problem.edges, problem.n_layers
    if task == "RW":
        layers = [edges_kept(edges, keep) for keep in drawn]
        return [layers[:n_layers], layers[n_layers:]]
    if task == "ND":
        views = edges_between(edges, *drawn[:2]), edges_between(edges, *drawn[2:])
    else:
        views = [edges_kept(edges, keep) for keep in drawn]
    return [[view] * n_layers for view in views]


@pytest.mark.parametrize("n_layers", range(5))
@pytest.mark.parametrize("adjacency", ["pre", "norm", "gcmc", "mean", "plain"])
@pytest.mark.parametrize("name", ["ED", "ND", "RW"])
def test_views_on_sub_graphs(monkeypatch, name, adjacency, n_layers):
    for n_modalities, words, backend in (
        (1, False, "auto"),
        (1, True, "torch"),
        (3, False, "auto"),
    ):
        problem = problem_of(n_modalities, words, n_layers=n_layers, adjacency=adjacency)
        model = fast_model(
            problem, ssl_task=name, main_loss="none", drop_ratio=0.3, graph_backend=backend
        )
        drawn = record(monkeypatch, model.ssl_task, "keep_nodes" if name == "ND" else "keep_edges")
        loss = sum(model.calculate_loss(batch(USERS, ITEMS)))
        assert len(drawn) == {"ED": 2, "ND": 4, "RW": 2 * n_layers}[name]
        graphs = graphs_of(name, drawn, problem)
        expected = problem.ssl_loss(name, USERS, ITEMS, 0.5, graphs=graphs)
        assert_same_gradients(model, loss, problem, expected)


@pytest.mark.parametrize("fusion", ["concat", "mean"])
@pytest.mark.parametrize("ssl_task", ["FM", "FAC"])
def test_mean_fusion_and_alpha(monkeypatch, ssl_task, fusion):
    problem = problem_of(3, fusion=fusion)
    model = fast_model(problem, ssl_task=ssl_task, alpha=0.25)
    monkeypatch.setattr(fm, "draw_pair", lambda names: ("a", "v"))
    loss = sum(model.calculate_loss(batch(USERS, ITEMS)))
    expected = problem.main_loss("in_batch", USERS, ITEMS, None, 0.2) + 0.25 * problem.ssl_loss(
        ssl_task, USERS, ITEMS, 0.5, similarity="dot", masked=("a", "v")
    )
    assert_same_gradients(model, loss, problem, expected)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("ssl_task", ["none", "FAC", "FM", "FD", "ED", "RW"])
def test_under_autocast_the_loss_and_its_gradients_stay_near(monkeypatch, ssl_task, backend):
    monkeypatch.setattr(fm, "draw_pair", lambda names: ("a", "v"))
    losses, gradients = [], []
    for enabled in (False, True):
        model = fast_model(problem_of(2, words=True), ssl_task=ssl_task, graph_backend=backend)
        model.float()
        torch.manual_seed(3)
        with torch.autocast("cpu", enabled=enabled):
            loss = model.calculate_loss(batch(USERS, ITEMS))
        loss = sum(loss) if isinstance(loss, tuple) else loss
        loss.backward()
        losses.append(loss.item())
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
    assert losses[1] == pytest.approx(losses[0], rel=0.03)
    assert (gradients[1] - gradients[0]).norm() < 0.1 * gradients[0].norm()
