"""MMGCN against the dense float64 version of its equations, and what it says of bad settings."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from recbole_slmrec.model.mmgcn import MMGCN
from tests.backends import BACKENDS
from tests.model.dense_mmgcn import DenseMMGCN, random_problem
from tests.model.fast import batch, dataset_of, float64

# With a latent size of 6 the first is projected, the word list just not; nn.ModuleDict refuses the
# names of the first and the last.
WIDTHS = {"sound.of items": 9, "words": 6, "items": 3}
USERS = torch.tensor([1, 3, 2, 1, 7, 8])
ITEMS = torch.tensor([2, 5, 2, 9, 1, 11])
NEGATIVES = torch.tensor([[3, 1, 4, 10, 5, 9], [2, 6, 5, 3, 11, 8]])


def problem_of(n_modalities: int = 3, **settings) -> DenseMMGCN:
    return random_problem(0, dict(list(WIDTHS.items())[:n_modalities]), **settings)


def config_of(problem: DenseMMGCN, **settings) -> dict:
    """Settings of the problem, with ``settings`` on top."""
    return {
        "USER_ID_FIELD": "user_id",
        "ITEM_ID_FIELD": "item_id",
        "NEG_PREFIX": "neg_",
        "device": torch.device("cpu"),
        "embedding_size": problem.params["id"].shape[1],
        "features_on": "auto",
        "word_embedding_size": problem.params.get("table:words", torch.empty(1, 1)).shape[1],
        "latent_size": problem.latent_size,
        "n_layers": problem.n_layers,
        "aggregation": problem.aggregation,
        "combine": problem.combine,
        "reg_weight": 0.1,
        "graph_backend": "auto",
        "train_neg_sample_args": {"sample_num": 1},
        **settings,
    }


def model_of(problem: DenseMMGCN, **settings) -> MMGCN:
    """MMGCN with the problem's graph, features and parameters, in float64."""
    with float64():
        model = MMGCN(config_of(problem, **settings), dataset_of(problem))
    with torch.no_grad():
        for name, parameter in parameters_of(model, problem.modalities).items():
            parameter.copy_(problem.params[name])
    return model


def parameters_of(model: MMGCN, modalities: list[str]) -> dict[str, torch.nn.Parameter]:
    """The model's parameters under the names that the dense version gives them."""
    named = {"id": model.id_embedding.weight}
    for m, network in zip(modalities, model.modalities.values()):
        named[f"preference:{m}"] = network.preference.weight
        if hasattr(network.features, "word_embedding"):
            named[f"table:{m}"] = network.features.word_embedding.weight
        if isinstance(network.projection, torch.nn.Linear):
            named[f"W:{m}"] = network.projection.weight
            named[f"b:{m}"] = network.projection.bias
        for number, layer in enumerate(network.layers):
            named[f"W1:{m}:{number}"] = layer.W_1.weight
            for name, linear in (("2", layer.W_2), ("3", layer.combine.W_3)):
                named[f"W{name}:{m}:{number}"] = linear.weight
                named[f"b{name}:{m}:{number}"] = linear.bias
    assert len(named) == len(list(model.parameters()))
    return named


def scores_of(model: MMGCN) -> torch.Tensor:
    everyone = torch.arange(model.n_users)
    return model.eval().full_sort_predict(batch(everyone, everyone)).view(model.n_users, -1)


def assert_same(actual: torch.Tensor, expected: torch.Tensor, message: str | None = None):
    torch.testing.assert_close(actual, expected, rtol=1e-9, atol=1e-11, msg=message)


def assert_same_loss_and_gradients(model: MMGCN, problem: DenseMMGCN, n_negatives: int):
    negatives = NEGATIVES[:n_negatives]
    loss = model.calculate_loss(batch(USERS, ITEMS, negatives))
    expected = problem.loss(USERS, ITEMS, negatives, 0.1)
    assert_same(loss, expected)
    loss.backward()
    expected.backward()
    for name, parameter in parameters_of(model, problem.modalities).items():
        assert_same(parameter.grad, problem.params[name].grad, name)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("combine", ["add", "concat"])
@pytest.mark.parametrize("aggregation", ["mean", "sum", "max"])
@pytest.mark.parametrize("n_layers", [1, 2])
def test_representations_loss_and_gradients(n_layers, aggregation, combine, backend):
    problem = problem_of(n_layers=n_layers, aggregation=aggregation, combine=combine)
    model = model_of(problem, graph_backend=backend)
    for actual, expected in zip(model(), problem.representations()):
        assert_same(actual, expected)
    assert_same_loss_and_gradients(model, problem, n_negatives=2)


