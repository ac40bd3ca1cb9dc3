"""Users known by their items: vectors as if they stood in the graph with a zero embedding."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
import torch

from recbole_slmrec import cli
from recbole_slmrec.recommend import Recommender
from recbole_slmrec.recommend.new_users import new_user_vectors
from tests.backends import BACKENDS
from tests.model.dense import random_problem
from tests.model.fast import fast_model


def dense_vector(problem, items: torch.Tensor) -> torch.Tensor:
    """The oracle: the graph with one user more."""
    users = torch.cat([problem.edges[0], torch.full_like(items, problem.n_users)])
    zero = torch.zeros(1, problem.params["user"].shape[1], dtype=torch.float64)
    extended = replace(
        problem,
        n_users=problem.n_users + 1,
        edges=(users, torch.cat([problem.edges[1], items])),
        params={**problem.params, "user": torch.cat([problem.params["user"], zero])},
    )
    return extended.fused()[0][-1]


@pytest.mark.parametrize("n_layers", [0, 1, 2, 3])
@pytest.mark.parametrize("adjacency", ["pre", "norm", "gcmc", "mean", "plain"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_vectors_are_those_of_the_dense_graph_with_the_user_in_it(backend, adjacency, n_layers):
    problem = random_problem(
        4, 8, 9, 20, {"v": 5, "w": 3}, {"w": 6}, adjacency=adjacency, n_layers=n_layers
    )
    # One item, several, and one that nobody else has.
    items = [torch.tensor([4]), torch.tensor([1, 3, 6]), torch.tensor([2, 8])]
    expected = torch.stack([dense_vector(problem, own) for own in items])
    found = new_user_vectors(fast_model(problem, graph_backend=backend), items)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


def test_mean_fusion_too():
    problem = random_problem(4, 8, 9, 20, {"v": 5}, fusion="mean")
    own = torch.tensor([1, 3])
    found = new_user_vectors(fast_model(problem), [own])[0]
    torch.testing.assert_close(found, dense_vector(problem, own), rtol=1e-9, atol=1e-9)


def test_users_do_not_see_one_another_across_blocks():
    problem = random_problem(4, 8, 9, 20, {"v": 5})
    model = fast_model(problem)
    items = [torch.tensor([1 + n % 7, 8]) for n in range(70)]
    together = new_user_vectors(model, items)
    for n in (0, 63, 64, 69):
        alone = new_user_vectors(model, [items[n]])[0]
        torch.testing.assert_close(together[n], alone, rtol=1e-9, atol=1e-9)


def test_by_cosine_and_with_a_linear_part():
    problem = random_problem(4, 8, 9, 20, {"v": 5})
    model = fast_model(problem, score="cosine", linear_weight=2.0)
    items = [problem.edges[1][problem.edges[0] == user].unique() for user in (2, 5)]
    found = new_user_vectors(model, items)
    d = model.encoder.user_embedding.embedding_dim
    expected = torch.stack([dense_vector(problem, own) for own in items])
    unit = expected / expected.norm(dim=1, keepdim=True)
    torch.testing.assert_close(found[:, :d], unit, rtol=1e-9, atol=1e-9)
    # With the items of a user of the graph, the linear part is that user's.
    torch.testing.assert_close(found[:, d:], model()[0][[2, 5], d:], rtol=1e-9, atol=1e-12)


PAIRS = [("n1", "i1"), ("n1", "i2"), ("n2", "i7"), ("n1", "i1")]


def test_they_are_ranked_without_what_they_have(at_home):
    trained = Recommender.load("saved/SLMRec.pth")
    found = trained.with_new_users(PAIRS)
    rankings = found.recommend(["n1", "n2"], k=45).groupby("user")["item"].agg(set)
    everything = set(trained.items.tokens[1:])
    assert rankings["n1"] == everything - {"i1", "i2"} and rankings["n2"] == everything - {"i7"}
    pd.testing.assert_frame_equal(found.recommend(["u5"]), trained.recommend(["u5"]))


@pytest.fixture
def recommend(at_home, tmp_path):
    def run(text: str, *arguments: str):
        (tmp_path / "pairs.csv").write_text(text)
        path = tmp_path / "recs.csv"
        command = ["recommend", "--checkpoint=saved/MMLightGCN.pth", f"--output={path}", "--k=2"]
        command += [f"--new-users={tmp_path / 'pairs.csv'}", "--state=WARNING", *arguments]
        status = cli.main(command)
        return status, pd.read_csv(path) if status == 0 else None

    return run


def test_the_command_ranks_for_them_alone_or_with_the_others(recommend):
    text = "user,item\nn1,i1\nn1,i2\nn2,i7\n"
    assert list(recommend(text)[1]["user"]) == ["n1"] * 2 + ["n2"] * 2
    assert len(recommend(text, "--users=all")[1]) == 2 * 62
    assert list(recommend(text, "--users=n2,u4")[1]["user"]) == ["n2"] * 2 + ["u4"] * 2


def test_unknown_items_are_told_and_skipped_or_fatal(recommend, capsys, caplog):
    text = "n1,i1\nn1,j1\nn2,j2\n"
    assert list(recommend(text)[1]["user"]) == ["n1"] * 2
    assert "names 2 items unknown to the checkpoint: 'j1', 'j2'; skipped" in caplog.text
    assert "has no known item of 1 user(s): 'n2'; skipped" in caplog.text
    assert recommend(text, "--strict")[0] == 2
    assert "names 2 items unknown to the checkpoint: 'j1', 'j2'" in capsys.readouterr().err
    assert recommend("n2,j2\n")[0] == 2
    assert "has no pair of a new user and a known item" in capsys.readouterr().err


def test_what_is_refused(at_home, recommend, capsys):
    assert recommend("u1,i1\nn1,i1\n")[0] == 2
    assert "1 new user known to the checkpoint already: 'u1'" in capsys.readouterr().err
    with pytest.raises(ValueError, match="new users: VBPR makes no vector of a user from items"):
        Recommender.load("saved/VBPR.pth").with_new_users(PAIRS)
    with pytest.raises(ValueError, match="new users: there is no pair"):
        Recommender.load("saved/SLMRec.pth").with_new_users([])


def test_new_without_new_ones_is_refused(at_home, tmp_path, capsys):
    command = ["recommend", "--checkpoint=saved/SLMRec.pth", f"--output={tmp_path / 'r.csv'}"]
    assert cli.main([*command, "--items=new"]) == 2
    assert "--items=new needs --new-items" in capsys.readouterr().err
