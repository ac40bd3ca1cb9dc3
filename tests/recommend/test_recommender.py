"""Recommender: the evaluator's ranking, in the ids of the data, for every kind of model."""

from __future__ import annotations

import doctest
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from recbole_slmrec import quick_start
from recbole_slmrec.recommend import Recommender, recommender
from recbole_slmrec.recommend.ids import Ids
from recbole_slmrec.recommend.pairs import Pairs
from recbole_slmrec.recommend.scores import VectorScores
from recbole_slmrec.training.trainer import get_trainer
from tests.made import read_pairs
from tests.trained import SETTINGS

WITH_VECTORS = ("SLMRec", "MMLightGCN", "VBPR")
EXAMPLES = [
    test for test in doctest.DocTestFinder().find(recommender, "recommender") if test.examples
]


def interactions(home, *splits: str) -> list[tuple[str, str]]:
    files = (home / "dataset" / "made" / f"made.{split}.inter" for split in splits)
    return [pair for file in files for pair in read_pairs(file)]


@pytest.mark.parametrize("test", EXAMPLES, ids=lambda test: test.name)
def test_the_examples_in_the_docstrings_are_true(at_home, test):
    assert doctest.DocTestRunner().run(test).failed == 0


def test_every_public_method_that_a_user_calls_has_an_example():
    documented = {test.name.rpartition(".")[2] for test in EXAMPLES}
    assert {"recommend", "similar_items", "score", "explain", "why"} <= documented


@pytest.mark.parametrize("model", SETTINGS)
def test_top_k_is_the_full_sort_evaluators_for_every_test_user(at_home, model):
    path = f"saved/{model}.pth"
    config, built, dataset, _, _, test_data = quick_start.load_data_and_model(path)
    trainer = get_trainer(config["MODEL_TYPE"], model)(config, built)
    trainer.tot_item_num = dataset.item_num
    trainer.item_tensor = test_data._dataset.get_item_feature()
    built.eval()
    masked = interactions(at_home, "train", "valid")
    found = Recommender.load(path).recommend(k=10, exclude=masked).set_index("user")
    tokens, n_users = dataset.id2token, 0
    with torch.no_grad():
        for batch in test_data:
            interaction, scores, _, _ = trainer._full_sort_batch_eval(batch)
            expected = scores.topk(10)
            for line, user in enumerate(tokens("user_id", interaction["user_id"])):
                mine = found.loc[user]
                assert list(mine["rank"]) == list(range(1, 11))
                # The same order up to ties: a place holds an item of the evaluator's score there.
                rows = [dataset.token2id("item_id", item) for item in mine["item"]]
                values = expected.values[line].to(torch.float32)
                torch.testing.assert_close(scores[line, rows].float(), values)
                torch.testing.assert_close(torch.tensor(mine["score"].to_numpy()).float(), values)
                assert len(set(rows)) == 10
                n_users += 1
    assert n_users == len({user for user, _ in interactions(at_home, "test")})


@pytest.mark.parametrize("model", SETTINGS)
def test_what_is_in_the_data_is_never_recommended(at_home, model):
    found = Recommender.load(f"saved/{model}.pth").recommend(k=100)
    seen = set(interactions(at_home, "train", "valid", "test"))
    assert not seen & set(zip(found["user"], found["item"]))
    # All else is, and the padding is no item.
    assert len(found) == 60 * 45 - len(seen)


@pytest.mark.parametrize("model", SETTINGS)
def test_score_is_that_of_recommend(at_home, model):
    loaded = Recommender.load(f"saved/{model}.pth")
    found = loaded.recommend(["u3", "u1"], k=5)
    pairs = list(zip(found["user"], found["item"]))[::-1] + [("u0", "i0")]
    scores = loaded.score(pairs)
    assert scores[:-1] == pytest.approx(found["score"].to_numpy()[::-1], rel=1e-5)


