"""Runs of a comparison: priorities, one split, what is kept, what is skipped, what fails."""

from __future__ import annotations

import json

import numpy as np
import pytest

from recbole_slmrec import quick_start
from recbole_slmrec.compare.names import Entry, parse_models
from recbole_slmrec.compare.runs import Comparison, configure, run_all
from recbole_slmrec.data.download import DownloadError
from recbole_slmrec.data.find import NoDataSetError
from recbole_slmrec.evaluation.per_user import UserEvaluator
from tests.made import NAME, read_pairs, write

QUICK = {"epochs": "2", "train_batch_size": "64", "eval_step": "1"}


def comparison(tmp_path, models: str, seeds=(1, 2), **settings) -> Comparison:
    return Comparison(
        parse_models(models), NAME, list(seeds), tmp_path / "out", {**QUICK, **settings}
    )


def give_no_split(folder) -> None:
    """Leaves the split to RecBole, which draws it at random."""
    pairs = []
    for split in ("train", "valid", "test"):
        path = folder / f"{NAME}.{split}.inter"
        pairs += read_pairs(path)
        path.unlink()
    write(folder / f"{NAME}.inter", ["user_id:token", "item_id:token"], pairs)
    declaration = folder / f"{NAME}.yaml"
    text = declaration.read_text(encoding="utf-8")
    declaration.write_text(
        text.replace("benchmark_filename:\n- train\n- valid\n- test\n", ""), encoding="utf-8"
    )


def pairs_of(data) -> set[tuple[int, int]]:
    pairs = data._dataset.inter_feat
    return set(zip(pairs["user_id"].tolist(), pairs["item_id"].tolist()))


def test_a_models_own_settings_win_over_those_of_all(made, tmp_path):
    several = comparison(
        tmp_path, "SLMRec[tau=0.7,modalities=[v,a]],SLMRec", tau="0.3", alpha="0.9"
    )
    own, common = (configure(several, entry, 5) for entry in several.entries)
    assert (own["tau"], own["alpha"], own["modalities"]) == (0.7, 0.9, ["v", "a"])
    assert (common["tau"], common["alpha"], common["modalities"]) == (0.3, 0.9, None)
    assert own["seed"] == 5 and own["data_seed"] == 2020


def test_a_random_split_is_the_same_for_all_seeds_and_models(made, tmp_path):
    give_no_split(made)
    several = comparison(tmp_path, "SLMRec,BPR")
    splits = [
        [pairs_of(data) for data in quick_start.load_data(configure(several, entry, seed))]
        for entry in several.entries
        for seed in (1, 2, 3)
    ]
    assert all(split == splits[0] for split in splits)
    other = comparison(tmp_path, "BPR", data_seed="7")
    train, *_ = quick_start.load_data(configure(other, other.entries[0], 1))
    assert pairs_of(train) != splits[0][0]
    outcomes = run_all(several, lambda line: None)
    users = [run["users"] for outcome in outcomes for run in outcome.runs]
    assert len(users) == 4 and all(each == users[0] for each in users)


def test_the_split_is_that_of_a_plain_run_and_seeds_change_training(made, tmp_path):
    give_no_split(made)
    plain = quick_start.Config("BPR", NAME, config_dict={"state": "ERROR"})
    several = comparison(tmp_path, "BPR")
    one = configure(several, several.entries[0], 1)
    assert [pairs_of(data) for data in quick_start.load_data(plain)] == [
        pairs_of(data) for data in quick_start.load_data(one)
    ]
    first, second = run_all(several, lambda line: None)[0].runs
    assert first["loss"] != second["loss"]


def test_what_a_run_keeps(made, tmp_path):
    (outcome,) = run_all(comparison(tmp_path, "SLMRec[tau=0.5]", seeds=[4]), lambda line: None)
    (path,) = (tmp_path / "out").iterdir()
    assert path.name.startswith("SLMRec_tau_0.5-seed4-") and path.suffix == ".json"
    run = json.loads(path.read_text(encoding="utf-8"))
    assert run.pop("digest")
    assert run == json.loads(json.dumps(outcome.runs[0]))
    assert set(run["test"]) == set(run["valid"]) == set(run["per_user"])
    for metric, value in run["test"].items():
        assert len(run["per_user"][metric]) == len(run["users"]) == 60
        assert np.mean(run["per_user"][metric]) == pytest.approx(value, abs=1e-6)
    assert run["users"][0].startswith("u") and len(set(run["users"])) == 60
    assert len(run["loss"]) == len(run["seconds"]) == 2 and run["loss"][0] > 0
    assert [epoch for epoch, _ in run["valid_score"]] == [1, 2]
    assert max(score for _, score in run["valid_score"]) == run["valid"]["recall@20"]
    assert run["settings"]["tau"] == 0.5 and run["settings"]["n_layers"] == 3
    assert run["changed"]["tau"] == 0.5 and run["changed"]["epochs"] == 2
    assert "torch" in run["versions"]
    assert run["command"].startswith(
        "python run_recbole.py --model=SLMRec --dataset=made --epochs=2"
    )
    assert run["command"].endswith("--tau=0.5 --seed=4 --data_seed=2020")


