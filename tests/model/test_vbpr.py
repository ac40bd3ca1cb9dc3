"""VBPR against the dense float64 version of its equation, and what it says of bad settings."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
import torch

from recbole_slmrec.model.vbpr import VBPR
from tests.model.dense_baselines import DenseVBPR, random_vbpr
from tests.model.fast import SETTINGS, batch, dataset_of, float64

WIDTHS = {"v": 5, "words": 6, "sound.of items": 3, "t": 1}
USERS = torch.tensor([1, 3, 2, 1, 7, 8])
ITEMS = torch.tensor([2, 5, 2, 9, 1, 11])
NEGATIVES = torch.tensor([[3, 1, 4, 10, 5, 9], [2, 6, 5, 3, 11, 8]])
NOT_LEARNT = {"alpha", "beta_user"}


def problem_of(n_modalities: int = 4) -> DenseVBPR:
    return random_vbpr(0, dict(list(WIDTHS.items())[:n_modalities]))


def built(problem: DenseVBPR, **settings) -> VBPR:
    config = {
        **SETTINGS,
        "embedding_size": 4,
        "modality_embedding_size": 3,
        "features_on": "auto",
        "word_embedding_size": WIDTHS["words"],
        "train_neg_sample_args": {"sample_num": 1},
        **settings,
    }
    return VBPR(config, dataset_of(problem))


def fast_model(problem: DenseVBPR) -> VBPR:
    """VBPR with the problem's features and parameters, in float64."""
    with float64():
        model = built(problem)
    with torch.no_grad():
        for name, parameter in parameters_of(model, problem).items():
            parameter.copy_(problem.params[name].view(parameter.shape))
    return model


def parameters_of(model: VBPR, problem: DenseVBPR) -> dict[str, torch.nn.Parameter]:
    """The model's parameters under the names that the dense version gives them."""
    named = {
        name: getattr(model, name).weight
        for name in problem.params
        if name not in NOT_LEARNT and not name.startswith("table:")
    }
    for m, features in zip(problem.modalities, model.features):
        if m in problem.words:
            named[f"table:{m}"] = features.word_embedding.weight
    assert len(named) == len(list(model.parameters()))
    assert {*named, *NOT_LEARNT} == set(problem.params)
    return named


def scores_of(model: VBPR) -> torch.Tensor:
    everyone = torch.arange(model.n_users)
    return model.eval().full_sort_predict(batch(everyone, everyone)).view(model.n_users, -1)


def assert_same(actual: torch.Tensor, expected: torch.Tensor, message: str | None = None):
    torch.testing.assert_close(actual, expected, rtol=1e-9, atol=1e-12, msg=message)


@pytest.mark.parametrize("n_modalities", range(5))
def test_scores_are_the_equations_less_what_is_one_users_alone(n_modalities):
    problem = problem_of(n_modalities)
    model = fast_model(problem)
    scores = scores_of(model)
    own = problem.params["alpha"] + problem.params["beta_user"].unsqueeze(1)
    assert_same(scores, (problem.scores() - own).detach())
    assert_same(model.predict(batch(USERS, ITEMS)), scores[USERS, ITEMS])


@pytest.mark.parametrize("n_negatives", [1, 2])
@pytest.mark.parametrize("n_modalities", range(5))
def test_loss_and_gradients(n_modalities, n_negatives):
    problem = problem_of(n_modalities)
    model = fast_model(problem)
    loss = model.calculate_loss(batch(USERS, ITEMS, NEGATIVES[:n_negatives]))
    expected = problem.loss(USERS, ITEMS, NEGATIVES[:n_negatives])
    assert_same(loss, expected)
    loss.backward()
    expected.backward()
    for name, parameter in parameters_of(model, problem).items():
        assert_same(parameter.grad, problem.params[name].grad.view(parameter.shape), name)
    for name in NOT_LEARNT:
        assert problem.params[name].grad.abs().max() < 1e-12


def test_a_step_touches_the_contents_of_its_batch_only():
    problem = random_vbpr(0, {"v": 5, "words": 6})
    model = fast_model(problem)
    fixed, words = model.features
    others = torch.ones(problem.n_items, dtype=torch.bool)
    others[torch.cat([ITEMS, NEGATIVES[0]])] = False
    fixed.on_device[others] = torch.nan
    # A word beyond the table's end stops whoever looks it up.
    owners = torch.repeat_interleave(torch.arange(problem.n_items), words.counts)
    assert others[owners].any()
    words.words[others[owners]] = 99
    loss = model.calculate_loss(batch(USERS, ITEMS, NEGATIVES[:1]))
    loss.backward()
    assert_same(loss, problem.loss(USERS, ITEMS, NEGATIVES[:1]))
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


def test_renumbering_users_and_items_renumbers_the_scores():
    problem = problem_of()
    users, items = torch.randperm(problem.n_users), torch.randperm(problem.n_items)
    params = dict(problem.params)
    for name in ("gamma_user", "theta_user", "gamma_item", "beta_item"):
        new = users if name.endswith("user") else items
        params[name] = torch.empty_like(params[name]).index_copy(0, new, params[name])
    renumbered = replace(
        problem,
        params=params,
        features={
            m: torch.empty_like(x).index_copy(0, items, x) for m, x in problem.features.items()
        },
        words={m: (items[own], words) for m, (own, words) in problem.words.items()},
    )
    scores = scores_of(fast_model(renumbered))
    assert_same(scores[users][:, items], scores_of(fast_model(problem)))


def test_parameters_start_as_xavier_with_zero_biases_of_items():
    problem = random_vbpr(0, {"v": 300, "words": 128}, d=64, k=32)
    torch.manual_seed(1)
    sizes = {"modality_embedding_size": 32, "word_embedding_size": 128}
    model = built(problem, embedding_size=64, **sizes)
    named = parameters_of(model, problem)
    assert not named.pop("beta_item").any()
    for name, value in named.items():
        assert value.std().item() == pytest.approx((2 / sum(value.shape)) ** 0.5, rel=0.1), name
        bound = (6 / sum(value.shape)) ** 0.5
        assert (value.abs().max() > bound) == (name == "table:words"), name


def test_features_are_in_no_checkpoint():
    model = built(problem_of())
    assert set(model.state_dict()) == {name for name, _ in model.named_parameters()}


def test_without_modalities_it_is_mf_with_an_item_bias_and_says_so(caplog):
    with caplog.at_level(logging.WARNING):
        model = built(problem_of(0))
    assert "no content modality is used: this VBPR is plain BPR-MF with an item bias" in caplog.text
    shapes = {name: tuple(value.shape) for name, value in model.named_parameters()}
    assert shapes == {
        "gamma_user.weight": (9, 4),
        "gamma_item.weight": (12, 4),
        "beta_item.weight": (12, 1),
    }


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"embedding_size": -1}, r"embedding_size \[-1\] must be a whole number, 1 or more"),
        ({"modality_embedding_size": 0}, r"modality_embedding_size \[0\] must be a whole number"),
        ({"word_embedding_size": "x"}, r"word_embedding_size \[x\] must be a whole number"),
        (
            {"train_neg_sample_args": {"sample_num": "none"}},
            "VBPR's BPR loss needs sampled negatives, but train_neg_sample_args has none: set",
        ),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        built(problem_of(), **settings)
