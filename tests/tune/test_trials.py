"""The log of trials: what was kept is there, also after a crash."""

from __future__ import annotations

import pytest

from recbole_slmrec.tune.trials import Trial, TrialLog


def trial(score: float | None, **parameters) -> Trial:
    error = None if score is not None else "Training loss is nan"
    return Trial(parameters, score, {"recall@20": score or 0.0}, 3, 1.5, error)


def test_trials_are_found_again_by_their_parameters_in_any_order(tmp_path):
    log = TrialLog(tmp_path / "trials.jsonl")
    log.add(trial(0.1, tau=0.2, modalities=["v", "a"]))
    log.add(trial(None, tau=0.5, modalities=["v"]))
    again = TrialLog(tmp_path / "trials.jsonl")
    assert list(again) == list(log) and len(again) == 2
    assert again.get({"modalities": ["v", "a"], "tau": 0.2}).score == 0.1
    assert again.get({"modalities": ["v", "a"], "tau": 0.3}) is None
    assert again.get({"modalities": ("v",), "tau": 0.5}).error == "Training loss is nan"


def test_a_line_that_was_cut_off_is_dropped_and_the_next_stands_alone(tmp_path):
    path = tmp_path / "trials.jsonl"
    TrialLog(path).add(trial(0.1, tau=0.1))
    whole = path.read_text()
    path.write_text(whole + whole[: len(whole) // 2])
    log = TrialLog(path)
    assert [t.parameters for t in log] == [{"tau": 0.1}]
    log.add(trial(0.2, tau=0.2))
    assert [t.parameters for t in TrialLog(path)] == [{"tau": 0.1}, {"tau": 0.2}]


@pytest.mark.parametrize("line", ["{}", "no json", "[1]", '{"parameters": {}}'])
def test_a_broken_line_is_named(tmp_path, line):
    path = tmp_path / "trials.jsonl"
    TrialLog(path).add(trial(0.1, tau=0.1))
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(ValueError, match=r"trials\.jsonl, line 2 is not a trial"):
        TrialLog(path)


def test_the_best_is_the_earliest_of_equals_and_zero_is_a_score(tmp_path):
    log = TrialLog(tmp_path / "trials.jsonl")
    assert log.best(bigger=True) is None
    log.add(trial(None, tau=1))
    assert log.best(bigger=True) is None
    for tau, score in ((2, 0.0), (3, 0.0), (4, -0.5), (5, 0.7)):
        log.add(trial(score, tau=tau))
    assert log.best(bigger=True).parameters == {"tau": 5}
    assert log.best(bigger=False).parameters == {"tau": 4}
    assert TrialLog(tmp_path / "absent.jsonl").best(bigger=False) is None


@pytest.mark.parametrize(
    "line",
    [
        b'{"parameters": {}, "score": "0.5", "valid_result": {}, "epochs": 1, "seconds": 1}',
        b'{"parameters": 3, "score": 0.5, "valid_result": {}, "epochs": 1, "seconds": 1}',
        b'{"parameters": {}, "score": 0.5, "valid_result": {"r": []}, "epochs": 1, "seconds": 1}',
        b"null",
    ],
)
def test_a_trial_of_other_types_is_named(tmp_path, line):
    path = tmp_path / "trials.jsonl"
    path.write_bytes(line + b"\n")
    with pytest.raises(ValueError, match=r"trials\.jsonl, line 1 is not a trial: delete the line"):
        TrialLog(path)


def test_a_log_that_is_no_text_is_named(tmp_path):
    path = tmp_path / "trials.jsonl"
    path.write_bytes(b"\xff\xfe\n")
    with pytest.raises(ValueError, match=r"trials\.jsonl is not text in UTF-8"):
        TrialLog(path)
