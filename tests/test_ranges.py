"""Which values of settings are refused, whatever the model, and with what sentence."""

from __future__ import annotations

import pytest

from recbole_slmrec.config import Config

GOOD = [
    {"epochs": 0},
    {"learning_rate": 1},
    {"gpu_id": (0, 1)},
    {"topk": 5},
    {"learner": "AdamW"},
    {"data_seed": None},
    {"train_neg_sample_args": None},
    {"eval_args": {"split": {"RS": [8, 1, 1]}, "mode": {"valid": "uni10", "test": "full"}}},
    {"eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": None}},
    {"load_col": None},
    {"load_col": {"inter": ["user_id", "item_id"], "item": "*"}},
    {"user_inter_num_interval": None},
]

REFUSED = [
    ({"epochs": -1}, r"epochs \[-1\] must be a whole number from 0 to 2,147,483,647"),
    ({"epochs": 2.5}, r"epochs \[2.5\] must be a whole number"),
    ({"epochs": True}, r"epochs \[True\] must be a whole number"),
    ({"epochs": ""}, r"epochs \[nothing\] must be a whole number"),
    ({"epochs": None}, r"epochs \[nothing\] must be a whole number"),
    ({"embedding_size": 0}, r"embedding_size \[0\] must be a whole number from 1"),
    ({"n_layers": 10**9}, r"n_layers \[1000000000\] must be a whole number from 0 to 1,000"),
    ({"learning_rate": 0}, r"learning_rate \[0\] must be a number above 0"),
    ({"learning_rate": float("nan")}, r"learning_rate \[nan\] must be a number above 0"),
    ({"weight_decay": -0.1}, r"weight_decay \[-0.1\] must be a number from 0 to 3.4e\+38"),
    ({"weight_decay": float("inf")}, r"weight_decay \[inf\] must be a number from 0 to 3.4e\+38"),
    ({"seed": -1}, r"seed \[-1\] must be a whole number from 0 to 4,294,967,295"),
    ({"data_seed": 2**32}, r"data_seed \[4294967296\] must be a whole number from 0"),
    ({"state": "INFOS"}, r"state \[INFOS\] must be one of DEBUG, .*: did you mean INFO\?"),
    ({"learner": "adan"}, r"learner \[adan\] must be one of adam, .*: did you mean adam"),
    ({"show_progress": "maybe"}, r"show_progress \[maybe\] must be True or False"),
    ({"modalities": 3}, r"modalities \[3\] must be a list of modalities, such as \[v, a\]"),
    ({"reg_weight": -(10**20)}, r"reg_weight \[-1000.*\] has too many digits: write it as -1e\+20"),
    ({"negatives": ["all"]}, r"negatives \[\['all'\]\] must be a text"),
    ({"USER_ID_FIELD": ""}, r"USER_ID_FIELD \[nothing\] must be a text that is not empty"),
    ({"NEG_PREFIX": 0}, r"NEG_PREFIX \[0\] must be a text that is not empty"),
    ({"NEG_PREFIX": None}, r"NEG_PREFIX \[nothing\] must be a text that is not empty"),
    ({"numerical_features": None}, r"numerical_features \[nothing\] must be a list of fields"),
    ({"transform": "mask"}, r"transform \[mask\] must be one of mask_itemseq"),
    ({"preload_weight": 3}, r"preload_weight \[3\] must be fields of ids with"),
    ({"alias_of_item_id": "a"}, r"alias_of_item_id \[a\] must be a list of fields"),
    ({"clip_grad_norm": {"norm": 1}}, r"clip_grad_norm .* must be as \{max_norm: 5"),
    ({"clip_grad_norm": {"max_norm": 0}}, r"max_norm \[0\] must be a number above 0"),
    ({"threshold": 4}, r"threshold \[4\] must be a field with its least positive value"),
    ({"load_col": {"inter": None}}, r"load_col: inter \[nothing\] must be a list of its columns"),
    ({"load_col": {"inter": 5}}, r"load_col: inter \[5\] must be a list of its columns"),
    (
        {"load_col": {"inter": ["user_id", {"item": 1}]}},
        "load_col: inter .* must be a list of its col",
    ),
    ({"eval_args": None}, r"eval_args \[nothing\] must be settings in braces"),
    ({"eval_args": 3}, r"eval_args \[3\] must be settings in braces"),
    ({"eval_args": {"mod": "full"}}, r"eval_args has no \[mod\]: did you mean mode\? It has split"),
    ({"eval_args": {"mode": "uni0"}}, r"mode \[uni0\] must be full, labeled, or uniN or popN"),
    ({"eval_args": {"order": "XO"}}, r"eval_args: order \[XO\] must be one of RO, TO"),
    ({"eval_args": {"split": {"RS": [0, 0, 0]}}}, r"eval_args: split .* must be \{RS: \[0.8"),
    ({"eval_args": {"split": {"LS": "both"}}}, "LS: one of valid_and_test, valid_only, test_only"),
    (
        {"train_neg_sample_args": {"sample_num": 0}},
        r"sample_num \[0\] must be a whole number from 1",
    ),
    ({"train_neg_sample_args": {"num": 1}}, r"train_neg_sample_args has no \[num\]"),
]


@pytest.mark.parametrize("settings", GOOD)
def test_what_can_be_meant_is_taken(settings):
    model = "BPR" if "train_neg_sample_args" not in settings else "SLMRec"
    config = Config(model, "made", config_dict=settings)
    assert all(config.external_config_dict[key] == value for key, value in settings.items())


@pytest.mark.parametrize("model", ["MMGCN", "LightGCN"])
@pytest.mark.parametrize("settings, message", REFUSED)
def test_what_cannot_be_meant_is_refused_by_name(model, settings, message):
    with pytest.raises(ValueError, match=message):
        Config(model, "made", config_dict=settings)


def test_a_setting_of_recboles_has_the_kind_of_its_default():
    settings = {"n_heads": 2.5, "train_neg_sample_args": None}
    assert Config("SASRec", "made", config_dict=settings)["n_heads"] == 2.5
    with pytest.raises(ValueError, match=r"n_heads \[two\] must be a number"):
        Config("SASRec", "made", config_dict={"n_heads": "two"})
    with pytest.raises(
        ValueError, match=r"mlp_hidden_size \[7\] must be a list, as in \[128, 64\]"
    ):
        Config("NeuMF", "made", config_dict={"mlp_hidden_size": 7})


def test_what_a_data_set_declares_is_checked_too(tmp_path):
    folder = tmp_path / "dataset" / "mine"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("load_col: 5\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"load_col \[5\] must be file endings with lists"):
        Config("SLMRec", "mine")
