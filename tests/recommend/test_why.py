"""The shares of modalities: they add up to the score, and each is what its modality gives."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from recbole_slmrec.recommend import Recommender
from recbole_slmrec.recommend.plot import draw_shares
from recbole_slmrec.recommend.why import Shares
from tests.model.dense import random_problem
from tests.model.fast import fast_model


def pairs_of(model) -> tuple[torch.Tensor, torch.Tensor]:
    users, items = torch.meshgrid(
        torch.arange(model.n_users), torch.arange(model.n_items), indexing="ij"
    )
    return users.flatten(), items.flatten()


def scores(model) -> torch.Tensor:
    with torch.no_grad():
        users, items = model()
    return (users @ items.T).flatten()


def problem_of(fusion: str = "concat"):
    return random_problem(3, 8, 9, 20, {"v": 5, "w": 3}, {"w": 6}, fusion=fusion)


@pytest.fixture(params=["concat", "mean"])
def model(request):
    return fast_model(problem_of(request.param))


def test_shares_add_up_to_the_score_in_float64(model):
    shares, pairs = Shares(model), pairs_of(model)
    assert shares.names == (*model.encoder.names, "bias") and "id" in shares.names
    of_pairs, of_items = shares.of_pairs(*pairs), shares.of_items(*pairs)
    torch.testing.assert_close(of_pairs.sum((1, 2)), scores(model), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(of_pairs.sum(1), of_items, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("score", ["dot", "cosine"])
def test_shares_of_a_smoothed_model_with_a_linear_part_add_up_too(score):
    model = fast_model(problem_of(), score=score, linear_weight=3.0, item_graph="both")
    shares, pairs = Shares(model), pairs_of(model)
    assert shares.names == (*model.encoder.names, "bias", "linear")
    of_pairs, of_items = shares.of_pairs(*pairs), shares.of_items(*pairs)
    torch.testing.assert_close(of_pairs.sum((1, 2)), scores(model), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(of_pairs.sum(1), of_items, rtol=1e-9, atol=1e-12)
    without = fast_model(problem_of(), score=score, item_graph="both")
    linear = scores(model) - scores(without)
    torch.testing.assert_close(of_items[:, -1], linear, rtol=1e-9, atol=1e-12)
    assert not of_pairs[:, -1, :-1].any() and not of_pairs[:, :-1, -1].any()


def test_a_share_is_what_the_score_loses_without_that_part(model):
    """Written anew from Eq. 5-6: the fused vectors of both sides, a part at a time."""
    n = len(model.encoder.names)
    mean = model.fusion.fusion == "mean"
    with torch.no_grad():
        encoding = model.encoder()
        sides = []
        for linear, z in (
            (model.fusion.user_map, encoding.users()),
            (model.fusion.item_map, encoding.items()),
        ):
            whole = [torch.zeros_like(each) for each in z.values()]
            parts = []
            for place, each in enumerate(z.values()):
                alone = whole[:place] + [each] + whole[place + 1 :]
                joined = sum(alone) / n if mean else torch.cat(alone, 1)
                parts.append(joined @ linear.weight.T)
            sides.append([*parts, linear.bias.expand(len(parts[0]), -1)])
    shares = Shares(model).of_pairs(*pairs_of(model))
    for p, user_part in enumerate(sides[0]):
        for q, item_part in enumerate(sides[1]):
            expected = (user_part @ item_part.T).flatten()
            torch.testing.assert_close(shares[:, p, q], expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["SLMRec", "MMLightGCN"])
def test_explained_recommendations_add_up_in_float32(at_home, name):
    loaded = Recommender.load(f"saved/{name}.pth")
    found = loaded.explain(loaded.recommend(k=5))
    shares = found.filter(regex="^why_")
    beside = ["why_popularity", "why_linear", "why_content"] if name == "SLMRec" else []
    assert list(shares) == ["why_v", "why_a", "why_t", "why_id", "why_bias", *beside]
    size = shares.abs().sum(axis=1)
    assert (abs(shares.sum(axis=1) - found["score"]) < 1e-5 * size).all()
    user, item = found["user"][7], found["item"][7]
    pairs = loaded.why(user, item)
    assert pairs.sum().to_numpy() == pytest.approx(shares.iloc[7].to_numpy(), abs=1e-5)


def test_a_model_whose_score_is_no_such_sum_says_so(at_home):
    loaded = Recommender.load("saved/VBPR.pth")
    with pytest.raises(ValueError, match="why: the score of VBPR is not a sum over modalities"):
        loaded.explain(loaded.recommend(["u0"]))


def test_the_picture_stacks_shares_of_both_signs(tmp_path, monkeypatch):
    explained = pd.DataFrame(
        {
            "user": ["u", "u"],
            "item": ["a", "b"],
            "rank": [1, 2],
            "score": [2.0, 0.5],
            "why_v": [3.0, -1.0],
            "why_id": [-1.5, 2.0],
            "why_bias": [0.5, -0.5],
        }
    )
    bars = []

    def saved(figure, path, **_):
        bars.extend(
            (round(bar.get_x(), 6), round(bar.get_width(), 6))
            for container in figure.axes[0].containers
            for bar in container
        )
        path.write_bytes(b"png")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", saved)
    draw_shares(explained, tmp_path / "why.png")
    assert bars == [(0, 3), (0, -1), (0, -1.5), (0, 2), (3, 0.5), (-1, -0.5)]
    assert np.isclose(sum(width for _, width in bars), explained["score"].sum())
