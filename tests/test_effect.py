"""Settings that change nothing: told by a warning, and not said to be changed."""

from __future__ import annotations

import logging

import pytest

from recbole_slmrec import effect, quick_start
from recbole_slmrec.config import Config

QUICK = {"epochs": 1, "train_batch_size": 64, "show_progress": False}
SPLIT = {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full"}


@pytest.fixture
def told(caplog):
    """Runs, and gives the warnings and what the summary says to be changed."""

    def run(model: str, dataset: str, **settings) -> tuple[list[str], str]:
        with caplog.at_level(logging.INFO):
            quick_start.run(model, dataset, config_dict={**QUICK, **settings}, saved=False)
        messages = [record.getMessage() for record in caplog.records]
        warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
        (summary,) = [text for text in messages if f"{model} on {dataset}" in text]
        return warnings, summary.split("changed")[1]

    return run


def test_a_split_data_set_is_neither_split_nor_filtered_again(made, told, caplog):
    warnings, changed = told("BPR", "made", eval_args=SPLIT, user_inter_num_interval="[9,inf)")
    assert (
        "eval_args: split, order has no effect: the data set is split already (benchmark_filename: "
        "train, valid, test), and this split is used"
    ) in warnings
    (line,) = [text for text in warnings if "[user_inter_num_interval] has no effect" in text]
    assert "filter the files" in line
    assert "user_inter_num_interval" not in changed
    assert "valid_and_test" not in changed and "valid_and_test" not in caplog.text.split("[Eval")[1]


def test_the_data_sets_own_filters_are_told_as_well(made, told):
    with (made / "made.yaml").open("a", encoding="utf-8") as file:
        file.write("rm_dup_inter: first\nuser_inter_num_interval: '[0,inf)'\n")
    warnings, _ = told("BPR", "made")
    assert [text.split("]")[0] for text in warnings if "no effect" in text] == [
        "the setting [rm_dup_inter"
    ]


@pytest.mark.parametrize("model", ["SLMRec", "BPR", "LightGCN", "NeuMF"])
def test_a_threshold_changes_nothing_for_models_of_positives(rated, told, model):
    warnings, changed = told(model, "rated", threshold={"rating": 4})
    (line,) = [text for text in warnings if "threshold" in text]
    # 216 of the 288 interactions are training ones, and three ratings of five are below 4.
    assert line.startswith(
        f"the setting [threshold] has no effect: {model} takes every interaction"
    )
    assert "val_interval: {rating: '[4,inf)'}" in line
    assert "threshold" not in changed


def test_what_is_said_to_filter_filters(rated, told):
    warnings, changed = told("BPR", "rated", val_interval={"rating": "[4,inf)"})
    assert "val_interval={'rating': '[4,inf)'}" in changed
    assert not [text for text in warnings if "effect" in text]


def test_a_threshold_is_used_by_models_of_labels(rated, told):
    warnings, _ = told("FM", "rated", threshold={"rating": 4})
    assert not [text for text in warnings if "effect" in text or "label" in text]


def test_labels_of_a_file_that_a_model_does_not_learn_are_told(rated, told):
    path = rated / "rated.inter"
    text = path.read_text(encoding="utf-8").replace("rating:float", "label:float")
    path.write_text(text, encoding="utf-8")
    columns = {"inter": ["user_id", "item_id", "label"], "item": ["item_id"]}
    path.write_text(text.replace("\t5\t", "\t0\t"), encoding="utf-8")
    warnings, _ = told("BPR", "rated", load_col=columns)
    (line,) = [text for text in warnings if "label" in text]
    assert line.startswith("BPR takes every interaction for a positive, whatever its label; ")
    assert line.endswith("val_interval: {label: '[1,inf)'}")


def test_settings_of_the_model_that_it_does_not_read_are_told(made, told):
    warnings, changed = told("SLMRec", "made", ssl_task="none", tau_ssl=0.3, tau=0.5)
    assert "the setting [tau_ssl] has no effect: nothing in this run reads it" in warnings
    assert "tau=0.5" in changed and "tau_ssl" not in changed
    assert not [text for text in warnings if "[tau]" in text or "[ssl_task]" in text]


@pytest.mark.parametrize(
    "settings, without_effect",
    [
        ({"negatives": "all"}, {"n_negatives": 7}),
        ({"negatives": "in_batch", "linear_weight": 0}, {"negative_popularity": 0.5}),
        ({"linear_weight": 0}, {"linear_rank": 3, "linear_reg": 2}),
        ({"main_loss": "bpr"}, {"exclude_positives": True, "tau": 0.3, "negatives": "all"}),
    ],
)
def test_what_other_settings_leave_without_effect_is_told(made, told, settings, without_effect):
    warnings, _ = told("SLMRec", "made", **settings, **without_effect)
    for key in without_effect:
        assert f"the setting [{key}] has no effect: nothing in this run reads it" in warnings


@pytest.mark.parametrize("has_kernel", [True, False])
def test_half_precision_without_instructions_for_it_is_told(made, told, monkeypatch, has_kernel):
    monkeypatch.setattr(effect, "_has_bfloat16", lambda: has_kernel)
    warnings, _ = told("SLMRec", "made", enable_amp=True)
    slow = [text for text in warnings if "no instructions for bfloat16" in text]
    assert len(slow) == (not has_kernel)


@pytest.mark.parametrize(
    "model, settings",
    [
        ("LightGCN", {"modalities": ["v"], "require_pow": True}),
        ("BPR", {"MAX_ITEM_LIST_LENGTH": 10, "wandb_project": "x", "tail_ratio": 0.2}),
        ("BPR", {"enable_scaler": True, "valid_metric_bigger": False}),
        ("DMF", {"embedding_size": 8}),
        ("SLMRec", {"gather_negatives": False, "require_pow": True}),
        ("Pop", {"learning_rate": 0.1, "weight_decay": 0.1, "epochs": 7}),
        ("MultiVAE", {"train_neg_sample_args": {"distribution": "popularity", "sample_num": 2}}),
    ],
)
def test_settings_without_effect_are_told(made, told, model, settings):
    used = {"require_pow"} if model == "LightGCN" else set()
    warnings, changed = told(model, "made", **settings)
    for key in settings:
        lines = [text for text in warnings if f"the setting [{key}] has no effect" in text]
        assert len(lines) == (key not in used), key
        assert (f"{key}=" in changed) == (key in used), key


def test_settings_that_are_read_late_are_used(made, told):
    late = {"loss_decimal_place": 6, "flops": True, "eval_step": 2, "stopping_step": 3}
    warnings, changed = told("SLMRec", "made", **late)
    assert not [text for text in warnings if "effect" in text]
    assert all(f"{key}={value}" in changed for key, value in late.items())


def test_an_unknown_setting_is_not_said_to_be_changed():
    config = Config("SLMRec", "ml-100k", config_dict={"learning_rte": 0.1, "tau": 0.5})
    assert config.changed() == {"tau": 0.5}


def test_without_the_gpu_none_is_taken(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert Config("SLMRec", "ml-100k")["device"].type == "cuda"
    assert Config("SLMRec", "ml-100k", config_dict={"use_gpu": False})["device"].type == "cpu"
