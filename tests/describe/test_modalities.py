"""Missing, zero, shared and non-finite rows and raw norms, against a count by hand."""

from __future__ import annotations

import numpy as np
import pytest

from recbole_slmrec.describe import modalities


def by_token(dataset, facts) -> dict[str, list[float]]:
    tokens = dataset.field2id_token["item_id"]
    rows = facts.features if isinstance(facts.features, np.ndarray) else facts.features.toarray()
    return {str(tokens[item]): row.tolist() for item, row in zip(facts.sampled, rows)}


@pytest.mark.parametrize("block", [2, 6, 2**20])
def test_a_matrix_is_counted_raw_whatever_the_block(described, monkeypatch, block):
    monkeypatch.setattr(modalities, "BLOCK_ELEMENTS", block)
    dataset = described({"v": "v.npy"})
    (facts,) = dataset.item_modalities
    assert (facts.name, facts.dimension) == ("v", "2")
    assert (facts.missing, facts.zero, facts.shared, facts.non_finite) == (1, 1, 4, 2)
    assert facts.norms.tolist() == [5, 5, 0, 2, 2]
    rows = by_token(dataset, facts)
    assert set(rows) == set("pqvw")
    assert rows["p"] == pytest.approx([0.6, 0.8]) and rows["w"] == [0, 1]


@pytest.mark.parametrize("dtype, value", [(np.float16, 6e4), (np.float32, 1e30)])
def test_norms_do_not_overflow(described, tiny, dtype, value):
    tiny.save("h.npy", np.full((7, 4), value, dtype=dtype))
    (facts,) = described({"h": "h.npy"}).item_modalities
    assert facts.norms == pytest.approx(np.full(7, 2 * value), rel=1e-3)
    assert (facts.non_finite, facts.shared) == (0, 7)


def test_items_that_recbole_filters_out_do_not_count(described, tiny):
    tiny.inter(("a", "p"), ("a", "q"), ("b", "p"))
    settings = {"benchmark_filename": None, "item_inter_num_interval": "[1,inf)"}
    (facts,) = described({"v": "v.npy"}, **settings).item_modalities
    assert (facts.missing, facts.zero, facts.shared, facts.non_finite) == (0, 0, 2, 0)
    assert facts.norms.tolist() == [5, 5]


def test_a_matrix_of_the_wrong_length_is_refused(described, tiny):
    tiny.save("short.npy", np.ones((6, 2)))
    with pytest.raises(ValueError, match="too few rows: 6, where .*tiny.item has 7"):
        described({"short": "short.npy"})


def test_a_sample_is_seeded_and_of_items_with_features(described, monkeypatch):
    monkeypatch.setattr(modalities, "N_SAMPLED", 3)
    first, second = (described({"v": "v.npy"}).item_modalities[0] for _ in range(2))
    assert len(first.sampled) == 3 and first.features.shape == (3, 2)
    assert first.sampled.tolist() == second.sampled.tolist()
    assert np.linalg.norm(first.features, axis=1) == pytest.approx(np.ones(3))


def test_a_field(described, tiny):
    rows = [("p", "x y"), ("q", "y x"), ("r", ""), ("s", "z"), ("t", "x"), ("v", ""), ("w", "z z")]
    tiny.items(*rows, header="item_id:token words:token_seq")
    dataset = described({"t": {"field": "words", "encoding": "multi_hot"}})
    (facts,) = dataset.item_modalities
    assert (facts.dimension, facts.missing, facts.zero, facts.non_finite) == ("3", 2, 2, 0)
    assert facts.shared == 4
    assert facts.norms is None
    assert by_token(dataset, facts)["t"] == [1, 0, 0]


def test_a_number_at_the_mean_is_zero_but_not_missing(described, tiny):
    rows = [(item, value) for item, value in zip("pqrstvw", (1, 2, 3, "", 2, 2, 2))]
    tiny.items(*rows, header="item_id:token year:float")
    settings = {"normalize_all": False}
    (facts,) = described({"year": {"field": "year"}}, **settings).item_modalities
    assert (facts.dimension, facts.missing, facts.zero, facts.shared) == ("1", 1, 5, 0)


def test_word_lists(described, tiny):
    # p and q have the same words in another order, s has one of them only, t has it twice.
    pairs = [(0, 4), (0, 1), (1, 1), (1, 4), (3, 1), (4, 1), (4, 1)]
    tiny.save("w.npy", np.array(pairs).T)
    dataset = described({"w": {"words": "w.npy"}})
    (facts,) = dataset.item_modalities
    assert (facts.dimension, facts.missing, facts.zero, facts.shared) == ("5 words", 3, 0, 2)
    assert by_token(dataset, facts) == {
        "p": [0, 1, 0, 0, 1], "q": [0, 1, 0, 0, 1], "s": [0, 1, 0, 0, 0], "t": [0, 2, 0, 0, 0],
    }  # fmt: skip


def test_modalities_are_selected_as_in_a_run(described):
    declared = {"v": "v.npy", "a": "no_such_file.npy"}
    (facts,) = described(declared, modalities=["v"]).item_modalities
    assert facts.name == "v"