@pytest.mark.parametrize("n_negatives", [1, 2])
@pytest.mark.parametrize("aggregation", ["mean", "max"])
@pytest.mark.parametrize("n_modalities", [1, 2, 3])
def test_any_number_of_modalities_and_negatives(n_modalities, aggregation, n_negatives):
    problem = problem_of(n_modalities, aggregation=aggregation)
    assert_same_loss_and_gradients(model_of(problem), problem, n_negatives)


def test_wide_word_lists_are_projected():
    problem = random_problem(1, {"words": 8})
    assert problem.params["preference:words"].shape == (9, 6)
    assert_same_loss_and_gradients(model_of(problem), problem, n_negatives=1)


def test_scores_are_inner_products():
    problem = problem_of()
    model = model_of(problem)
    scores = scores_of(model)
    assert_same(scores, problem.scores().detach())
    assert_same(model.predict(batch(USERS, ITEMS)), scores[USERS, ITEMS])


@pytest.mark.parametrize("aggregation", ["mean", "sum", "max"])
def test_renumbering_users_and_items_renumbers_the_scores(aggregation):
    problem = problem_of(aggregation=aggregation)
    users, items = torch.randperm(problem.n_users), torch.randperm(problem.n_items)
    nodes = torch.cat([users, problem.n_users + items])
    params = dict(problem.params)
    for name, new in (("id", nodes), *((f"preference:{m}", users) for m in problem.modalities)):
        params[name] = params[name][new.argsort()]
    renumbered = replace(
        problem,
        params=params,
        features={m: x[items.argsort()] for m, x in problem.features.items()},
        words={m: (items[own], words) for m, (own, words) in problem.words.items()},
        edges=(users[problem.edges[0]], items[problem.edges[1]]),
    )
    assert_same(scores_of(model_of(renumbered))[users][:, items], scores_of(model_of(problem)))


def test_repeating_an_interaction_changes_no_score():
    problem = problem_of(aggregation="sum")
    repeated = replace(problem, edges=tuple(side.repeat(3) for side in problem.edges))
    assert_same(scores_of(model_of(repeated)), scores_of(model_of(problem)))


def test_items_without_features_give_the_projection_an_ordinary_gradient():
    problem = random_problem(0, {"v": 9})
    problem.params["b:v"].data.zero_()
    model = model_of(problem)
    model.calculate_loss(batch(USERS, ITEMS, NEGATIVES)).backward()
    (network,) = model.modalities.values()
    assert 0 < network.projection.bias.grad.abs().max() < 100


def test_parameters_start_as_xavier_with_zero_biases():
    problem = random_problem(0, {"v": 300, "words": 128}, latent_size=256, d=64)
    torch.manual_seed(1)
    model = MMGCN(config_of(problem), dataset_of(problem))
    for name, value in model.named_parameters():
        if "bias" in name:
            assert not value.any(), name
        else:
            assert value.std().item() == pytest.approx((2 / sum(value.shape)) ** 0.5, rel=0.1), name


def test_a_training_step_forgets_the_tables_of_an_evaluation():
    model = model_of(problem_of()).eval()
    before = model.predict(batch(USERS, ITEMS))
    model.calculate_loss(batch(USERS, ITEMS, NEGATIVES)).backward()
    with torch.no_grad():
        model.id_embedding.weight.add_(1)
    assert not torch.allclose(model.predict(batch(USERS, ITEMS)), before)


def test_features_are_in_no_checkpoint():
    model = model_of(problem_of())
    assert set(model.state_dict()) == {name for name, _ in model.named_parameters()}


def test_without_a_modality_it_is_refused():
    with pytest.raises(ValueError, match="MMGCN needs a modality.*or use LightGCN"):
        model_of(problem_of(0))


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"aggregation": "median"}, r"aggregation \[median\] is not one of mean, sum, max"),
        ({"combine": "sum"}, r"combine \[sum\] is not one of add, concat"),
        ({"n_layers": 0}, r"n_layers \[0\] must be a whole number, 1 or more"),
        ({"n_layers": 1.5}, r"n_layers \[1.5\] must be a whole number, 1 or more"),
        ({"embedding_size": 0}, r"embedding_size \[0\] must be a whole number, 1 or more"),
        ({"latent_size": -1}, r"latent_size \[-1\] must be a whole number, 1 or more"),
        ({"word_embedding_size": "x"}, r"word_embedding_size \[x\] must be a whole number"),
        ({"reg_weight": -0.1}, r"reg_weight \[-0.1\] must be a number, 0 or more"),
        ({"reg_weight": None}, r"reg_weight \[None\] must be a number, 0 or more"),
        ({"graph_backend": "numpy"}, r"graph_backend \[numpy\] is not one of auto, dgl, torch"),
        (
            {"train_neg_sample_args": {"sample_num": "none"}},
            "MMGCN's BPR loss needs sampled negatives, but train_neg_sample_args has none",
        ),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        model_of(problem_of(), **settings)
