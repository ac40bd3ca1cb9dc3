"""Metrics are settled before training: what validation needs is added, what does not fit is refused."""

from __future__ import annotations

import pytest

from recbole_slmrec import quick_start
from recbole_slmrec.config import Config

QUICK = {"epochs": 1, "train_batch_size": 64, "show_progress": False, "state": "ERROR"}
LABELED = {"split": {"RS": [0.6, 0.2, 0.2]}, "order": "RO", "group_by": "user", "mode": "labeled"}
OF_SCORES = {"metrics": ["AUC", "LogLoss"], "valid_metric": "AUC"}


def config(model: str = "SLMRec", **settings) -> Config:
    return Config(model, "ml-100k", config_dict=settings)


@pytest.mark.parametrize(
    "given, settled, said",
    [
        ({"topk": [5]}, ("topk", [5, 20]), "topk: 20 is added, for valid_metric is Recall@20"),
        ({"topk": 20}, ("topk", [20]), None),
        ({"topk": (5, 20)}, ("topk", [5, 20]), None),
        (
            {"metrics": ["NDCG"]},
            ("metrics", ["NDCG", "Recall"]),
            "metrics: Recall is added, for valid_metric is Recall@20",
        ),
        ({"metrics": "recall"}, ("metrics", ["Recall"]), None),
        ({"metrics": ["ndcg"], "valid_metric": "ndcg@10"}, ("metrics", ["NDCG"]), None),
        ({"metrics": ["GAUC"], "valid_metric": "gauc"}, ("topk", [10, 20]), None),
        (
            {"valid_metric": "MRR@20"},
            ("metrics", ["Recall", "NDCG", "Precision", "MRR"]),
            "metrics: MRR is added, for valid_metric is MRR@20",
        ),
    ],
)
def test_what_validation_needs_is_added_and_said(given, settled, said):
    settings = config(**given)
    key, value = settled
    assert settings[key] == value
    assert settings.warnings() == ([said] if said else [])


@pytest.mark.parametrize(
    "given, message",
    [
        ({"metrics": ["Recal"]}, r"metrics: there is no metric \[Recal\]: did you mean Recall\?"),
        (
            {"valid_metric": "F1@20"},
            r"valid_metric: there is no metric \[F1\]\. A ranking has Aver",
        ),
        ({"valid_metric": "ndcg"}, r"valid_metric \[ndcg\] needs a K, write NDCG@20"),
        ({"valid_metric": "NDCG@0"}, r"valid_metric \[NDCG@0\] needs a K"),
        ({"valid_metric": None}, r"valid_metric: there is no metric \[None\]"),
        ({"valid_metric": "GAUC@5"}, r"valid_metric \[GAUC@5\]: GAUC has no K"),
        ({"topk": [0]}, r"topk \[\[0\]\] must be a list of whole numbers above 0"),
        ({"topk": ["5"]}, "topk .* must be a list of whole numbers"),
        ({"topk": True}, "topk .* must be a list of whole numbers"),
        ({"metrics": []}, r"metrics \[\[\]\] must be a list of metrics"),
        ({"metrics": 3}, r"metrics \[3\] must be a list of metrics"),
        ({"metrics": ["AUC"]}, "AUC of single scores .* of which GAUC is AUC user by user"),
        ({"metrics": ["Recall", "AUC"], "eval_args": {"mode": "uni9"}}, "judged by one kind"),
        (
            {"metrics": ["AUC"], "eval_args": {"mode": "uni9"}},
            r"valid_metric \[Recall\] is of another kind than metrics \[AUC\]",
        ),
        ({"eval_args": LABELED}, "mode: labeled in eval_args ranks nothing. Set metrics and valid"),
        (
            {**OF_SCORES, "eval_args": {"mode": {"valid": "labeled", "test": "full"}}},
            "full ranking",
        ),
    ],
)
def test_what_does_not_fit_is_one_sentence(given, message):
    with pytest.raises(ValueError, match=message):
        config(**given)


def test_no_k_is_larger_than_the_catalogue(rated, caplog):
    settings = {**QUICK, "state": "WARNING", "topk": [10, 50, 99], "valid_metric": "NDCG@99"}
    result = quick_start.run("BPR", "rated", config_dict=settings)
    assert "topk: [10, 50, 99] becomes [10, 20], for there are 20 items" in caplog.messages
    assert "valid_metric becomes NDCG@20" in caplog.messages
    assert {metric.split("@")[1] for metric in result["test_result"]} == {"10", "20"}
    assert result["best_valid_score"] == result["best_valid_result"]["ndcg@20"]


@pytest.mark.parametrize("model", ["DeepFM", "DIN"])
def test_recboles_context_aware_models_are_judged_as_there(rated, model):
    settings = config(model)
    assert (settings["metrics"], settings["valid_metric"]) == (["AUC", "LogLoss"], "AUC")
    assert settings["load_col"]["user"] == ["user_id", "age", "gender", "occupation"]
    threshold = {"threshold": {"rating": 4}} if model == "DeepFM" else {}
    result = quick_start.run(model, "rated", config_dict={**QUICK, **threshold})
    assert set(result["test_result"]) == {"auc", "logloss"}
    assert 0 <= result["test_result"]["auc"] <= 1


def test_other_models_keep_this_packages_metrics_and_columns():
    assert config("LightGCN")["metrics"] == ["Recall", "NDCG", "Precision"]
    assert "movie_title" in config("SLMRec")["load_col"]["item"]
    assert "kg" in config("CKE")["load_col"]


def test_our_models_are_judged_by_labels_too(rated, caplog):
    settings = {**QUICK, **OF_SCORES, "eval_args": LABELED, "threshold": {"rating": 4}}
    result = quick_start.run("SLMRec", "rated", config_dict={**settings, "state": "WARNING"})
    assert 0 < result["test_result"]["auc"] < 1
    assert "LogLoss say nothing of SLMRec, whose scores are neither" in caplog.text
    assert "SLMRec takes every interaction for a positive" in caplog.text


@pytest.mark.parametrize(
    "threshold, message",
    [
        ({}, r"needs labels, but the interactions have no \[label\]: add it to load_col"),
        ({"threshold": {"rating": 9}}, "of the 48 of valid 0 have label 1: change the split"),
        ({"threshold": {"rating": 0}}, "of the 48 of valid 48 have label 1"),
    ],
)
def test_labels_that_are_not_there_or_all_alike_are_told(rated, threshold, message):
    settings = {**QUICK, **OF_SCORES, "eval_args": LABELED, **threshold}
    with pytest.raises(ValueError, match=message):
        quick_start.run("SLMRec", "rated", config_dict=settings)
