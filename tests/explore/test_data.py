"""What a page holds: the recommender's own numbers, and each user and item by its place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recbole_slmrec.explore.data import Wanted, gather
from recbole_slmrec.recommend import Recommender
from recbole_slmrec.training.refit import refit
from tests.made import read_pairs
from tests.trained import SETTINGS


def gathered(*models: str, **wanted) -> dict:
    files = [Path(f"saved/{model}.pth") for model in models]
    return gather(Wanted(files, Path("page.html"), **{"users": "all", **wanted}))


@pytest.mark.parametrize("model", SETTINGS)
def test_recommendations_and_scores_are_those_of_recommend(shop, model):
    data = gathered(model, k=4)
    expected = Recommender.load(f"saved/{model}.pth").recommend(k=4)
    users, items = data["users"], data["items"]
    found = [
        (user, items["id"][item], expected["score"].dtype.type(score))
        for user, rows in zip(users["id"], users["recommended"][0])
        for item, score, *_ in rows
    ]
    assert found == list(expected[["user", "item", "score"]].itertuples(index=False, name=None))


@pytest.mark.parametrize("model", ["SLMRec", "MMLightGCN"])
def test_shares_are_those_of_why(shop, model):
    data = gathered(model, k=3, users="u5,u2")
    loaded = Recommender.load(f"saved/{model}.pth")
    expected = loaded.explain(loaded.recommend(["u5", "u2"], k=3)).filter(like="why_")
    rows = [row for rows in data["users"]["recommended"][0] for row in rows]
    assert [f"why_{part}" for part in data["models"][0]["parts"]] == list(expected)
    assert np.array([row[2:] for row in rows], np.float32).tolist() == expected.to_numpy().tolist()
    everyone = loaded.explain(loaded.recommend(k=3)).filter(like="why_").mean()
    assert data["models"][0]["shares"] == pytest.approx(everyone.to_list(), abs=1e-5)


def test_the_numbers_are_of_all_users_whichever_are_shown(shop):
    few, everyone = gathered("SLMRec", users="u3"), gathered("SLMRec")
    assert few["models"] == everyone["models"] and few["users"]["id"] == ["u3"]
    found = Recommender.load("saved/SLMRec.pth").recommend()
    counts = found["item"].value_counts()
    items = everyone["items"]
    assert dict(zip(items["id"], items["got"][0])) == {
        item: counts.get(item, 0) for item in items["id"]
    }
    model = everyone["models"][0]
    assert model["covered"] == len(counts) and model["n_recommended"] == len(found) == 600
    taken = dict(zip(items["id"], items["taken"]))
    assert model["taken"] == pytest.approx(found["item"].map(taken).mean())
    marks = dict(zip(items["id"], (everyone["marks"][mark] for mark in items["mark"])))
    for number, mark in enumerate(everyone["marks"]):
        assert model["marked"][number] == pytest.approx((found["item"].map(marks) == mark).mean())


def test_what_users_had_in_which_split(shop):
    data = gathered("SLMRec", users="u9")
    had = [(data["items"]["id"][item]) for item in data["users"]["had"][0]]
    splits = [data["splits"][split] for split in data["users"]["split"][0]]
    files = {"training": "train", "validation": "valid", "test": "test"}
    expected = [
        (item, split)
        for split, name in files.items()
        for user, item in read_pairs(shop / "dataset" / "made" / f"made.{name}.inter")
        if user == "u9"
    ]
    assert list(zip(had, splits)) == expected and data["users"]["n_had"] == [9]


def test_similar_items_by_the_model_and_by_each_modality(shop):
    data = gathered("SLMRec", users="u1")
    ids = data["items"]["id"]
    by_name = {each["name"]: each for each in data["similar"]}
    assert list(by_name) == ["SLMRec", "v", "a", "t"]
    expected = Recommender.load("saved/SLMRec.pth").similar_items(ids, k=6)
    for place, item in enumerate(ids):
        own = expected[expected["item"] == item]
        found = by_name["SLMRec"]["found"][place]
        assert [ids[other] for other, _ in found] == own["similar"].to_list()
        assert [cosine for _, cosine in found] == pytest.approx(own["score"].to_list(), abs=1e-4)
    features = np.load("dataset/made/v.npy")
    rows = (shop / "dataset/made/made.item").read_text().splitlines()[1:]
    row = {line.split("\t")[0]: number for number, line in enumerate(rows)}
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    cosines = unit @ unit[row["i3"]]
    best = sorted(set(row) - {"i3"}, key=lambda item: -cosines[row[item]])[:6]
    found = by_name["v"]["found"][ids.index("i3")]
    assert [ids[other] for other, _ in found] == best
    assert [cosine for _, cosine in found] == pytest.approx(
        [cosines[row[i]] for i in best], abs=1e-4
    )


@pytest.mark.parametrize("model", ["LightGCN", "Pop"])
def test_a_model_without_vectors_says_so_and_modalities_are_there(shop, model):
    data = gathered(model, users="u1")
    own, *others = data["similar"]
    assert own["found"] == [] and own["why_not"] == f"{model} has no vectors of items to compare"
    assert [each["name"] for each in others] == ["v", "a", "t"]
    assert all(len(pairs) == 6 for each in others for pairs in each["found"])
    assert data["models"][0]["parts"] == [] and data["map"]["by"].startswith(f"{model} has no")


def test_two_stand_side_by_side_for_the_same_users(shop):
    data = gathered("SLMRec", "LightGCN", users="u4,u1", k=5)
    assert [model["name"] for model in data["models"]] == ["SLMRec", "LightGCN"]
    for number, model in enumerate(("SLMRec", "LightGCN")):
        (alone,) = gathered(model, users="u4,u1", k=5)["users"]["recommended"]
        assert [[row[1:] for row in rows] for rows in data["users"]["recommended"][number]] == [
            [row[1:] for row in rows] for rows in alone
        ]


def test_two_of_one_model_are_told_apart_by_their_files(shop):
    (shop / "saved" / "other.pth").write_bytes((shop / "saved" / "SLMRec.pth").read_bytes())
    data = gathered("SLMRec", "other", users="u1")
    assert [m["name"] for m in data["models"]] == ["SLMRec (SLMRec)", "SLMRec (other)"]


def test_titles_fields_and_colours_are_those_of_the_file(shop):
    data = gathered("SLMRec", users="u1", title="title", show=["class", "price"])
    items = data["items"]
    titles = dict(zip(items["id"], items["title"]))
    assert titles["i1"] == "The i1 of all" and titles["i8"] == ""
    assert set(items["fields"]) == {"class", "price"}
    popularity, kind, price = data["map"]["colours"]
    assert popularity["labels"] == ["others", "popular", "cold"]
    assert kind["labels"] == ["a", "b", "c"]
    assert [kind["labels"][group] for group in kind["groups"]] == [
        text.split()[0] for text in items["fields"]["class"]
    ]
    for text, group in zip(items["fields"]["price"], price["groups"]):
        low, high = map(float, price["labels"][group].split(" to "))
        assert low <= float(text) <= high
    assert len(data["map"]["points"]) == len(items["id"]) == 45
    assert np.min(data["map"]["points"]) == 0 and np.max(data["map"]["points"]) == 1000


def test_a_refit_has_one_split_and_does_not_stand_beside_its_origin(shop):
    file = Path(refit(Path("saved/SLMRec.pth")))
    data = gather(Wanted([file], Path("page.html"), users="u9"))
    assert data["splits"] == ("training",) and data["users"]["split"] == [[0] * 9]
    with pytest.raises(ValueError, match="the number of training interactions was 360 and is 540"):
        gathered("SLMRec", file.stem)
