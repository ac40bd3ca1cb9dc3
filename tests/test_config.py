"""Config: where settings come from, what strings mean, and what is refused."""

from __future__ import annotations

import pytest
import yaml
from recbole.utils import InputType

from recbole_slmrec.config import Config
from recbole_slmrec.settings import properties_path


def config(**settings) -> Config:
    return Config("SLMRec", "ml-100k", config_dict=settings)


def write(path, text: str):
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_priorities_are_command_line_dict_file_defaults(tmp_path, monkeypatch):
    file = write(tmp_path / "a.yaml", "alpha: 0.5\ntau: 0.5\ntau_ssl: 0.5\n")
    monkeypatch.setattr("sys.argv", ["run", "--alpha=0.7"])
    settings = Config("SLMRec", "ml-100k", [file], {"alpha": 0.6, "tau": 0.6})
    assert [settings[key] for key in ("alpha", "tau", "tau_ssl")] == [0.7, 0.6, 0.5]
    assert settings["n_layers"] == 3


def test_tuned_settings_of_a_data_set_are_a_models_own():
    tuned = yaml.safe_load((properties_path() / "dataset" / "tiktok.yaml").read_text())
    bpr = tuned["model_settings"]["BPR"]
    assert bpr.items() <= Config("BPR", "tiktok").final_config_dict.items()
    assert Config("LightGCN", "tiktok")["weight_decay"] == 0.0


@pytest.mark.parametrize(
    "main_loss, form", [("info_nce", InputType.POINTWISE), ("bpr", InputType.PAIRWISE)]
)
def test_the_main_loss_decides_whether_the_loader_samples(main_loss, form):
    settings = config(main_loss=main_loss)
    assert settings["MODEL_INPUT_TYPE"] == form
    sampled = settings["train_neg_sample_args"]["distribution"] != "none"
    assert sampled == (main_loss == "bpr")


def test_command_line_text_is_read_as_literals(monkeypatch):
    monkeypatch.setattr(
        "sys.argv",
        ["run", "--modalities=[genre,title]", "--learning_rate=1e-3", "--topk=[5,20]"]
        + ["--fac_similarity=cosine", "--flops=true", "--resume=None"]
        + ["--eval_args={'order': 'TO', 'mode': full}"],
    )
    settings = config()
    assert settings["modalities"] == ["genre", "title"]
    assert settings["learning_rate"] == 0.001
    assert settings["topk"] == [5, 20]
    assert settings["fac_similarity"] == "cosine"
    assert settings["flops"] is True and settings["resume"] is None
    assert settings["eval_args"]["order"] == "TO"
    assert config(gpu_id="")["gpu_id"] == ""


def test_of_a_setting_that_is_given_twice_the_last_one_is_taken(monkeypatch):
    monkeypatch.setattr("sys.argv", ["run", "--epochs=1", "--tau=0.3", "--epochs=4"])
    assert (config()["epochs"], config()["tau"]) == (4, 0.3)


def test_a_value_may_hold_an_equals_sign(monkeypatch):
    monkeypatch.setattr("sys.argv", ["run", "--data_path=a=b/c=d"])
    assert config(note=1)["checkpoint_dir"] == "saved"
    assert Config("SLMRec", "made")["data_path"] == "a=b/c=d/made"


def test_the_authors_setting_is_a_file_that_the_defaults_differ_from():
    file = properties_path() / "model" / "paper.yaml"
    settings = Config("SLMRec", "ml-100k", [str(file)])
    assert settings.warnings() == []
    later = ("popularity_weight", "linear_weight", "cold_share", "ema_decay")
    assert [settings[key] for key in later] == [0] * 4
    assert (settings["negatives"], settings["score"]) == ("in_batch", "dot")
    assert (config()["negatives"], config()["score"]) == ("auto", "auto")


def test_text_is_never_run(tmp_path):
    marker = tmp_path / "ran"
    text = f"__import__('pathlib').Path({str(marker)!r}).touch()"
    assert config(note=text)["note"] == text
    file = write(tmp_path / "a.yaml", f"note: !!python/object/apply:os.mkdir [{marker}]\n")
    with pytest.raises(ValueError, match=r"a\.yaml is not valid YAML"):
        Config("SLMRec", "ml-100k", [file])
    assert not marker.exists()


def test_an_unknown_key_is_told_with_the_nearest():
    warnings = config(learning_rte=0.1, note=1).warnings()
    assert warnings == [
        "the setting [learning_rte] is unknown and has no effect: did you mean learning_rate?",
        "the setting [note] is unknown and has no effect",
    ]


def test_known_keys_of_every_kind_are_not_told():
    known = {"weight_decay": 0.1, "tau": 0.5, "item_modalities": {}, "log_wandb": False}
    assert config(**known, benchmark_filename=None, encoding="utf-8").warnings() == []
    assert Config("NCL", "ml-100k", config_dict={"ssl_temp": 0.1}).warnings() == []


def test_changed_names_what_differs_from_the_defaults():
    assert config(tau=0.5, alpha=0.5).changed() == {"tau": 0.5}


@pytest.mark.parametrize("key", ["save_dataset", "dataset_save_path", "dataloaders_save_path"])
def test_pickled_data_sets_are_refused(key):
    with pytest.raises(ValueError, match=f"{key} is not supported: .* can run code"):
        config(**{key: "data.pth"})


def test_a_data_sets_own_file_describes_it(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    path = write(folder / "mine.yaml", "item_modalities: {x: x.npy}\nthreshold: {rating: 3}\n")
    settings = Config("SLMRec", "mine", config_dict={"data_path": str(tmp_path)})
    assert settings["item_modalities"] == {"x": "x.npy"}
    write(folder / "mine.yaml", "checkpoint_dir: elsewhere\nepochs: 3\n")
    with pytest.raises(ValueError, match=f"{path} may only describe the data, but sets checkpoint"):
        Config("SLMRec", "mine", config_dict={"data_path": str(tmp_path)})


def test_files_that_are_missing_or_no_settings_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no config file \[nowhere\.yaml\]"):
        Config("SLMRec", "ml-100k", ["nowhere.yaml"])
    file = write(tmp_path / "list.yaml", "- 1\n- 2\n")
    with pytest.raises(ValueError, match=r"list\.yaml must hold lines of the form"):
        Config("SLMRec", "ml-100k", [file])


@pytest.mark.parametrize(
    "name, hint",
    [("slmrec", "did you mean SLMRec"), ("LightGNC", "did you mean LightGCN"), ("Zzzz", "Ours: ")],
)
def test_an_unknown_model_is_told_with_the_nearest(name, hint):
    with pytest.raises(ValueError, match=rf"there is no model \[{name}\].*{hint}"):
        Config(name, "ml-100k")


def test_a_run_needs_a_model_and_a_data_set():
    with pytest.raises(ValueError, match="no dataset is named: pass --dataset=NAME"):
        Config("SLMRec")


def test_an_unknown_test_mask_is_refused():
    with pytest.raises(ValueError, match=r"test_mask \[all\] is not one of seen, train"):
        config(test_mask="all")


def test_weights_and_biases_must_be_there(monkeypatch):
    monkeypatch.setattr("recbole_slmrec.config.find_spec", lambda name: None)
    with pytest.raises(ValueError, match="log_wandb: True needs .* pip install wandb"):
        config(log_wandb=True)
    assert config(log_wandb=False)["log_wandb"] is False
