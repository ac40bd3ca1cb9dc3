"""What every registered model keeps, whatever it is."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from recbole.data.interaction import Interaction

from recbole_slmrec import quick_start
from recbole_slmrec.checkpoint import load_checkpoint
from recbole_slmrec.config import Config
from recbole_slmrec.registry import MODELS
from recbole_slmrec.trainer import get_trainer
from tests.backends import BACKENDS

SETTINGS = {
    "epochs": 12,
    "train_batch_size": 64,
    "learning_rate": 0.01,
    "show_progress": False,
    "state": "ERROR",
}

pytestmark = [pytest.mark.parametrize("name", sorted(MODELS)), pytest.mark.usefixtures("made")]


def built(name: str, **settings):
    """A trainer with its model and the three loaders."""
    config = Config(name, "made", config_dict={**SETTINGS, **settings})
    loaders = quick_start.load_data(config)
    model = quick_start.build_model(config, loaders[0])
    return get_trainer(config["MODEL_TYPE"], name)(config, model), loaders


def all_scores(model) -> torch.Tensor:
    users = torch.arange(model.n_users)
    with torch.no_grad():
        model.eval()
        return model.full_sort_predict(Interaction({"user_id": users})).view(model.n_users, -1)


@pytest.mark.parametrize("modalities", [[], ["v"], ["v", "a", "t"]])
def test_the_loss_falls(name, modalities):
    if not modalities and getattr(MODELS[name], "needs_modality", False):
        with pytest.raises(ValueError, match=f"{name} needs a modality.*LightGCN"):
            built(name, modalities=modalities)
        return
    trainer, (train_data, *_) = built(name, modalities=modalities)
    trainer.fit(train_data, saved=False)
    losses = list(trainer.train_loss_dict.values())
    assert losses[-1] < 0.9 * losses[0]


def test_a_seed_makes_a_run_repeatable(name):
    results = [
        quick_start.run(name, "made", config_dict={**SETTINGS, "seed": s}) for s in (1, 1, 2)
    ]
    first, second, other = (load_checkpoint(r["checkpoint"])["state_dict"] for r in results)
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not all(torch.equal(first[key], other[key]) for key in first)


def test_predict_equals_full_sort_predict(name):
    trainer, _ = built(name)
    scores = all_scores(trainer.model)
    users, items = torch.arange(30).repeat(2), torch.arange(60) % 45
    pairs = trainer.model.predict(Interaction({"user_id": users, "item_id": items}))
    torch.testing.assert_close(pairs, scores[users, items])


def test_a_saved_model_scores_as_before(name):
    result = quick_start.run(name, "made", config_dict=SETTINGS)
    trainer, (train_data, valid_data, _) = built(name)
    trainer.fit(train_data, valid_data, saved=False)
    _, model, *_ = quick_start.load_data_and_model(result["checkpoint"])
    best = load_checkpoint(result["checkpoint"])
    trainer.model.load_state_dict(best["state_dict"])
    assert torch.equal(all_scores(model), all_scores(trainer.model))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_deep_copy_of_a_used_model_scores_alike(name, backend):
    trainer, _ = built(name, graph_backend=backend)
    expected = all_scores(trainer.model)
    assert torch.equal(all_scores(deepcopy(trainer.model)), expected)


def test_seen_items_and_padding_are_never_recommended(name):
    trainer, (train_data, valid_data, test_data) = built(name)
    trainer.tot_item_num = train_data._dataset.item_num
    seen = [set() for _ in range(trainer.model.n_users)]
    for data in (train_data, valid_data):
        pairs = data._dataset.inter_feat
        for user, item in zip(pairs["user_id"].tolist(), pairs["item_id"].tolist()):
            seen[user].add(item)
    trainer.model.eval()
    with torch.no_grad():
        for batch in test_data:
            interaction, scores, _, _ = trainer._full_sort_batch_eval(batch)
            for user, row in zip(interaction["user_id"].tolist(), scores):
                ranked = row.argsort(descending=True)[: 45 - len(seen[user])].tolist()
                assert not seen[user] & set(ranked) and 0 not in ranked
