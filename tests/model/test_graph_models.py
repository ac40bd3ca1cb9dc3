"""What the models of embeddings on a graph keep alike; each has its equations in a file of its own."""

from __future__ import annotations

import pytest

from tests.model import test_bm3, test_freedom, test_lattice, test_lgmrec, test_mgcn, test_smore
from tests.model.fast_graphs import assert_same_representations

FILES = {
    "BM3": test_bm3,
    "FREEDOM": test_freedom,
    "LATTICE": test_lattice,
    "LGMRec": test_lgmrec,
    "MGCN": test_mgcn,
    "SMORE": test_smore,
}


@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize("n_modalities", [1, 2, 3])
@pytest.mark.parametrize("name", FILES)
def test_any_number_of_modalities(name, n_modalities, words):
    file = FILES[name]
    problem = file.problem_of(n_modalities, words)
    assert_same_representations(file.built(problem), problem)
    file.check_step(file.problem_of(n_modalities, words))


@pytest.mark.parametrize("name", FILES)
def test_without_a_modality_it_is_refused(name):
    with pytest.raises(ValueError, match=f"{name} needs a modality.*or use LightGCN"):
        FILES[name].built(FILES[name].problem_of(0))


@pytest.mark.parametrize("name", [name for name in FILES if name != "BM3"])
def test_bpr_without_sampled_negatives_is_refused(name):
    message = f"{name}'s BPR loss needs sampled negatives, but train_neg_sample_args has none"
    with pytest.raises(ValueError, match=message):
        file = FILES[name]
        file.built(file.problem_of(), train_neg_sample_args={"sample_num": "none"})
