"""The k nearest items, against every pair's cosine and a plain sort, ties by the lower id."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recbole_slmrec.graph import nearest
from recbole_slmrec.graph.bipartite import interaction_graph
from recbole_slmrec.graph.nearest import (
    NONE,
    content_neighbours,
    nearest_to,
    shared_user_neighbours,
)
from recbole_slmrec.graph.product import InteractionBlock

CPU = torch.device("cpu")


def features(n: int, width: int, seed: int = 0) -> torch.Tensor:
    """Unit rows; one in five is a copy of one of n / 80, each of which has some 16; some are zero."""
    rng = torch.Generator().manual_seed(seed)
    rows = torch.nn.functional.normalize(torch.randn(n, width, generator=rng))
    copies = torch.randperm(n, generator=rng)[: n // 5]
    rows[copies] = rows[torch.randint(n // 80, (len(copies),), generator=rng)]
    rows[torch.randperm(n, generator=rng)[: n // 20]] = 0
    rows[0] = 0
    return rows


def cosines_of(rows: torch.Tensor) -> np.ndarray:
    """Of every pair; one number for all pairs of copies. -2 where one has no features."""
    distinct, place = np.unique(rows.numpy(), axis=0, return_inverse=True)
    lengths = np.linalg.norm(distinct.astype(np.float64), axis=1)
    empty = lengths == 0
    unit = distinct.astype(np.float64) / np.where(empty, 1, lengths)[:, None]
    cosines = unit @ unit.T
    cosines[empty], cosines[:, empty] = -2, -2
    return cosines[np.ix_(place.ravel(), place.ravel())]


def sorted_out(cosines: np.ndarray, k: int, lowest: float) -> list[dict[int, float]]:
    """Each item's k best above ``lowest``: itself, then by cosine, then by id."""
    neighbours = []
    for item, row in enumerate(cosines):
        others = np.arange(len(row))
        order = np.lexsort((others, -row, others != item))
        neighbours.append({j: row[j] for j in order[:k].tolist() if row[j] > lowest})
    return neighbours


def assert_neighbours(actual: np.ndarray, expected: list[dict[int, float]]):
    assert len(actual) == len(expected)
    for row, other in zip(actual, expected):
        n = len(other)
        assert row["item"].tolist() == [*sorted(other), *[NONE] * (len(row) - n)]
        np.testing.assert_allclose(row["cosine"][:n], [other[j] for j in sorted(other)], atol=1e-12)
        assert not row["cosine"][n:].any()


def test_content_neighbours_are_those_of_all_pairs_sorted():
    rows = features(2000, 16)
    expected = sorted_out(cosines_of(rows), 10, -1.5)
    assert_neighbours(content_neighbours(rows, 10), expected)
    assert [len(each) for each in expected].count(0) >= 100


@pytest.mark.parametrize("n_rows, n_threads", [(1, 1), (7, 1), (50, 2), (1000, 2)])
def test_neither_blocks_nor_threads_change_a_bit(monkeypatch, n_rows, n_threads):
    # No multiple of a vector's width: kernels treat the last columns apart.
    rows = features(603, 51)
    expected = content_neighbours(rows, 9)
    monkeypatch.setattr(nearest, "_BLOCK", n_rows * 603)
    torch.set_num_threads(n_threads)
    try:
        assert np.array_equal(content_neighbours(rows, 9), expected)
    finally:
        torch.set_num_threads(1)


@pytest.mark.parametrize("spread", [0, 1e-7, 1e-5])
def test_rows_that_single_precision_cannot_tell_apart(spread):
    rng = torch.Generator().manual_seed(0)
    rows = torch.randn(400, 51, generator=rng, dtype=torch.float64)
    rows[100:] = rows[torch.arange(300) % 3] + spread * torch.randn(300, 51, generator=rng)
    steps = torch.nn.functional.normalize(rows).mul(2**26).round()
    expected = sorted_out((steps @ steps.T).numpy(), 10, -torch.inf)
    found = content_neighbours(rows, 10)["item"]
    assert found.tolist() == [sorted(each) for each in expected]