def test_finished_runs_are_not_run_again(made, tmp_path, monkeypatch):
    first = run_all(comparison(tmp_path, "BPR,Pop"), lambda line: None)
    monkeypatch.setattr(quick_start, "train", None)
    told = []
    others = {"SLMRec": {"tau": 0.7}}
    silent = comparison(tmp_path, "BPR,Pop", state="ERROR", model_settings=others)
    again = run_all(silent, told.append)
    assert json.loads(json.dumps([outcome.runs for outcome in first])) == (
        [outcome.runs for outcome in again]
    )
    assert sum("kept in" in line for line in told) == 4
    with pytest.raises(ValueError, match="no run has finished; BPR: TypeError"):
        run_all(comparison(tmp_path, "BPR", learning_rate="0.5"), lambda line: None)


def test_test_is_evaluated_once(made, tmp_path, monkeypatch):
    evaluated = []
    original = UserEvaluator.evaluate

    def evaluate(self, struct):
        n_relevant = struct.get("rec.topk")[:, -1]
        evaluated.append(int(n_relevant.sum()))
        return original(self, struct)

    monkeypatch.setattr(UserEvaluator, "evaluate", evaluate)
    run_all(comparison(tmp_path, "BPR", seeds=[1]), lambda line: None)
    # Validation after each of two epochs, then test.
    assert evaluated == [60, 60, 120]


def test_a_model_that_fails_leaves_the_others(made, tmp_path):
    told = []
    outcomes = run_all(comparison(tmp_path, "SLMRec[tau=0],BPR", seeds=[1]), told.append)
    assert [len(outcome.runs) for outcome in outcomes] == [0, 1]
    assert outcomes[0].failures == {
        1: "tau [0] must be a number above 0: it divides the similarity"
    }
    assert told[1] == f"[1/2] SLMRec[tau=0], seed 1: failed: {outcomes[0].failures[1]}"
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_a_model_on_another_split_is_left_out(made, tmp_path):
    give_no_split(made)
    entries = [Entry("BPR", "BPR"), Entry("Pop", "Pop", {"data_seed": "7"})]
    outcomes = run_all(Comparison(entries, NAME, [1], tmp_path / "out", QUICK), lambda line: None)
    assert len(outcomes[0].runs) == 1 and outcomes[1].runs == []
    assert outcomes[1].failures == {
        1: "it was evaluated on other interactions than the models before it"
    }


def test_a_kept_run_that_is_broken_is_named(made, tmp_path):
    run_all(comparison(tmp_path, "Pop", seeds=[1]), lambda line: None)
    (path,) = (tmp_path / "out").iterdir()
    path.write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=rf"{path.name} is damaged, .* remove it to run again"):
        run_all(comparison(tmp_path, "Pop", seeds=[1]), lambda line: None)


def test_a_data_set_that_is_not_there_ends_the_comparison_at_once(made, tmp_path):
    several = Comparison(parse_models("BPR,Pop"), "mede", [1, 2], tmp_path / "out", QUICK)
    told = []
    with pytest.raises(
        NoDataSetError, match=r"no data set \[mede\] in .*: did you mean made\? Prep"
    ):
        run_all(several, told.append)
    assert told == ["[1/4] BPR, seed 1"]


def test_a_download_is_tried_once(tmp_path, monkeypatch):
    asked = []

    def fail(name, *_):
        asked.append(name)
        raise DownloadError("there are two ways")

    monkeypatch.setattr("recbole_slmrec.data.find.prepare_from_origin", fail)
    several = Comparison(parse_models("BPR,Pop"), "tiktok", [1, 2], tmp_path / "out", QUICK)
    with pytest.raises(DownloadError, match="there are two ways"):
        run_all(several, lambda line: None)
    assert asked == ["tiktok"]
