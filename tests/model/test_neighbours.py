"""The files of nearest neighbours: read when nothing changed, made anew when anything did."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch

from recbole_slmrec.graph.bipartite import interaction_graph
from recbole_slmrec.graph.nearest import content_neighbours, shared_user_neighbours
from recbole_slmrec.graph.product import InteractionBlock
from recbole_slmrec.model import neighbours
from recbole_slmrec.model.neighbours import kept_content_neighbours, kept_shared_user_neighbours

FEATURES = torch.rand(8, 3, generator=torch.Generator().manual_seed(0))
USERS, ITEMS = torch.tensor([1, 1, 2, 3, 4, 4, 4]), torch.tensor([1, 2, 2, 5, 1, 2, 5])


@pytest.fixture(autouse=True)
def worth_a_file(monkeypatch):
    monkeypatch.setattr(neighbours, "_WORTH_A_FILE", 0)
    monkeypatch.setattr(neighbours, "_SPARSE_WORTH_A_FILE", 0)


@pytest.fixture
def unable(monkeypatch):
    """A call from which on neighbours cannot be made."""

    def forbid():
        for name in ("content_neighbours", "shared_user_neighbours"):
            monkeypatch.setattr(neighbours, name, lambda *args: pytest.fail("made anew"))

    return forbid


def block(items=ITEMS, n_items=8) -> InteractionBlock:
    return InteractionBlock(interaction_graph(USERS, items, 6, n_items), torch.device("cpu"))


def by_content(folder, features=FEATURES, k=3, name="v"):
    return kept_content_neighbours(name, features, k, folder)


def by_users(folder, items=ITEMS, n_items=8, k=3, shrink=0.0):
    return kept_shared_user_neighbours(block(items, n_items), k, shrink, folder)


def test_the_second_time_they_are_read(tmp_path, unable):
    content, users = by_content(tmp_path / "there"), by_users(tmp_path / "there")
    assert np.array_equal(content, content_neighbours(FEATURES, 3))
    assert np.array_equal(users, shared_user_neighbours(block(), 3))
    unable()
    assert np.array_equal(by_content(tmp_path / "there"), content)
    assert np.array_equal(by_users(tmp_path / "there"), users)


@pytest.mark.parametrize(
    "changed",
    [
        {"features": FEATURES + 1e-6},
        {"features": FEATURES.flip(0)},
        {"features": FEATURES.double()},
        {"features": FEATURES.reshape(4, 6)},
        {"k": 2},
    ],
)
def test_content_neighbours_of_anything_else_are_not_read_and_give_way(tmp_path, changed):
    by_content(tmp_path)
    by_content(tmp_path, name="other")
    by_users(tmp_path)
    (stale,) = tmp_path.glob("v.*")
    made = by_content(tmp_path, **changed)
    assert np.array_equal(made, content_neighbours(**{"features": FEATURES, "k": 3, **changed}))
    assert not stale.exists()
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize(
    "changed", [{"items": ITEMS.roll(1)}, {"n_items": 9}, {"k": 2}, {"shrink": 0.5}]
)
def test_shared_user_neighbours_of_anything_else_are_not_read_and_give_way(tmp_path, changed):
    by_users(tmp_path)
    by_content(tmp_path)
    (stale,) = tmp_path.glob("users.*")
    assert np.array_equal(by_users(tmp_path, **changed), by_users(None, **changed))
    assert not stale.exists()
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("item", [-2, 8])
def test_a_file_that_names_items_that_are_not_there_is_made_anew(tmp_path, unable, item):
    expected = by_content(tmp_path)
    (path,) = tmp_path.iterdir()
    damaged = expected.copy()
    damaged["item"][4, 1] = item
    np.save(path, damaged)
    assert np.array_equal(by_content(tmp_path), expected)
    unable()
    assert np.array_equal(by_content(tmp_path), expected)


def test_where_nothing_can_be_written_they_are_made_and_the_log_says_so(tmp_path, caplog):
    (tmp_path / "file").write_text("no folder")
    with caplog.at_level(logging.INFO):
        assert np.array_equal(by_content(tmp_path / "file"), by_content(None))
        assert np.array_equal(by_users(tmp_path / "file"), by_users(None))
    assert "neighbours by v are not kept for the next run" in caplog.text
    assert "neighbours by shared users are not kept for the next run" in caplog.text


def test_small_ones_are_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(neighbours, "_WORTH_A_FILE", 8 * 8 * 3 + 1)
    # Users of 2, 1, 1 and 3 items.
    monkeypatch.setattr(neighbours, "_SPARSE_WORTH_A_FILE", 4 + 1 + 1 + 9 + 1)
    by_content(tmp_path)
    by_users(tmp_path)
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(neighbours, "_WORTH_A_FILE", 8 * 8 * 3)
    monkeypatch.setattr(neighbours, "_SPARSE_WORTH_A_FILE", 4 + 1 + 1 + 9)
    by_content(tmp_path)
    by_users(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("k", [0, 8])
def test_k_out_of_range_is_refused_before_anything_is_written(tmp_path, k):
    for make in (by_content, by_users):
        with pytest.raises(ValueError, match=rf"item_graph_k \[{k}\] must be a whole number from"):
            make(tmp_path, k=k)
    assert not list(tmp_path.iterdir())
