"""ContentKNN against its sum, written out."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from recbole_slmrec.data.modality import DenseModality, WordModality
from recbole_slmrec.model.content_knn import ContentKNN
from tests.model.fast import SETTINGS, assert_same, batch

N_USERS, N_ITEMS = 6, 12
EDGES = (torch.tensor([1, 1, 1, 2, 2, 3, 4, 4, 4]), torch.tensor([1, 2, 3, 3, 5, 9, 10, 11, 11]))


def features_of(n_modalities: int) -> dict[str, np.ndarray]:
    """Unit rows; items 4 and 7 have none in the first modality, and 7 in no other."""
    rng = np.random.default_rng(0)
    features = {}
    for name, width in list({"v": 5, "sound.of items": 3, "items": 4}.items())[:n_modalities]:
        rows = rng.normal(size=(N_ITEMS, width)).astype(np.float32)
        rows[9] = rows[8]
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        rows[[0, 7] + ([4] if not features else [])] = 0
        features[name] = rows
    return features


def model_of(features: dict[str, np.ndarray], k: int, words: bool = False) -> ContentKNN:
    modalities = [DenseModality(name, rows, missing=0) for name, rows in features.items()]
    if words:
        pairs = np.array([1, 2]), np.array([0, 1])
        modalities.append(WordModality("t", *pairs, n_words=2, missing=0))
    dataset = SimpleNamespace(
        num={"user_id": N_USERS, "item_id": N_ITEMS}.__getitem__,
        inter_feat=dict(zip(("user_id", "item_id"), EDGES)),
        item_modalities=tuple(modalities),
    )
    return ContentKNN({**SETTINGS, "k": k}, dataset)


def expected_scores(features: dict[str, np.ndarray], k: int) -> torch.Tensor:
    x = np.concatenate(list(features.values()), axis=1).astype(np.float64)
    scores = torch.zeros(N_USERS, N_ITEMS)
    pairs = set(zip(*(side.tolist() for side in EDGES)))
    for i in range(N_ITEMS):
        lengths = np.linalg.norm(x, axis=1) * np.linalg.norm(x[i])
        cosines = {j: x[i] @ x[j] / lengths[j] for j in range(N_ITEMS) if lengths[j] > 0 and j != i}
        nearest = sorted(cosines, key=lambda j: (-round(cosines[j], 7), j))[:k]
        for u in range(N_USERS):
            scores[u, i] = sum(cosines[j] for j in nearest if (u, j) in pairs)
    return scores


def scores_of(model: ContentKNN) -> torch.Tensor:
    everyone = torch.arange(N_USERS)
    return model.full_sort_predict(batch(everyone, everyone)).view(N_USERS, -1)


@pytest.mark.parametrize("n_modalities", [1, 2, 3])
@pytest.mark.parametrize("k", [1, 3, 10, 100])
def test_scores_are_sums_of_cosines_with_the_nearest(k, n_modalities):
    features = features_of(n_modalities)
    model = model_of(features, k)
    scores = scores_of(model)
    torch.testing.assert_close(scores, expected_scores(features, k), rtol=1e-5, atol=1e-6)
    assert_same(model.predict(batch(*EDGES)), scores[EDGES])


def test_items_without_features_score_nothing_and_change_nothing():
    features = features_of(1)
    others = [i for i in range(N_ITEMS) if i not in (0, 4, 7)]
    scores = scores_of(model_of(features, 3))
    assert not scores[:, [4, 7]].any() and scores.isfinite().all()
    shorter = {"v": features["v"][[0, *others]]}
    x = shorter["v"][1:].astype(np.float64)
    cosines = x @ x.T
    np.fill_diagonal(cosines, -2)
    nearest = model_of(features, 3).cosines[others].toarray()[:, others] != 0
    for row, found in zip(cosines, nearest):
        assert row[found].min() >= np.sort(row)[-3] - 1e-6


def test_of_equal_cosines_the_lower_id_is_the_neighbour():
    features = np.eye(2, dtype=np.float32)[[0] * N_ITEMS]
    features[0] = 0
    nearest = [row.indices.tolist() for row in model_of({"v": features}, 2).cosines]
    assert nearest[1:4] == [[2, 3], [1, 3], [1, 2]]
    assert nearest[11] == [1, 2]


@pytest.mark.parametrize(
    "k, words, message",
    [
        (0, False, r"k \[0\] must be a whole number, 1 or more"),
        (3, True, "ContentKNN compares fixed features, but the modality t is lists of words"),
    ],
)
def test_what_does_not_fit_is_refused(k, words, message):
    with pytest.raises(ValueError, match=message):
        model_of(features_of(1), k, words)


def test_without_a_modality_it_is_refused():
    with pytest.raises(ValueError, match="ContentKNN needs a modality.*or use ItemKNN"):
        model_of({}, 3)
