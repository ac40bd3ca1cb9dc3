"""What SLMRec's settings may be, what they change, and what it says of those that do not fit."""

from __future__ import annotations

import logging
from collections import Counter

import pytest
import torch

from recbole_slmrec.model.modality import WordContent
from recbole_slmrec.model.slmrec import SLMRec
from recbole_slmrec.model.ssl import SSL_TASKS
from recbole_slmrec.model.ssl.fm import draw_pair
from tests.model.dense import random_problem
from tests.model.fast import batch, config_of, dataset_of, fast_model

USERS, ITEMS = torch.tensor([1, 2, 3]), torch.tensor([1, 4, 6])


def problem(n_modalities: int = 2):
    widths = dict(list({"v": 5, "a": 3, "t": 4}.items())[:n_modalities])
    return random_problem(3, 8, 9, 20, widths)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"tau": 0}, r"tau \[0\] must be a number above 0"),
        ({"tau_ssl": 0.0}, r"tau_ssl \[0.0\] must be a number above 0"),
        ({"ssl_task": "FM", "tau_ssl": -1}, r"tau_ssl \[-1\] must be a number above 0"),
        ({"alpha": -0.1}, r"alpha \[-0.1\] must be a number, 0 or more"),
        (
            {"ssl_task": "FX"},
            r"ssl_task \[FX\] is not one of FAC, FD, FM, FM\+FD, ED, ND, RW, none",
        ),
        ({"main_loss": "softmax"}, r"main_loss \[softmax\] is not one of info_nce, sampled, bpr"),
        ({"main_loss": "none", "ssl_task": "none"}, "nothing would be learnt"),
        ({"main_loss": "none", "alpha": 0}, "nothing would be learnt"),
        ({"main_loss": "bpr"}, r"main_loss \[bpr\] and train_neg_sample_args disagree"),
        ({"train_neg_sample_args": {"sample_num": 1}}, r"main_loss \[info_nce\] and train_neg"),
        ({"fusion": "sum"}, r"fusion \[sum\] is not one of concat, mean"),
        ({"fac_similarity": "l1"}, r"fac_similarity \[l1\] is not one of cosine, dot"),
        ({"ssl_task": "FD", "dropout_rate": 1}, r"dropout_rate \[1\] must be a number in \[0, 1\)"),
        ({"ssl_task": "FD", "fd_level": "node"}, r"fd_level \[node\] is not one of feature, layer"),
        ({"ssl_task": "ED", "drop_ratio": 1}, r"drop_ratio \[1\] must be a number in \[0, 1\)"),
        ({"ssl_task": "ND", "drop_ratio": -0.1}, r"drop_ratio \[-0.1\] must be a number in"),
        ({"ssl_task": "RW", "drop_ratio": "a"}, r"drop_ratio \[a\] must be a number in \[0, 1\)"),
        ({"train_batch_size": 1}, r"train_batch_size \[1\] leaves no in-batch negatives"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        fast_model(problem(), **settings)


def test_a_last_batch_of_one_row_adds_nothing():
    model = fast_model(problem(), ssl_task="FM")
    main, ssl = model.calculate_loss(batch(USERS[:1], ITEMS[:1]))
    assert main.item() == pytest.approx(0, abs=1e-9)
    assert ssl.item() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("ssl_task", SSL_TASKS)
def test_without_modalities_it_is_lightgcn_and_says_so(caplog, ssl_task):
    with caplog.at_level(logging.WARNING):
        model = fast_model(problem(0), ssl_task=ssl_task)
    assert "this is LightGCN with the main loss [info_nce]" in caplog.text
    assert model.loss_names == ("main",)
    assert model.calculate_loss(batch(USERS, ITEMS)).dim() == 0


def test_without_modalities_and_main_loss_nothing_would_be_learnt():
    with pytest.raises(ValueError, match="no content modality is used: nothing would be learnt"):
        fast_model(problem(0), main_loss="none")


def test_fac_halves_the_last_of_three_spaces_only():
    for n_modalities, widths in {1: [4], 2: [4, 4], 3: [4, 4, 2]}.items():
        task = fast_model(problem(n_modalities)).ssl_task
        assert [linear.out_features for linear in task.enter] == widths


def test_fm_draws_two_distinct_modalities_every_pair_alike():
    torch.manual_seed(0)
    pairs = Counter(draw_pair(("v", "a", "id")) for _ in range(6000))
    assert len(pairs) == 6 and all(first != second for first, second in pairs)
    assert all(850 < count < 1150 for count in pairs.values())


def test_fd_keeps_the_share_that_the_rate_leaves():
    task = fast_model(problem(), ssl_task="FD", dropout_rate=0.3).ssl_task
    mask = task.keep_mask(torch.ones(300, 200))
    assert mask.mean().item() == pytest.approx(0.7, abs=0.01)


def test_tables_are_made_once_an_evaluation(monkeypatch):
    model = fast_model(problem())
    calls = []
    original = model.encoder.forward
    monkeypatch.setattr(model.encoder, "forward", lambda rows: calls.append(1) or original(rows))
    model.eval()
    before = model.full_sort_predict(batch(USERS, ITEMS))
    model.full_sort_predict(batch(USERS, ITEMS))
    model.predict(batch(USERS, ITEMS))
    assert len(calls) == 1

    with torch.no_grad():
        model.encoder.user_embedding.weight.add_(1)
    model.eval()
    assert not torch.equal(model.full_sort_predict(batch(USERS, ITEMS)), before)


def test_loading_parameters_forgets_the_tables():
    model = fast_model(problem()).eval()
    before = model.full_sort_predict(batch(USERS, ITEMS))
    state = {name: value + 1 for name, value in model.state_dict().items()}
    model.load_state_dict(state)
    assert not torch.equal(model.full_sort_predict(batch(USERS, ITEMS)), before)


def test_parameters_start_as_xavier_with_zero_biases():
    words = random_problem(3, 200, 300, 900, {"v": 50, "w": 64}, {"w": 400}, d=32)
    torch.manual_seed(1)
    model = SLMRec(config_of(words), dataset_of(words))
    bound = (6 / (model.n_users + 32)) ** 0.5
    users = model.encoder.user_embedding.weight
    assert 0.95 * bound < users.abs().max() <= bound
    assert not any(value.any() for name, value in model.named_parameters() if "bias" in name)
    (content,) = (m for m in model.modules() if isinstance(m, WordContent))
    table = content.word_embedding.weight
    assert table.std().item() == pytest.approx((2 / sum(table.shape)) ** 0.5, rel=0.05)
    assert table.abs().max() > 3 * table.std()


def test_propagated_features_are_in_no_checkpoint():
    model = fast_model(problem())
    assert set(model.state_dict()) == {name for name, _ in model.named_parameters()}
