"""The package's SLMRec in float64, holding the parameters of a dense problem."""

from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace
from typing import Iterator

import torch
from recbole.data.interaction import Interaction

from recbole_slmrec.data.modality import DenseModality, WordModality
from recbole_slmrec.model.slmrec import SLMRec
from tests.model.dense import DenseSLMRec, random_problem

WIDTHS = {"v": 5, "a": 3, "sound.of items": 6, "t": 4}

SETTINGS = {
    "USER_ID_FIELD": "user_id",
    "ITEM_ID_FIELD": "item_id",
    "NEG_PREFIX": "neg_",
    "device": torch.device("cpu"),
    "train_batch_size": 2048,
    "n_layers": 3,
    "adjacency": "pre",
    "fusion": "concat",
    "main_loss": "info_nce",
    "negatives": "in_batch",
    "n_negatives": 5,
    "negative_popularity": 0.0,
    "exclude_positives": False,
    "score": "dot",
    "item_graph": "none",
    "item_graph_k": 3,
    "popularity_weight": 0.0,
    "linear_weight": 0.0,
    "cold_share": 0.0,
    "linear_reg": "auto",
    "linear_rank": "auto",
    "linear_user_power": 0.5,
    "linear_item_power": 0.25,
    "tau": 0.2,
    "ssl_task": "FAC",
    "alpha": 1.0,
    "tau_ssl": 0.5,
    "fac_similarity": "dot",
    "dropout_rate": 0.3,
    "fd_level": "feature",
    "drop_ratio": 0.1,
    "graph_backend": "auto",
    "keep_propagated": False,
    "features_on": "auto",
    "gather_negatives": True,
}


def problem_of(
    n_modalities: int = 2, words: bool = False, seed: int = 0, **settings
) -> DenseSLMRec:
    """A random problem of 8 users and 11 items beside the padding."""
    widths = dict(list(WIDTHS.items())[:n_modalities])
    vocabulary = {}
    if words:
        widths["words"] = 5
        vocabulary = {"words": 7}
    return random_problem(seed, 9, 12, 25, widths, vocabulary, **settings)


def dataset_of(problem: DenseSLMRec) -> SimpleNamespace:
    """What a model asks of its training split."""
    counts = {"user_id": problem.n_users, "item_id": problem.n_items}
    modalities = []
    for name in problem.modalities:
        if name in problem.words:
            items, words = (side.numpy() for side in problem.words[name])
            n_words = len(problem.params[f"table:{name}"])
            modalities.append(WordModality(name, items, words, n_words, missing=0))
        else:
            modalities.append(DenseModality(name, problem.features[name].numpy(), missing=0))
    users, items = problem.edges
    return SimpleNamespace(
        num=counts.__getitem__,
        inter_feat={"user_id": users, "item_id": items},
        item_modalities=tuple(modalities),
    )


def config_of(problem: DenseSLMRec, **settings) -> dict:
    """Settings of the problem, with ``settings`` on top."""
    config = {
        **SETTINGS,
        "embedding_size": problem.params["user"].shape[1],
        "word_embedding_size": next(
            (problem.params[f"table:{name}"].shape[1] for name in problem.words), 8
        ),
        "n_layers": problem.n_layers,
        "adjacency": problem.adjacency,
        "fusion": problem.fusion,
        "train_neg_sample_args": {"sample_num": "none"},
        **settings,
    }
    return config


@contextmanager
def float64() -> Iterator[None]:
    """Within it new tensors are of double precision."""
    previous = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(previous)


def fast_model(problem: DenseSLMRec, **settings) -> SLMRec:
    """SLMRec with the problem's graph, features and parameters, in float64."""
    with float64():
        model = SLMRec(config_of(problem, **settings), dataset_of(problem))
    with torch.no_grad():
        for name, parameter in parameters_of(model).items():
            parameter.copy_(problem.params[name])
    return model


def parameters_of(model: SLMRec) -> dict[str, torch.nn.Parameter]:
    """The model's parameters under the names that the dense version gives them."""
    named = {
        "user": model.encoder.user_embedding.weight,
        "id": model.encoder.item_embedding.weight,
    }
    linears = {"F_u": model.fusion.user_map, "F_i": model.fusion.item_map}
    for name, content in zip(model.encoder.content_names, model.encoder.content.values()):
        linears[name] = content.projection
        if hasattr(content, "word_embedding"):
            named[f"table:{name}"] = content.word_embedding.weight
    if hasattr(model.ssl_task, "enter_id"):
        names = model.encoder.content_names
        linears["g_id"] = model.ssl_task.enter_id
        linears.update({f"g:{m}": linear for m, linear in zip(names, model.ssl_task.enter)})
        linears.update({f"h:{m}": linear for m, linear in zip(names[1:], model.ssl_task.carry)})
    for name, linear in linears.items():
        named[f"W:{name}"], named[f"b:{name}"] = linear.weight, linear.bias
    assert len(named) == len(list(model.parameters()))
    return named


def batch(users, items, negatives=None) -> Interaction:
    """A batch in the form of RecBole's loaders; ``negatives`` of shape (k, B)."""
    columns = {"user_id": users, "item_id": items}
    if negatives is not None:
        columns = {name: ids.repeat(len(negatives)) for name, ids in columns.items()}
        columns["neg_item_id"] = negatives.flatten()
    return Interaction(columns)


def assert_same(actual: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(actual.cpu(), expected, rtol=1e-9, atol=1e-12)


def assert_same_gradients(model, loss, problem: DenseSLMRec, expected_loss) -> None:
    """Compares the two losses, and the gradient of every parameter of the model."""
    assert_same(loss, expected_loss)
    loss.backward()
    expected_loss.backward()
    for name, parameter in parameters_of(model).items():
        expected = problem.params[name].grad
        if expected is None:
            assert parameter.grad is None or not parameter.grad.any(), name
            continue
        actual = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        # The paper's equations give some gradients that are zero but for rounding.
        torch.testing.assert_close(actual.cpu(), expected, rtol=1e-9, atol=1e-11, msg=name)
