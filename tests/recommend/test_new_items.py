"""Items known by their features: vectors as if they stood in the graph without edges."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from recbole_slmrec import cli
from recbole_slmrec.data.modality import FieldSource, unit_rows
from recbole_slmrec.model.mmbpr import MMBPR
from recbole_slmrec.recommend import Recommender
from recbole_slmrec.recommend.new_items import new_item_vectors
from tests.model.dense import random_problem
from tests.model.fast import config_of, dataset_of, fast_model

ADJACENCIES = ("pre", "norm", "gcmc", "mean", "plain")


def vectors_of(model, features: dict[str, torch.Tensor]) -> torch.Tensor:
    with torch.no_grad():
        return new_item_vectors(model, features, model())


@pytest.mark.parametrize("n_layers", [0, 3])
@pytest.mark.parametrize("adjacency", ADJACENCIES)
@pytest.mark.parametrize("fusion", ["concat", "mean"])
def test_vectors_are_those_of_an_isolated_item_in_the_dense_graph(fusion, adjacency, n_layers):
    settings = {"fusion": fusion, "adjacency": adjacency, "n_layers": n_layers}
    problem = random_problem(3, 8, 9, 20, {"v": 5, "w": 3}, **settings)
    new = {name: torch.randn(2, D, dtype=torch.float64) for name, D in {"v": 5, "w": 3}.items()}
    new["w"][1] = 0
    zeros = problem.params["id"].new_zeros(2, problem.params["id"].shape[1])
    extended = replace(
        problem,
        n_items=problem.n_items + 2,
        params={**problem.params, "id": torch.cat([problem.params["id"], zeros])},
        features={name: torch.cat([problem.features[name], new[name]]) for name in new},
    )
    users, items = extended.fused()
    torch.testing.assert_close(
        vectors_of(fast_model(problem), new), items[-2:], rtol=1e-9, atol=1e-9
    )
    torch.testing.assert_close(problem.fused()[0], users, rtol=1e-9, atol=1e-9)


def test_by_cosine_and_with_a_linear_part_the_vector_has_length_one_and_no_linear_part():
    problem = random_problem(3, 8, 9, 20, {"v": 5, "w": 3})
    new = {name: torch.randn(2, D, dtype=torch.float64) for name, D in {"v": 5, "w": 3}.items()}
    plain = vectors_of(fast_model(problem), new)
    model = fast_model(problem, score="cosine", linear_weight=2.0, item_graph="users")
    found = vectors_of(model, new)
    d = plain.shape[1]
    unit = plain / plain.norm(dim=1, keepdim=True)
    torch.testing.assert_close(found[:, :d], unit, rtol=1e-9, atol=1e-12)
    assert found.shape[1] == model()[1].shape[1] and not found[:, d:].any()


@pytest.fixture
def folder(tmp_path):
    """Two new items: the one has v and t, the other v alone."""
    folder = tmp_path / "new"
    folder.mkdir()
    rng = np.random.default_rng(5)
    np.save(folder / "v.npy", rng.normal(size=(2, 6)).astype(np.float32))
    (folder / "v.ids.txt").write_text("n1\nn2\n")
    table = pd.DataFrame(rng.normal(size=(1, 5)), columns=[f"c{k}" for k in range(5)])
    table.insert(0, "item_id", ["n2"])
    table.to_csv(folder / "t.csv", index=False)
    return folder


def features_of(folder) -> dict[str, torch.Tensor]:
    v = torch.from_numpy(unit_rows(np.load(folder / "v.npy")))
    t = torch.zeros(2, 5)
    row = pd.read_csv(folder / "t.csv").drop(columns="item_id").to_numpy()
    t[1] = torch.from_numpy(unit_rows(row))[0]
    return {"v": v, "a": torch.zeros(2, 4), "t": t}


@pytest.mark.parametrize("model", ["SLMRec", "MMLightGCN"])
def test_the_files_are_read_by_id_and_normalised(at_home, folder, model):
    trained = Recommender.load(f"saved/{model}.pth")
    found = trained.with_new_items(folder)
    assert list(found.items.tokens[-2:]) == ["n1", "n2"] and len(trained.items) == 45
    expected = vectors_of(trained.model, features_of(folder))
    torch.testing.assert_close(found.vectors()[1][-2:], expected)
    assert torch.equal(found.vectors()[1][:-2], trained.vectors()[1])
    best = found.recommend(["u0"], k=2, items=["n1", "n2"])
    scores = found.vectors()[0][1] @ expected.T
    assert best["score"].to_numpy() == pytest.approx(scores.sort(descending=True)[0].numpy(), 1e-5)


def test_a_new_item_is_most_like_those_of_the_nearest_content(at_home, folder):
    trained = Recommender.load("saved/SLMRec.pth")
    found = trained.with_new_items(folder)
    near = found.similar_items(["n1", "i4"], k=46)
    assert list(near["item"].unique()) == ["i4", "n1"]
    cold = trained.model.cold
    own = cold.content_of([row[:1] for row in features_of(folder).values()])
    expected = dict(zip(trained.items.tokens[1:], (cold.content @ own.T)[1:, 0].tolist()))
    of_new = near[(near["item"] == "n1") & near["similar"].isin(list(expected))]
    assert len(of_new) == len(expected) == 45 and of_new["score"].is_monotonic_decreasing
    assert list(of_new["score"]) == pytest.approx(
        [expected[name] for name in of_new["similar"]], abs=1e-5
    )
    # What has interactions is compared by its own vectors, as without new items.
    before = trained.similar_items(["i4"], k=5)
    pd.testing.assert_frame_equal(found.similar_items(["i4"], k=5), before)


def test_vbpr_scores_a_new_item_by_its_features(at_home, folder):
    trained = Recommender.load("saved/VBPR.pth")
    model = trained.model
    f = torch.cat(list(features_of(folder).values()), dim=1)
    visual = model.theta_user.weight @ (f @ model.E.weight.T).T + f @ model.beta_feature.weight[0]
    found = trained.with_new_items(folder)
    pairs = [(user, item) for user in ("u0", "u9") for item in ("n1", "n2")]
    rows = trained.users.rows(["u0", "u9"])
    assert found.score(pairs) == pytest.approx(visual[rows].flatten().detach().numpy(), abs=1e-6)


def test_mmbpr_scores_a_new_item_by_its_features():
    problem = random_problem(3, 8, 9, 20, {"v": 5, "w": 3})
    sampled = {"train_neg_sample_args": {"sample_num": 1}}
    model = MMBPR(config_of(problem, **sampled), dataset_of(problem))
    v, w = torch.randn(2, 5), torch.randn(2, 3)
    vectors = vectors_of(model, {"v": v, "w": w})
    d = model.item_embedding.embedding_dim
    users = model.user_embedding.weight
    expected = users[:, d : 2 * d] @ model.W[0](v).T + users[:, 2 * d :] @ model.W[1](w).T
    torch.testing.assert_close(users @ vectors.T, expected)


def test_the_command_ranks_them_among_the_others_or_alone(at_home, folder, tmp_path):
    def run(*arguments):
        path = tmp_path / "recs.csv"
        command = ["recommend", "--checkpoint=saved/SLMRec.pth", "--users=u3", "--k=60"]
        command += [f"--output={path}", f"--new-items={folder}", "--state=WARNING", *arguments]
        assert cli.main(command) == 0
        return list(pd.read_csv(path)["item"])

    assert len(run("--exclude=none")) == 47 and {"n1", "n2"} < set(run())
    assert set(run("--items=new")) == {"n1", "n2"}


def test_one_file_for_one_modality(at_home, folder):
    found = Recommender.load("saved/SLMRec.pth").with_new_items(folder / "t.csv")
    assert list(found.items.tokens[-1:]) == ["n2"] and len(found.items) == 46


def refused(path, match, checkpoint="SLMRec", error=ValueError):
    with pytest.raises(error, match=match):
        Recommender.load(f"saved/{checkpoint}.pth").with_new_items(path)


def test_what_is_refused(at_home, folder, tmp_path):
    refused(folder, "this LightGCN makes no vector of an item from features", "LightGCN")
    refused(tmp_path / "none", "there is no file or folder of new items", error=FileNotFoundError)
    (folder / "v.ids.txt").write_text("n1\ni7\n")
    refused(folder, "1 new item known to the checkpoint already: 'i7'; leave them out")
    np.save(folder / "v.npy", np.full((2, 6), np.nan))
    refused(folder / "v.npy", "v.npy has a value that is NaN or infinite in float32 for item 'n1'")
    np.save(folder / "v.npy", np.ones((2, 7)))
    refused(folder / "v.npy", r"shape \(2, 7\); the checkpoint's modality v has 6 columns")
    (folder / "t.csv").rename(folder / "tt.csv")
    refused(folder, "tt.csv is called by no modality of the checkpoint.*they are v, a, t")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "holds no file of features")


def test_a_field_cannot_be_given_later(at_home, folder):
    trained = Recommender.load("saved/SLMRec.pth")
    trained.sources["t"] = FieldSource("title")
    with pytest.raises(ValueError, match="t.csv: the modality t cannot be given later"):
        trained.with_new_items(folder)


def test_reasons_are_for_trained_items_only(at_home, folder):
    found = Recommender.load("saved/SLMRec.pth").with_new_items(folder)
    with pytest.raises(ValueError, match="why: shares are of users and items that were there at"):
        found.explain(found.recommend(["u0"], k=1))
