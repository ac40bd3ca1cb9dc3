"""What the user wants tuned: checked before anything is trained."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from recbole_slmrec.tune.task import claim_folder, make_task


def task(text: str = "tau choice [0.1,0.2]", model: str = "SLMRec", **settings):
    Path("a.hyper").write_text(text + "\n")
    return make_task(model, "made", [], settings, Path("a.hyper"))


def test_settings_hold_in_any_working_directory(made, tmp_path):
    Path("a.yaml").write_text("epochs: 7\nalpha: 0.3\n")
    Path("a.hyper").write_text("tau choice [0.1,0.2]\n")
    made_task = make_task("SLMRec", "made", ["a.yaml"], {"alpha": "0.4"}, Path("a.hyper"))
    assert made_task.settings == {
        "state": "ERROR",
        "show_progress": False,
        "epochs": 7,
        "alpha": 0.4,
        "model": "SLMRec",
        "dataset": "made",
        "data_path": str(tmp_path / "dataset"),
    }
    assert (made_task.metric, made_task.bigger, made_task.n_validations) == ("recall@20", True, 7)


def test_the_models_own_file_is_the_default(made):
    names = [p.name for p in make_task("SLMRec", "made", [], {}, None).space]
    assert names == ["learning_rate", "weight_decay", "tau", "tau_ssl", "alpha"]
    with pytest.raises(FileNotFoundError, match=r"\[LightGCN\] \(only for .*MMBPR,.*--params_file"):
        make_task("LightGCN", "made", [], {}, None)


def test_an_unknown_parameter_gets_the_nearest_name(made):
    with pytest.raises(
        ValueError, match=r"a\.hyper: .*\[tau_sll\] is unknown.*did you mean tau_ssl"
    ):
        task("tau_sll choice [0.1]")
    with pytest.raises(ValueError, match=r"\[tau\] is unknown"):
        task("tau choice [0.1]", model="LightGCN")


def test_an_unknown_fixed_setting_is_a_warning_as_in_a_run(made, caplog):
    with caplog.at_level(logging.WARNING):
        task(learning_rat=1)
    assert "the setting [learning_rat] is unknown" in caplog.text


def test_a_setting_cannot_be_tuned_and_fixed(made):
    with pytest.raises(ValueError, match=r"tau is tuned by a\.hyper and set to 0\.5 as well"):
        task(tau=0.5)


def test_a_checkpoint_is_not_resumed(made):
    with pytest.raises(ValueError, match="a search does not resume a checkpoint"):
        task(resume="saved/a.pth")


def test_a_folder_holds_one_search(made, tmp_path):
    folder = tmp_path / "tune"
    claim_folder(folder, task(epochs=3), "Hyperopt")
    claim_folder(folder, task(epochs=4, state="INFO"), "Hyperopt")
    (folder / "trials.jsonl").touch()
    claim_folder(folder, task(epochs=4, show_progress=True), "Hyperopt")
    with pytest.raises(ValueError, match=r"epochs was 4 and is 5\): choose another .*--output"):
        claim_folder(folder, task(epochs=5), "Hyperopt")
    with pytest.raises(ValueError, match="tuned was tau and is alpha, tau"):
        claim_folder(folder, task("tau choice [1]\nalpha choice [1]", epochs=4), "Hyperopt")
    with pytest.raises(
        ValueError, match="epochs was 4 and is not set; tool was Hyperopt and is Ray"
    ):
        claim_folder(folder, task(), "Ray")
