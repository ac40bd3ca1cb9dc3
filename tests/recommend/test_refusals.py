"""Checkpoints that do not fit: another version, other data, data that have changed."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch

from recbole_slmrec import quick_start
from recbole_slmrec.data.fingerprint import differences
from recbole_slmrec.recommend import Recommender
from tests.made import make


@pytest.fixture
def copy(home, tmp_path):
    """A copy of the data set and a checkpoint, to be changed."""
    shutil.copytree(home / "dataset", "dataset")
    shutil.copy(home / "saved" / "SLMRec.pth", "slmrec.pth")
    return tmp_path / "dataset" / "made"


def refusal() -> str:
    with pytest.raises(ValueError) as raised:
        Recommender.load("slmrec.pth")
    message = str(raised.value)
    assert message.startswith("slmrec.pth ")
    return message


def rewrite(path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_the_same_data_are_taken_in_another_order_too(copy):
    assert len(Recommender.load("slmrec.pth").items) == 45
    path = copy / "made.train.inter"
    header, *lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([header, *lines[:6][::-1], *lines[6:]]))
    message = refusal()
    assert "the item ids differ" in message or "the training interactions differ" in message


def test_an_interaction_more(copy):
    path = copy / "made.train.inter"
    path.write_text(path.read_text() + "u0\ti0\n")
    message = refusal()
    assert "does not fit the data set [made], which is another one or has changed since" in message
    assert "the number of training interactions was 360 and is 361" in message
    assert "the training interactions differ" in message and "user ids" not in message


def test_another_item_in_an_interaction(copy):
    path = copy / "made.train.inter"
    lines = path.read_text().splitlines(keepends=True)
    lines[-1] = "u59\t" + lines[1].split("\t")[1]
    path.write_text("".join(lines))
    assert "since: the training interactions differ. Bring the data back" in refusal()


def test_a_user_renamed(copy):
    for split in ("train", "valid", "test"):
        rewrite(copy / f"made.{split}.inter", "u59\t", "x59\t")
    assert "since: the user ids differ. Bring" in refusal()


def test_features_exchanged(copy):
    features = np.load(copy / "v.npy")
    np.save(copy / "v.npy", features[[1, 0, *range(2, 45)]])
    assert "since: the features of v differ. Bring" in refusal()


def test_features_rounded_differently_are_the_same(copy):
    features = np.load(copy / "v.npy")
    np.save(copy / "v.npy", features * (1 + 1e-6))
    Recommender.load("slmrec.pth")


def test_another_data_set_of_that_name(copy):
    shutil.rmtree(copy)
    make(copy.parent, seed=1)
    message = refusal()
    assert "training interactions differ" in message and "features of v differ" in message


def test_no_data_set(copy):
    shutil.rmtree(copy)
    with pytest.raises(FileNotFoundError, match="there is no data set \\[made\\]"):
        Recommender.load("slmrec.pth")


@pytest.mark.parametrize(
    "change, message",
    [
        ({"format": "recbole-slmrec checkpoint 0"}, "is from another version: its format is \\[re"),
        ({"format": "another"}, "is not a checkpoint of this package"),
        ({"data": None}, "is from another version: it does not note the data"),
        ({"model": "LightGCN"}, "does not fit its settings|does not fit the data set"),
    ],
)
def test_another_version_or_model(copy, change, message):
    state = torch.load("slmrec.pth", weights_only=True)
    state = {key: value for key, value in {**state, **change}.items() if value is not None}
    torch.save(state, "slmrec.pth")
    with pytest.raises(ValueError, match=message):
        Recommender.load("slmrec.pth")


def test_a_model_that_is_no_general_recommender(monkeypatch):
    loaded = {"model": "SASRec"}, torch.nn.Linear(1, 1), None
    monkeypatch.setattr(quick_start, "load_data_and_model", lambda *_: loaded)
    with pytest.raises(ValueError, match="SASRec, which does not rank items for a user alone"):
        Recommender.load("sasrec.pth")


def test_evaluate_refuses_changed_data_too(copy):
    path = copy / "made.train.inter"
    path.write_text(path.read_text() + "u0\ti0\n")
    with pytest.raises(ValueError, match="has changed since: the number of training interactions"):
        quick_start.evaluate("slmrec.pth")


def test_a_modality_more_or_less_is_a_difference():
    noted, found = {"features of v": 1.0, "n": 1200}, {"n": 1, "features of w": "ab"}
    assert differences(noted, found) == [
        "the features of v differ",
        "the n was 1,200 and is 1",
        "the features of w differ",
    ]
    assert differences(noted, dict(noted)) == []