def test_products_of_less_than_single_precision_are_noticed(monkeypatch):
    rows = features(603, 51)
    expected = content_neighbours(rows, 9)

    def coarse(self, block):
        x = self.narrow.bfloat16()
        scores = (x[block] @ x.T).float()
        scores.diagonal(block.start).fill_(torch.inf)
        return scores.topk(self.n_candidates)

    monkeypatch.setattr(nearest._Search, "_candidates", coarse)
    assert np.array_equal(content_neighbours(rows, 9), expected)


def test_mixed_precision_around_it_changes_nothing():
    rows = features(603, 51)
    expected = content_neighbours(rows, 9)
    with torch.autocast("cpu"):
        assert np.array_equal(content_neighbours(rows, 9), expected)


def test_the_order_of_additions_breaks_no_tie():
    rng = torch.Generator().manual_seed(0)
    values = torch.randn(60, generator=rng)
    copies = [values[torch.randperm(60, generator=rng)] for _ in range(99)]
    rows = torch.stack([torch.ones(60), *copies])
    assert content_neighbours(rows, 10)["item"][0].tolist() == list(range(10))


def test_items_in_another_order_have_the_same_neighbours():
    rows = torch.randn(200, 12, generator=torch.Generator().manual_seed(0))
    order = torch.randperm(200, generator=torch.Generator().manual_seed(1))
    before = content_neighbours(rows, 5)["item"]
    after = content_neighbours(rows[order], 5)["item"]
    for place, item in enumerate(order.tolist()):
        assert sorted(order[after[place]].tolist()) == before[item].tolist()


