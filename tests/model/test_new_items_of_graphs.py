"""New items of models with graphs among items, against the dense versions with these items in the graph.

Each new item takes in its nearest among the old ones, and nobody takes in it.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from recbole_slmrec.model.bm3 import BM3
from recbole_slmrec.recommend.new_items import new_item_vectors, read_new_items
from tests.model import test_bm3, test_freedom, test_lattice, test_lgmrec, test_mgcn, test_smore
from tests.model.dense_graphs import DenseGraphModel, nearest

ROOMS = {
    "FREEDOM": test_freedom,
    "LATTICE": test_lattice,
    "MGCN": test_mgcn,
    "SMORE": test_smore,
    "LGMRec": test_lgmrec,
}
N_NEW = 3


def new_features(problem: DenseGraphModel) -> dict[str, torch.Tensor]:
    """The last has none at all, the one before none in the first modality."""
    generator = torch.Generator().manual_seed(9)
    features = {}
    for number, (m, X) in enumerate(problem.features.items()):
        features[m] = torch.randn(N_NEW, X.shape[1], generator=generator, dtype=torch.float64)
        features[m][2] = 0
        features[m][1] *= number > 0
    return features


def joined(old: torch.Tensor, X: torch.Tensor, k: int) -> list[list[int]]:
    """The neighbours of old items, and those of each new one, which are itself and old ones."""
    found = nearest(old, k)
    for row in X[len(old) :]:
        own = nearest(torch.cat([old, row.unsqueeze(0)]), k)[-1]
        found.append([len(found) if j == len(old) else j for j in own])
    return found


def with_new(problem: DenseGraphModel, new: dict[str, torch.Tensor]) -> DenseGraphModel:
    zeros = problem.params["id"].new_zeros(N_NEW, problem.params["id"].shape[1])
    extended = replace(
        problem,
        n_items=problem.n_items + N_NEW,
        params={**problem.params, "id": torch.cat([problem.params["id"], zeros])},
        features={m: torch.cat([X, new[m]]) for m, X in problem.features.items()},
    )
    n, k = problem.n_items, problem.k
    extended.neighbours = lambda m: joined(problem.compared(m), extended.compared(m), k)
    extended.nearest_projected = lambda f: joined(f[:n], f, k)
    if hasattr(problem, "hyper"):
        # Hyperedges are of the old items alone.
        old = problem.all_hyper(None)
        extended.all_hyper = lambda draws: [
            (users, torch.cat([items, new_hyper(problem, m, new[m])]))
            for m, (users, items) in zip(problem.modalities, old)
        ]
    return extended


def new_hyper(problem, m: str, X: torch.Tensor) -> torch.Tensor:
    """Their rows of hyper_m, as if each was the only item that is not in a hyperedge itself."""
    V, (_, c) = problem.params[f"V:{m}"], problem.lgcn()
    shares = [
        (problem.X(m) @ V.T / test_lgmrec.TAU).softmax(1),
        (X @ V.T / test_lgmrec.TAU).softmax(1),
    ]
    hyperedges = shares[0][1:].T @ c[1:]
    for _ in range(problem.n_hyper_layers - 1):
        hyperedges = shares[0][1:].T @ (shares[0] @ hyperedges)[1:]
    return shares[1] @ hyperedges


CASES = [
    ("FREEDOM", {"n_item_layers": 1}),
    ("FREEDOM", {"n_item_layers": 3}),
    ("FREEDOM", {"shares": (0.1, 0.9)}),
    ("LATTICE", {"n_item_layers": 1}),
    ("LATTICE", {"n_item_layers": 2, "backbone": "mf"}),
    ("LATTICE", {"backbone": "ngcf"}),
    ("MGCN", {}),
    ("SMORE", {}),
    ("LGMRec", {"n_hyper_layers": 2}),
    ("LGMRec", {"n_feature_layers": 0}),
]


@pytest.mark.parametrize("name, settings", CASES)
def test_vectors_are_those_of_isolated_items_in_the_dense_graph(name, settings):
    problem = ROOMS[name].problem_of(**settings)
    new = new_features(problem)
    own = {"modality_weights": {"v": 0.1, "sound.of items": 0.9}} if "shares" in settings else {}
    model = ROOMS[name].built(problem, **own).eval()
    _, expected = with_new(problem, new).representations()
    found = new_item_vectors(model, new, model())
    torch.testing.assert_close(found, expected[-N_NEW:].detach(), rtol=1e-8, atol=1e-10)
    torch.testing.assert_close(model()[1], expected[:-N_NEW], rtol=1e-9, atol=1e-11)
    assert not found[2].any() or name in ("LATTICE", "LGMRec")


@pytest.mark.parametrize("name", ROOMS)
def test_words_of_new_items_are_not_known(name):
    problem = ROOMS[name].problem_of(1, words=True)
    new = {**new_features(problem), "words": torch.zeros(N_NEW, 6, dtype=torch.float64)}
    model = ROOMS[name].built(problem).eval()
    vectors = new_item_vectors(model, new, model())
    assert vectors.shape == (N_NEW, 4) and vectors.isfinite().all() and vectors[0].any()


@pytest.mark.parametrize("k", [1, 13])
def test_any_number_of_neighbours(k):
    problem = test_freedom.problem_of(k=k)
    new = new_features(problem)
    _, expected = with_new(problem, new).representations()
    model = test_freedom.built(problem)
    found = new_item_vectors(model, new, model())
    torch.testing.assert_close(found, expected[-N_NEW:].detach(), rtol=1e-8, atol=1e-10)


def test_bm3_knows_items_by_their_interactions_alone(tmp_path):
    model = test_bm3.built(test_bm3.problem_of())
    assert isinstance(model, BM3)
    with pytest.raises(ValueError, match="this BM3 makes no vector of an item from features alone"):
        read_new_items(tmp_path, model, {"v": None})