def test_candidates_users_and_exclusions(at_home):
    loaded = Recommender.load("saved/SLMRec.pth")
    everything = loaded.recommend(["u5"], k=45, exclude="none")
    assert sorted(everything["item"]) == sorted(f"i{n}" for n in range(45))
    assert everything["score"].is_monotonic_decreasing
    few = loaded.recommend(["u5", "u2"], k=45, items=["i7", "i9", "i7"], exclude="none")
    order = [item for item in everything["item"] if item in ("i7", "i9")]
    assert list(few[few["user"] == "u5"]["item"]) == order
    assert list(few["user"]) == ["u5", "u5", "u2", "u2"]
    without = loaded.recommend(["u5"], k=45, exclude=[("u5", everything["item"][0])])
    assert list(without["item"]) == list(everything["item"])[1:]
    assert loaded.recommend([], k=3).empty and loaded.recommend(["u1"], items=[]).empty


def test_ids_may_be_given_as_numbers():
    ids = Ids("user", ["7", "12"])
    assert ids.rows([12, "7", 12]).tolist() == [2, 1, 2]
    rows, unknown = ids.known([12, 3, 12, 3, 4])
    assert rows.tolist() == [2] and unknown == ["3", "4"]
    with pytest.raises(ValueError, match="1 user unknown to the checkpoint: ''"):
        ids.rows([""])


def test_unknown_ids_are_counted_and_named(at_home):
    loaded = Recommender.load("saved/SLMRec.pth")
    with pytest.raises(ValueError, match="^2 users unknown to the checkpoint: 'x', '\\[PAD\\]'$"):
        loaded.recommend(["u1", "x", "[PAD]"])
    many = [("u1", f"j{n}") for n in range(7)]
    with pytest.raises(ValueError, match="7 items .*: 'j0', 'j1', 'j2', 'j3', 'j4', ...$"):
        loaded.score(many)
    with pytest.raises(ValueError, match="k \\[0\\] must be a whole number, 1 or more"):
        loaded.recommend(k=0)
    with pytest.raises(ValueError, match="exclude \\[sen\\] is not one of seen, none, nor pairs"):
        loaded.recommend(exclude="sen")


@pytest.mark.parametrize("model", WITH_VECTORS)
def test_similar_items_are_the_nearest_by_cosine(at_home, model):
    loaded = Recommender.load(f"saved/{model}.pth")
    vectors = loaded.model.likeness(loaded.vectors()[1])[1:].numpy().astype(np.float64)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = pd.DataFrame(unit @ unit.T, loaded.items.tokens[1:], loaded.items.tokens[1:])
    found = loaded.similar_items(["i4", "i40"], k=6)
    for item, near in found.groupby("item"):
        expected = cosines[item].drop(item).nlargest(6)
        assert list(near["similar"]) == list(expected.index)
        assert near["score"].to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-5)


def test_a_model_without_vectors_says_so(at_home):
    with pytest.raises(ValueError, match="LightGCN has no vectors here: .*SLMRec.* have them"):
        Recommender.load("saved/LightGCN.pth").similar_items(["i4"])


def test_permuting_ids_changes_nothing():
    rng = np.random.default_rng(0)
    users, items = torch.randn(9, 5), torch.randn(31, 5)
    pairs = rng.integers(1, 9, 60), rng.integers(1, 31, 60)
    to_user, to_item = (np.concatenate([[0], 1 + rng.permutation(n - 1)]) for n in (9, 31))
    plain = Recommender(
        SimpleNamespace(),
        VectorScores(users, items),
        Ids("user", [f"u{n}" for n in range(1, 9)]),
        Ids("item", [f"i{n}" for n in range(1, 31)]),
        Pairs(*pairs, 9),
    )
    # Row r of the one is row to_user[r] of the other.
    from_user, from_item = np.argsort(to_user), np.argsort(to_item)
    permuted = Recommender(
        SimpleNamespace(),
        VectorScores(users[from_user], items[from_item]),
        Ids("user", [f"u{n}" for n in from_user[1:]]),
        Ids("item", [f"i{n}" for n in from_item[1:]]),
        Pairs(to_user[pairs[0]], to_item[pairs[1]], 9),
    )
    asked = [f"u{n}" for n in range(1, 9)]
    first, second = plain.recommend(asked, k=7), permuted.recommend(asked, k=7)
    pd.testing.assert_frame_equal(first, second)
