"""ED, ND and RW: what is drawn, and what the views are made of."""

from __future__ import annotations

import gc

import pytest
import torch

from recbole_slmrec.graph.product import NeighbourSums
from recbole_slmrec.model.rows import Rows
from tests.model.dense import random_problem
from tests.model.fast import batch, fast_model

TASKS = ["ED", "ND", "RW"]
ADJACENCIES = ["pre", "norm", "gcmc", "mean", "plain"]
USERS, ITEMS = torch.tensor([1, 3, 2, 1, 7, 8]), torch.tensor([2, 5, 2, 9, 1, 11])


def model_of(task: str, drop_ratio: float = 0.3, n_edges: int = 25, **settings):
    problem = random_problem(0, 9, 12, n_edges, {"v": 5, "a": 3}, **settings)
    return fast_model(problem, ssl_task=task, drop_ratio=drop_ratio)


def encoded(model):
    return model.encoder(Rows(USERS, ITEMS))


def drawn_blocks(model, monkeypatch) -> list:
    """The blocks of the sub-graphs that two views are made on, in the order they are drawn."""
    blocks, original = [], model.ssl_task.sub_graphs.of
    monkeypatch.setattr(
        model.ssl_task.sub_graphs, "of", lambda keep: blocks.append(original(keep)) or blocks[-1]
    )
    model.ssl_task.views(encoded(model))
    return blocks


def matrix(block) -> torch.Tensor:
    return block.to_users(torch.eye(block.n_items))


@pytest.mark.parametrize("n_layers", range(4))
@pytest.mark.parametrize("adjacency", ADJACENCIES)
@pytest.mark.parametrize("task", TASKS)
def test_where_nothing_is_dropped_both_views_are_the_main_encoding(task, adjacency, n_layers):
    model = model_of(task, 0, adjacency=adjacency, n_layers=n_layers)
    encoding = encoded(model)
    for view in model.ssl_task.views(encoding):
        torch.testing.assert_close(view.users(), encoding.users(), rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(view.items(), encoding.items(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("task, n_graphs", [("ED", 2), ("ND", 2), ("RW", 6)])
def test_a_view_has_one_graph_and_that_of_rw_one_a_layer_and_no_two_are_alike(
    monkeypatch, task, n_graphs
):
    torch.manual_seed(0)
    blocks = drawn_blocks(model_of(task), monkeypatch)
    assert len(blocks) == n_graphs
    matrices = [matrix(block) for block in blocks]
    for k, one in enumerate(matrices):
        assert not any(torch.equal(one, other) for other in matrices[:k])


@pytest.mark.parametrize("task", TASKS)
def test_an_edge_is_dropped_in_both_directions(monkeypatch, task):
    torch.manual_seed(0)
    model = model_of(task)
    whole = matrix(model.encoder.propagation.block)
    for block in drawn_blocks(model, monkeypatch):
        kept = matrix(block)
        assert torch.equal(block.to_items(torch.eye(block.n_users)), kept.T)
        assert ((kept == 0) | (kept == whole)).all() and 0 < kept.sum() < whole.sum()


def test_ed_keeps_the_share_that_the_ratio_leaves():
    torch.manual_seed(0)
    task = model_of("ED", 0.3).ssl_task
    kept = torch.stack([task.keep_edges() for _ in range(4000)]).double()
    # Each edge by itself, and no edge with another: six standard deviations of a mean.
    assert (kept.mean(0) - 0.7).abs().max() < 6 * (0.21 / 4000) ** 0.5
    correlations = torch.corrcoef(kept.T).fill_diagonal_(0)
    assert correlations.abs().max() < 6 / 4000**0.5


def test_nd_keeps_the_share_of_users_and_items_that_the_ratio_leaves():
    torch.manual_seed(0)
    task = model_of("ND", 0.3).ssl_task
    share = torch.stack([task.keep_nodes(50) for _ in range(4000)]).double().mean(0)
    assert (share - 0.7).abs().max() < 6 * (0.21 / 4000) ** 0.5


def test_nd_drops_all_edges_of_a_dropped_node_and_no_other(monkeypatch):
    model = model_of("ND", n_edges=60)
    draws = iter([[1, 1, 0, 1, 1, 0, 1, 1, 1], [1, 1, 1, 0, 1, 1, 1, 1, 0, 1, 1, 1]] * 2)
    monkeypatch.setattr(model.ssl_task, "keep_nodes", lambda n: torch.tensor(next(draws)) == 1)
    expected = matrix(model.encoder.propagation.block)
    assert expected[[2, 5]].any(1).all() and expected[:, [3, 8]].any(0).all()
    expected[[2, 5]] = 0
    expected[:, [3, 8]] = 0
    first, second = drawn_blocks(model, monkeypatch)
    assert torch.equal(matrix(first), expected) and torch.equal(matrix(second), expected)


@pytest.mark.parametrize("adjacency, n_rows", [("pre", 1), ("gcmc", 1), ("norm", 4), ("mean", 4)])
def test_a_node_without_edges_is_left_with_its_own_row(monkeypatch, adjacency, n_rows):
    model = model_of("ND", adjacency=adjacency)
    monkeypatch.setattr(model.ssl_task, "keep_nodes", lambda n: torch.zeros(n, dtype=torch.bool))
    encoding = encoded(model)
    view, _ = model.ssl_task.views(encoding)
    share = n_rows / (model.encoder.propagation.n_layers + 1)
    for name in model.encoder.names:
        of_users = model.encoder.user_embedding.weight[encoding.rows.users]
        of_items = model.encoder.table(name)[encoding.rows.items]
        torch.testing.assert_close(view.users()[name], share * of_users, rtol=1e-12, atol=0)
        torch.testing.assert_close(view.items()[name], share * of_items, rtol=1e-12, atol=0)


@pytest.mark.parametrize("task", TASKS)
def test_views_are_drawn_anew_for_each_batch_from_torchs_generator(task):
    model = model_of(task)
    losses = []
    for seed in (3, None, 3):
        if seed is not None:
            torch.manual_seed(seed)
        losses.append(model.calculate_loss(batch(USERS, ITEMS))[1].item())
    assert losses[0] == losses[2] != losses[1]


@pytest.mark.parametrize("task", TASKS)
def test_no_sub_graph_outlives_its_step(task):
    model = model_of(task)
    sum(model.calculate_loss(batch(USERS, ITEMS))).backward()
    gc.collect()
    gc.disable()
    try:
        before = [id(each) for each in gc.get_objects() if type(each) is NeighbourSums]
        sum(model.calculate_loss(batch(USERS, ITEMS))).backward()
        after = [id(each) for each in gc.get_objects() if type(each) is NeighbourSums]
        assert sorted(after) == sorted(before)
    finally:
        gc.enable()
