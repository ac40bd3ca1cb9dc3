"""Weightings, means and products of item graphs, against dense float64 matrices."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix

from recbole_slmrec.graph.item_graph import WEIGHTINGS, ItemGraph, binary, mean_graph, weighted
from recbole_slmrec.graph.nearest import NEIGHBOUR, NONE, content_neighbours

CPU = torch.device("cpu")

# Item 1 has no neighbours; items 0, 2 and 3 have three, two and one, of cosines of any sign.
NEIGHBOURS = np.array(
    [
        [(0, 1), (2, 0.5), (3, -0.25)],
        [(NONE, 0), (NONE, 0), (NONE, 0)],
        [(2, 1), (3, 0), (NONE, 0)],
        [(3, 1), (NONE, 0), (NONE, 0)],
    ],
    NEIGHBOUR,
)


def few_neighbours(k: int) -> np.ndarray:
    """Of 12 items, two without features; in 3 dimensions, so that many cosines are negative."""
    rows = torch.randn(12, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    rows[[0, 7]] = 0
    return content_neighbours(rows, k)


def random_graph(seed: int = 0, n: int = 9) -> csr_matrix:
    """Directed, some rows empty."""
    rng = np.random.default_rng(seed)
    weights = rng.random((n, n)) * (rng.random((n, n)) < 0.3)
    weights[[0, 5]] = 0
    return csr_matrix(weights)


def test_binary_shares_one_among_the_neighbours_whatever_their_cosines():
    third = 1 / 3
    expected = [[third, 0, third, third], [0, 0, 0, 0], [0, 0, 0.5, 0.5], [0, 0, 0, 1]]
    assert binary(NEIGHBOURS).toarray().tolist() == expected


def test_weighted_drops_cosines_that_are_not_positive():
    # Row sums 1.5, 0, 1 and 1.
    expected = [[1 / 1.5, 0, 0.5 / 1.5**0.5, 0], [0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    np.testing.assert_allclose(weighted(NEIGHBOURS).toarray(), expected, rtol=1e-15)
    assert weighted(NEIGHBOURS).nnz == 4


@pytest.mark.parametrize("k", [2, 9, 11])
def test_both_weightings_are_those_of_the_dense_matrices(k):
    neighbours = few_neighbours(k)
    listed, W = np.zeros((12, 12)), np.zeros((12, 12))
    for item, row in enumerate(neighbours):
        for other, cosine in row:
            if other != NONE:
                listed[item, other], W[item, other] = 1, max(cosine, 0)
    present = listed.any(axis=1)
    assert present.sum() == 10
    np.testing.assert_allclose(
        binary(neighbours).toarray()[present],
        listed[present] / listed[present].sum(axis=1, keepdims=True),
        rtol=1e-12,
    )
    D = np.diag([1 / total if total > 0 else 0 for total in W.sum(axis=1)])
    np.testing.assert_allclose(
        weighted(neighbours).toarray(), np.sqrt(D) @ W @ np.sqrt(D), atol=1e-12
    )
    for weighting in WEIGHTINGS.values():
        matrix = weighting(neighbours).toarray()
        assert not matrix[~present].any() and not matrix[:, ~present].any()


def test_a_mean_has_the_edges_of_all_graphs():
    graphs = [random_graph(seed) for seed in range(3)]
    dense = [graph.toarray() for graph in graphs]
    np.testing.assert_allclose(mean_graph(graphs).toarray(), sum(dense) / 3, rtol=1e-15)
    assert mean_graph(graphs).nnz == (sum(dense) > 0).sum()
    shared = mean_graph(graphs, [0.5, 2, 0.1]).toarray()
    np.testing.assert_allclose(shared, 0.5 * dense[0] + 2 * dense[1] + 0.1 * dense[2], rtol=1e-15)


@pytest.mark.parametrize("sizes", [[], [9, 10]])
def test_a_mean_of_no_graph_or_of_different_items_is_refused(sizes):
    with pytest.raises(ValueError, match="one or more graphs of as many items, not of "):
        mean_graph([random_graph(n=n) for n in sizes])


def test_a_mean_needs_a_share_for_each_graph():
    with pytest.raises(ValueError, match="2 item graphs, but 1 shares"):
        mean_graph([random_graph(0), random_graph(1)], [1])


@pytest.mark.parametrize("rows", [None, [7, 5, 3], [8, 0, 1, 2, 3, 7]], ids=["all", "few", "most"])
def test_products_and_gradients_are_those_of_the_dense_matrix(rows):
    rows = None if rows is None else torch.tensor(rows)
    product = ItemGraph(random_graph(), CPU).at(rows)
    S = torch.from_numpy(random_graph().toarray())
    S = S if rows is None else S[rows]
    # Wider than 64 columns, and one column.
    for width in (70, 1):
        x = torch.randn(9, width, dtype=torch.float64, requires_grad=True)
        torch.testing.assert_close(product(x), S @ x, rtol=1e-12, atol=1e-12)
        weights = torch.randn(len(S), width, dtype=torch.float64)
        (gradient,) = torch.autograd.grad((product(x) * weights).sum(), x)
        torch.testing.assert_close(gradient, S.T @ weights, rtol=1e-12, atol=1e-12)
    assert torch.autograd.gradcheck(product, x)


def test_a_product_has_the_precision_of_its_table():
    product = ItemGraph(random_graph(), CPU)
    x = torch.randn(9, 3)
    assert product(x).dtype == torch.float32
    expected = torch.from_numpy(random_graph().toarray()) @ x.double()
    torch.testing.assert_close(product(x).double(), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("rows", [None, torch.tensor([1])])
def test_a_graph_without_edges_gives_zero(rows):
    product = ItemGraph(csr_matrix((4, 4)), CPU).at(rows)
    x = torch.ones(4, 2, requires_grad=True)
    assert not product(x).any()
    assert not torch.autograd.grad(product(x).sum(), x)[0].any()
