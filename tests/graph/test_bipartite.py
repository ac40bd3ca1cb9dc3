"""The interaction graph: one edge a distinct pair, in both directions."""

from __future__ import annotations

import pytest
import torch

from recbole_slmrec.graph.bipartite import ITEM_TO_USER, USER_TO_ITEM, interaction_graph


def test_duplicates_count_once_and_isolated_nodes_stay():
    graph = interaction_graph(torch.tensor([1, 1, 2, 1]), torch.tensor([3, 3, 0, 2]), 4, 5)
    assert (graph.num_nodes("user"), graph.num_nodes("item")) == (4, 5)
    there = torch.stack(graph.edges(etype=USER_TO_ITEM)).T.tolist()
    back = torch.stack(graph.edges(etype=ITEM_TO_USER)).T.tolist()
    assert sorted(there) == [[1, 2], [1, 3], [2, 0]]
    assert sorted(back) == [[0, 2], [2, 1], [3, 1]]


def test_an_empty_training_split_is_refused():
    nothing = torch.tensor([], dtype=torch.int64)
    with pytest.raises(ValueError, match="training split is empty"):
        interaction_graph(nothing, nothing, 3, 3)


@pytest.mark.parametrize("users, items, side", [([3], [0], "user"), ([0], [-1], "item")])
def test_ids_out_of_range_are_refused(users, items, side):
    with pytest.raises(ValueError, match=f"{side} ids reach from"):
        interaction_graph(torch.tensor(users), torch.tensor(items), 3, 3)
