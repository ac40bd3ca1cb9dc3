"""The package's models of embeddings on a graph in float64, holding the parameters of a dense problem."""

from __future__ import annotations

from typing import Callable

import torch

from tests.model.dense_graphs import DenseGraphModel
from tests.model.fast import batch, dataset_of, float64

WIDTHS = {"v": 5, "sound.of items": 3, "items": 4}
USERS = torch.tensor([1, 3, 2, 1, 7, 8])
# 4 and 7 have no features, 12 and 13 no interaction.
ITEMS = torch.tensor([2, 5, 2, 9, 7, 11])
NEGATIVES = torch.tensor([[3, 1, 4, 10, 5, 12], [2, 6, 13, 3, 11, 8]])

Names = dict[str, torch.nn.Parameter]


def widths_of(n_modalities: int, words: bool = False) -> dict[str, int]:
    widths = dict(list(WIDTHS.items())[:n_modalities])
    return {**widths, "words": 6} if words else widths


def config_of(problem: DenseGraphModel, **settings) -> dict:
    """What all of them read, with ``settings`` on top."""
    return {
        "USER_ID_FIELD": "user_id",
        "ITEM_ID_FIELD": "item_id",
        "NEG_PREFIX": "neg_",
        "device": torch.device("cpu"),
        "embedding_size": problem.params["id"].shape[1],
        "word_embedding_size": 6,
        "n_layers": problem.n_layers,
        "item_graph_k": problem.k,
        "graph_backend": "auto",
        "keep_propagated": False,
        "features_on": "auto",
        "gather_negatives": True,
        "train_neg_sample_args": {"sample_num": 1},
        **settings,
    }


def model_of(
    model_class: type,
    problem: DenseGraphModel,
    parameters_of: Callable[[torch.nn.Module, list[str]], Names],
    **settings,
):
    """A model with the problem's graph, features and parameters, in float64."""
    with float64():
        model = model_class(config_of(problem, **settings), dataset_of(problem))
    with torch.no_grad():
        for name, parameter in parameters_of(model, problem.modalities).items():
            parameter.copy_(problem.params[name])
    return model


def common_parameters(model: torch.nn.Module, modalities: list[str]) -> Names:
    """Those of embeddings and words, under the names that the dense version gives them."""
    named = {"user": model.user_embedding.weight, "id": model.item_embedding.weight}
    for m, features in zip(modalities, model.features.values()):
        if hasattr(features, "word_embedding"):
            named[f"table:{m}"] = features.word_embedding.weight
    return named


def assert_same(actual: torch.Tensor, expected: torch.Tensor, message: str | None = None) -> None:
    torch.testing.assert_close(actual, expected, rtol=1e-9, atol=1e-11, msg=message)


def assert_same_representations(model: torch.nn.Module, problem: DenseGraphModel) -> None:
    """Compares vectors, rankings and the scores of pairs."""
    model.eval()
    for actual, expected in zip(model(), problem.representations()):
        assert_same(actual, expected)
    everyone = torch.arange(problem.n_users)
    scores = model.full_sort_predict(batch(everyone, everyone)).view(problem.n_users, -1)
    assert_same(scores, problem.scores().detach())
    assert_same(model.predict(batch(USERS, ITEMS)), scores[USERS, ITEMS])


def assert_same_loss_and_gradients(
    loss: torch.Tensor, expected: torch.Tensor, named: Names, problem: DenseGraphModel
) -> None:
    """Compares two losses, and the gradient of every parameter."""
    assert_same(loss, expected)
    loss.backward()
    expected.backward()
    assert set(named) == set(problem.params)
    for name, parameter in named.items():
        actual, wanted = (
            torch.zeros_like(parameter) if each.grad is None else each.grad
            for each in (parameter, problem.params[name])
        )
        assert_same(actual, wanted, name)
