"""MMLightGCN is SLMRec with the BPR loss and no SSL task, to the bit."""

from __future__ import annotations

import pytest
import torch

from recbole_slmrec.model.mmlightgcn import MMLightGCN
from recbole_slmrec.model.slmrec import SLMRec
from tests.model.dense import random_problem
from tests.model.fast import batch, config_of, dataset_of

USERS, ITEMS = torch.tensor([1, 2, 3]), torch.tensor([1, 4, 6])
NEGATIVES = torch.tensor([[2, 3, 5], [7, 1, 4]])


@pytest.mark.parametrize("fusion", ["concat", "mean"])
@pytest.mark.parametrize("k", [1, 2])
def test_it_is_slmrec_with_bpr_and_no_ssl_task(k, fusion):
    problem = random_problem(2, 8, 9, 20, {"v": 5, "w": 3}, {"w": 6}, fusion=fusion)
    settings = {
        "main_loss": "bpr",
        "ssl_task": "none",
        "train_neg_sample_args": {"sample_num": k},
    }
    config = config_of(problem, **settings)
    losses, states = [], []
    for model_class in (SLMRec, MMLightGCN):
        torch.manual_seed(0)
        model = model_class(config, dataset_of(problem))
        loss = model.calculate_loss(batch(USERS, ITEMS, NEGATIVES[:k]))
        loss.backward()
        losses.append(loss)
        states.append({name: (p, p.grad) for name, p in model.named_parameters()})
    assert torch.equal(*losses)
    assert states[0].keys() == states[1].keys()
    for name, (parameter, gradient) in states[0].items():
        assert torch.equal(parameter, states[1][name][0])
        assert torch.equal(gradient, states[1][name][1])


def test_without_sampled_negatives_it_is_refused():
    problem = random_problem(2, 8, 9, 20, {"v": 5})
    with pytest.raises(ValueError, match="MMLightGCN's BPR loss needs sampled negatives"):
        MMLightGCN(config_of(problem), dataset_of(problem))