def test_the_length_of_a_row_does_not_count():
    rows = torch.randn(100, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    longer = rows * torch.logspace(-20, 20, 100, dtype=torch.float64).unsqueeze(1)
    before, after = content_neighbours(rows, 5), content_neighbours(longer, 5)
    assert np.array_equal(after["item"], before["item"])
    np.testing.assert_allclose(after["cosine"], before["cosine"], atol=1e-12)


def test_an_item_is_its_own_neighbour_however_many_copies_come_before_it():
    rows = torch.ones(6, 2)
    assert content_neighbours(rows, 3)["item"].tolist() == [
        [0, 1, 2],
        [0, 1, 2],
        [0, 1, 2],
        [0, 1, 3],
        [0, 1, 4],
        [0, 1, 5],
    ]


@pytest.mark.parametrize("n_present", [0, 1, 3])
def test_where_fewer_have_features_there_are_fewer_neighbours(n_present):
    rows = torch.zeros(7, 2)
    rows[2 : 2 + n_present, 0] = 1
    found = list(range(2, 2 + n_present))
    expected = [found + [NONE] * (4 - n_present) if i in found else [NONE] * 4 for i in range(7)]
    assert content_neighbours(rows, 4)["item"].tolist() == expected


def block_of(users: list[int], items: list[int], n_users: int, n_items: int) -> InteractionBlock:
    graph = interaction_graph(torch.tensor(users), torch.tensor(items), n_users, n_items)
    return InteractionBlock(graph, CPU)


def many_interactions() -> tuple[InteractionBlock, np.ndarray]:
    """A block and the same densely: one item in four a copy of another, some without users."""
    rng = np.random.default_rng(0)
    R = rng.random((40, 120)) < rng.uniform(0.01, 0.3, 120)
    R[:, 90:] = R[:, rng.integers(90, size=30)]
    R[:, [0, 50, 100]] = False
    users, items = R.nonzero()
    return block_of(users.tolist(), items.tolist(), 40, 120), R.astype(np.float64)


@pytest.mark.parametrize("shrink", [0, 5, 0.25])
@pytest.mark.parametrize("k", [1, 10, 119])
def test_shared_user_neighbours_are_those_of_a_dense_item_knn(k, shrink):
    block, R = many_interactions()
    lengths = np.linalg.norm(R, axis=0)
    with np.errstate(invalid="ignore"):
        cosines = np.nan_to_num(R.T @ R / (np.outer(lengths, lengths) + shrink))
    # Equal cosines may differ in the last bits.
    expected = sorted_out(cosines.round(13), k, 0)
    assert_neighbours(shared_user_neighbours(block, k, shrink), expected)
    assert [len(each) for each in expected].count(0) >= 3


@pytest.mark.parametrize("n_rows", [1, 7])
def test_blocks_do_not_change_shared_user_neighbours(monkeypatch, n_rows):
    block, _ = many_interactions()
    expected = shared_user_neighbours(block, 10, 5)
    monkeypatch.setattr(nearest, "_BLOCK", n_rows * 120)
    assert np.array_equal(shared_user_neighbours(block, 10, 5), expected)


def test_equal_cosines_of_different_numbers_tie():
    # Item 3 shares 1 of item 1's 2 users, 3 of item 2's 18: 1 / sqrt(4 * 2) = 3 / sqrt(4 * 18).
    users_of = {1: [0, 4], 2: [0, 1, 2, *range(5, 20)], 3: [0, 1, 2, 3]}
    users = [user for own in users_of.values() for user in own]
    items = [item for item, own in users_of.items() for _ in own]
    neighbours = shared_user_neighbours(block_of(users, items, 20, 4), 2)
    assert neighbours["item"][3].tolist() == [1, 3]
    np.testing.assert_allclose(neighbours["cosine"][3], [8**-0.5, 1], rtol=1e-15)


@pytest.mark.parametrize("n_rows", [1, 7, 10**6])
@pytest.mark.parametrize("k", [0, 1, 10, 60])
def test_the_nearest_to_other_rows_are_those_of_a_full_sort(monkeypatch, k, n_rows):
    rng = np.random.default_rng(1)
    features, rows = rng.normal(size=(50, 4)), rng.normal(size=(20, 4))
    features[30:] = features[rng.integers(30, size=20)]
    features[[0, 9]], rows[[3, 19]] = 0, 0
    monkeypatch.setattr(nearest, "_BLOCK", n_rows * 50)
    neighbours = nearest_to(torch.from_numpy(rows), torch.from_numpy(features), k)
    assert neighbours.shape == (20, k)
    lengths = np.outer(np.linalg.norm(rows, axis=1), np.linalg.norm(features, axis=1))
    cosines = np.divide(rows @ features.T, lengths, out=np.full((20, 50), -9.0), where=lengths > 0)
    for own, found in zip(cosines, neighbours):
        order = np.lexsort((np.arange(50), -own.round(9)))[:k]
        expected = np.sort([j for j in order if own[j] > -9])
        n = len(expected)
        assert found["item"][:n].tolist() == expected.tolist()
        np.testing.assert_allclose(found["cosine"][:n], own[expected.astype(int)], atol=1e-12)
        assert (found["item"][n:] == -1).all()


@pytest.mark.parametrize("k", [0, -1, 5, 6, 2.0, None])
def test_k_out_of_range_is_refused(k):
    message = r"item_graph_k \[.*\] must be a whole number from 1 to 4: there are 5 items"
    with pytest.raises(ValueError, match=message):
        content_neighbours(torch.ones(5, 2), k)
    with pytest.raises(ValueError, match=message):
        shared_user_neighbours(block_of([0], [1], 2, 5), k)


@pytest.mark.parametrize("shrink", [-1, float("nan"), float("inf"), "3"])
def test_a_shrinkage_out_of_range_is_refused(shrink):
    with pytest.raises(ValueError, match=r"shrink \[.*\] must be a number, 0 or more"):
        shared_user_neighbours(block_of([0], [1], 2, 5), 2, shrink)


@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
def test_features_that_are_not_finite_are_refused(value):
    rows = torch.ones(5, 2)
    rows[3, 1] = value
    with pytest.raises(ValueError, match="features of item 3 are not all finite"):
        content_neighbours(rows, 2)
