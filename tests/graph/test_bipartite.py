"""The interaction graph: one edge a distinct pair, in both directions."""

from __future__ import annotations

import pytest
import torch

from recbole_slmrec.graph.bipartite import interaction_graph


def test_duplicates_count_once_and_isolated_nodes_stay():
    graph = interaction_graph(torch.tensor([1, 1, 2, 1]), torch.tensor([3, 3, 0, 2]), 4, 5)
    assert (graph.n_users, graph.n_items) == (4, 5)
    assert (graph.on_users.n_sources, graph.on_items.n_sources) == (5, 4)
    assert graph.on_users.starts.tolist() == [0, 0, 2, 3, 3]
    assert graph.on_users.columns.tolist() == [2, 3, 0]
    assert graph.on_items.starts.tolist() == [0, 1, 1, 2, 3, 3]
    assert graph.on_items.columns.tolist() == [2, 1, 1]
    assert graph.on_items.degrees.tolist() == [1, 0, 1, 1, 0]


def test_an_empty_training_split_is_refused():
    nothing = torch.tensor([], dtype=torch.int64)
    with pytest.raises(ValueError, match="training split is empty"):
        interaction_graph(nothing, nothing, 3, 3)


@pytest.mark.parametrize("users, items, side", [([3], [0], "user"), ([0], [-1], "item")])
def test_ids_out_of_range_are_refused(users, items, side):
    with pytest.raises(ValueError, match=f"{side} ids reach from"):
        interaction_graph(torch.tensor(users), torch.tensor(items), 3, 3)
