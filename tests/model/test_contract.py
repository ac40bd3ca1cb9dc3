"""What every registered model keeps, whatever it is."""

from __future__ import annotations

import math
import shutil
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from recbole.data.interaction import Interaction
from recbole.utils import ModelType

from recbole_slmrec import quick_start
from recbole_slmrec.config import Config
from recbole_slmrec.explore.data import Wanted, gather
from recbole_slmrec.export.folder import export
from recbole_slmrec.model import feature_rows
from recbole_slmrec.model.recommender import VectorRecommender
from recbole_slmrec.recommend import Recommender
from recbole_slmrec.registry import MODELS
from recbole_slmrec.settings import model_defaults
from recbole_slmrec.training.checkpoint import load_checkpoint
from recbole_slmrec.training.refit import refit
from recbole_slmrec.training.trainer import get_trainer
from recbole_slmrec.tune.task import make_task
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


def learns(name: str) -> bool:
    return MODELS[name].type != ModelType.TRADITIONAL


def all_scores(model) -> torch.Tensor:
    users = torch.arange(model.n_users)
    with torch.no_grad():
        model.eval()
        return model.full_sort_predict(Interaction({"user_id": users})).view(model.n_users, -1)


@pytest.mark.parametrize("modalities", [[], ["v"], ["v", "a", "t"]])
def test_the_loss_falls(name, modalities):
    if not modalities and getattr(MODELS[name], "needs_modality", False):
        with pytest.raises(ValueError, match=f"{name} needs a modality.*or use (LightGCN|ItemKNN)"):
            built(name, modalities=modalities)
        return
    if not learns(name):
        pytest.skip("it has nothing to learn")
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
    assert all(torch.equal(first[key], other[key]) for key in first) != learns(name)


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


def test_features_on_the_host_change_no_bit(name, monkeypatch):
    if "features_on" not in model_defaults(name):
        pytest.skip("it takes features in no step")
    # So few that all rows come in several blocks.
    monkeypatch.setattr(feature_rows, "_BLOCK", 100)
    runs = [
        quick_start.run(name, "made", config_dict={**SETTINGS, "epochs": 2, "features_on": where})
        for where in ("device", "host")
    ]
    on_device, on_host = (load_checkpoint(run["checkpoint"])["state_dict"] for run in runs)
    assert all(torch.equal(on_device[key], on_host[key]) for key in on_device)
    assert runs[0]["test_result"] == runs[1]["test_result"]


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


def test_stopping_and_resuming_changes_no_bit(name):
    def train(epochs: int, **settings) -> str:
        settings = {**SETTINGS, "epochs": epochs, "eval_step": 0, **settings}
        return quick_start.run(name, "made", config_dict=settings)["checkpoint"]

    if not learns(name):
        pytest.skip("it has nothing to learn")
    whole = load_checkpoint(train(4))["state_dict"]
    half = shutil.copy(train(2), "half.pth")
    resumed = load_checkpoint(train(4, resume=half))["state_dict"]
    assert all(torch.equal(value, resumed[key]) for key, value in whole.items())


def test_it_is_evaluated_among_sampled_items(name):
    settings = {"eval_args": {"mode": {"valid": "uni20", "test": "uni20"}}, "epochs": 2}
    result = quick_start.run(name, "made", config_dict={**SETTINGS, **settings})["test_result"]
    assert 0 < result["recall@10"] <= 1


def test_it_learns_in_half_precision(name):
    trainer, (train_data, *_) = built(name, enable_amp=True, epochs=2)
    trainer.fit(train_data, saved=False)
    assert all(map(math.isfinite, trainer.epoch_losses))
    assert all_scores(trainer.model).isfinite().all()


def test_it_recommends_is_refitted_looked_at_and_exported(name, tmp_path):
    path = quick_start.run(name, "made", config_dict={**SETTINGS, "epochs": 2})["checkpoint"]
    for checkpoint in (path, str(refit(Path(path)))):
        recommender = Recommender.load(checkpoint)
        found = recommender.recommend(["u3", "u4"], k=3)
        assert list(found["user"]) == ["u3"] * 3 + ["u4"] * 3
        scores = all_scores(recommender.model)
        pairs = recommender.users.rows(found["user"]), recommender.items.rows(found["item"])
        np.testing.assert_allclose(found["score"], scores[pairs], rtol=1e-5, atol=1e-6)
    page = gather(Wanted([Path(path)], Path("page.html"), users="u3"))
    own = page["users"]["recommended"][0][0]
    expected = Recommender.load(path).recommend(["u3"])
    assert [page["items"]["id"][item] for item, *_ in own] == list(expected["item"])
    by_model, *by_modality = page["similar"]
    assert bool(by_model["found"]) == issubclass(MODELS[name], VectorRecommender)
    assert [each["name"] for each in by_modality] == ["v", "a", "t"]
    if issubclass(MODELS[name], VectorRecommender):
        export(Path(path), tmp_path / "vectors")
        users, items = (
            np.load(tmp_path / f"vectors/{side}_vectors.npy") for side in ("user", "item")
        )
        scores = all_scores(Recommender.load(path).model)[1:, 1:]
        np.testing.assert_allclose(users @ items.T, scores, rtol=1e-4, atol=1e-5)


def test_its_grid_is_of_its_settings(name):
    tuned = [parameter.name for parameter in make_task(name, "made", [], {}, None).space]
    common = {"learning_rate", "weight_decay"}
    assert tuned and set(tuned) <= {*model_defaults(name), *common}
