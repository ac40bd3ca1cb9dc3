"""Blocks, masks and top-K against the plain way to do it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_slmrec.recommend import ranking
from recbole_slmrec.recommend.pairs import Pairs
from recbole_slmrec.recommend.ranking import rank
from recbole_slmrec.recommend.scores import VectorScores

N_USERS, N_ITEMS = 7, 12

pairs = st.lists(st.tuples(st.integers(1, N_USERS - 1), st.integers(1, N_ITEMS - 1)), max_size=40)


def of(some) -> Pairs:
    users, items = np.array(some, dtype=np.int64).reshape(-1, 2).T
    return Pairs(users, items, N_USERS)


@settings(max_examples=30, deadline=None)
@given(pairs, st.lists(st.integers(0, N_USERS - 1), max_size=6))
def test_pairs_give_each_users_items_where_the_user_stands(some, asked):
    places, items = of(some).of(torch.tensor(asked, dtype=torch.int64))
    expected = [(at, i) for at, user in enumerate(asked) for u, i in some if u == user]
    assert sorted(zip(places.tolist(), items.tolist())) == sorted(expected)


@settings(max_examples=30, deadline=None)
@given(pairs, st.permutations(range(1, N_ITEMS)))
def test_pairs_within_candidates_count_by_their_places(some, order):
    candidates = order[:5]
    everyone = torch.arange(N_USERS)
    users, places = of(some).within(np.array(candidates)).of(everyone)
    found = sorted((u, candidates[place]) for u, place in zip(users.tolist(), places.tolist()))
    assert found == sorted(pair for pair in some if pair[1] in candidates)


@settings(max_examples=30, deadline=None)
@given(pairs, st.integers(1, 15), st.integers(1, 3), st.data())
def test_rank_is_the_sorted_rest(some, k, users_per_block, data):
    candidates = data.draw(st.permutations(range(1, N_ITEMS)))[: data.draw(st.integers(1, 11))]
    vectors = torch.randn(N_USERS, 4), torch.randn(N_ITEMS, 4)
    users = torch.arange(1, N_USERS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "SCORES_PER_BLOCK", users_per_block * len(candidates))
        blocks = list(rank(VectorScores(*vectors), users, torch.tensor(candidates), k, of(some)))
    assert max(len(block.users) for block in blocks) == users_per_block
    scores = vectors[0] @ vectors[1].T
    for block in blocks:
        for user, items, values in zip(block.users.tolist(), block.items, block.scores):
            left = [i for i in candidates if (user, i) not in some]
            expected = sorted(left, key=lambda item: -scores[user, item])[:k]
            assert items[values > -torch.inf].tolist() == expected
            torch.testing.assert_close(values[: len(expected)], scores[user, expected])
