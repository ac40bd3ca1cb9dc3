"""RecBole's simplest models, against what their names mean in a few plain lines."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from recbole.data.interaction import Interaction

from recbole_slmrec import quick_start
from recbole_slmrec.config import Config
from recbole_slmrec.training.trainer import get_trainer
from tests.made import make

QUICK = {"show_progress": False, "state": "ERROR", "train_batch_size": 64}


def trained(name: str, **settings):
    """A trained model, the loader of training, and all scores in two ways."""
    config = Config(name, "made", config_dict={**QUICK, **settings})
    train_data, valid_data, _ = quick_start.load_data(config)
    model = quick_start.build_model(config, train_data)
    get_trainer(config["MODEL_TYPE"], name)(config, model).fit(train_data, valid_data, saved=False)
    users, items = torch.arange(model.n_users), torch.arange(model.n_items)
    whole = model.full_sort_predict(Interaction({"user_id": users})).view(len(users), -1)
    pairs = {
        "user_id": users.repeat_interleave(len(items)),
        "item_id": items.repeat(len(users)),
    }
    single = model.predict(Interaction(pairs)).view(len(users), -1)
    return model, train_data, whole.double(), single.double()


def matrix(train_data) -> np.ndarray:
    pairs = train_data._dataset
    x = np.zeros((pairs.user_num, pairs.item_num))
    x[pairs.inter_feat["user_id"], pairs.inter_feat["item_id"]] = 1
    return x


@pytest.mark.parametrize("batch_size", [7, 64, 4096])
def test_pop_counts_each_interaction_of_training_once(made, batch_size):
    _, train_data, whole, single = trained("Pop", train_batch_size=batch_size)
    counts = Counter(train_data._dataset.inter_feat["item_id"].tolist())
    expected = torch.tensor([counts[item] for item in range(whole.shape[1])]).double()
    for scores in (whole, single):
        torch.testing.assert_close(scores, (expected / expected.max()).expand_as(scores))


def test_pop_counts_a_repeated_interaction_as_often_as_it_occurs(tmp_path):
    folder = make(tmp_path / "dataset")
    text = (folder / "made.train.inter").read_text(encoding="utf-8")
    last = text.splitlines()[-1]
    (folder / "made.train.inter").write_text(text + 40 * f"{last}\n", encoding="utf-8")
    _, train_data, whole, _ = trained("Pop")
    item = train_data._dataset.token2id("item_id", last.split("\t")[1])
    assert whole[0].argmax() == item


def test_pop_is_the_same_in_two_processes_and_from_its_checkpoint(made):
    alone = quick_start.run("Pop", "made", config_dict=QUICK)
    both = quick_start.run("Pop", "made", config_dict=QUICK, nproc=2, port="29611")
    assert both["test_result"] == alone["test_result"]
    assert quick_start.evaluate(alone["checkpoint"]) == alone["test_result"]


def test_random_gives_each_user_an_order_of_its_own_that_stays(made):
    *_, whole, single = trained("Random")
    assert torch.equal(whole, single)
    assert len({tuple(row.tolist()) for row in whole.argsort(dim=1)}) == len(whole)
    # Uniform on [0, 1): each of ten equal parts holds a tenth of the scores.
    shares = torch.histc(whole, bins=10, min=0, max=1) / whole.numel()
    assert shares.min() > 0.08 and shares.max() < 0.12
    assert not torch.equal(whole, trained("Random", seed=1)[2])
    result = quick_start.run("Random", "made", config_dict=QUICK)
    assert quick_start.evaluate(result["checkpoint"]) == result["test_result"]


@pytest.mark.parametrize(
    "method, k, shrink", [("item", 5, 0.0), ("item", 100, 2.0), ("user", 5, 1.0)]
)
def test_item_knn_sums_the_cosines_of_the_nearest(made, method, k, shrink):
    model, train_data, whole, single = trained("ItemKNN", knn_method=method, k=k, shrink=shrink)
    x = matrix(train_data)
    x = x.T if method == "user" else x
    norms = np.sqrt((x**2).sum(0))
    cosines = x.T @ x / (np.outer(norms, norms) + shrink + 1e-6)
    np.fill_diagonal(cosines, 0)
    nearest = model.w.toarray().T if method == "user" else model.w.toarray()
    # Among equally near ones any may be kept: each is the cosine, and together they are the largest.
    assert ((nearest == 0) | np.isclose(nearest, cosines, atol=1e-6)).all()
    np.testing.assert_allclose(nearest.sum(0), np.sort(cosines, axis=0)[-k:].sum(0), rtol=1e-5)
    scores = (x @ nearest).T if method == "user" else x @ nearest
    np.testing.assert_allclose(whole, scores, atol=1e-5)
    torch.testing.assert_close(whole, single)


def test_ease_solves_its_ridge_regression(made):
    _, train_data, whole, single = trained("EASE", reg_weight=10.0)
    x = matrix(train_data)
    inverse = np.linalg.inv(x.T @ x + 10 * np.eye(x.shape[1]))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    np.testing.assert_allclose(whole, x @ weights, atol=1e-5)
    torch.testing.assert_close(whole, single, atol=1e-5, rtol=0)
