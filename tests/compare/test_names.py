"""Models with settings of their own and seeds, as typed."""

from __future__ import annotations

import pytest

from recbole_slmrec.compare.names import Entry, parse_models, parse_seeds


def test_models_carry_their_own_settings_and_their_text_as_label():
    entries = parse_models("SLMRec, SLMRec[ssl_task=FM+FD,modalities=[v,a]],BPR")
    overrides = {"ssl_task": "FM+FD", "modalities": "[v,a]"}
    assert entries == [
        Entry("SLMRec", "SLMRec"),
        Entry("SLMRec[ssl_task=FM+FD,modalities=[v,a]]", "SLMRec", overrides),
        Entry("BPR", "BPR"),
    ]


def test_a_file_stands_for_its_settings_and_what_comes_later_wins(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("tau: 2e-1\nalpha: 0.1\nexclude_positives: False\n", encoding="utf-8")
    (entry,) = parse_models(f"SLMRec[alpha=0.7,{file},tau=0.5]")
    assert entry.overrides == {"alpha": 0.1, "tau": "0.5", "exclude_positives": False}
    file.write_text("topk: [5]\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"the same for all models: .* pass --topk=\[5\]"):
        parse_models(f"SLMRec[{file}]")
    with pytest.raises(FileNotFoundError, match=r"there is no config file \[none.yaml\]"):
        parse_models("SLMRec[none.yaml]")


@pytest.mark.parametrize(
    "text, message",
    [
        ("SLMRek", r"no model \[SLMRek\]: did you mean SLMRec\?"),
        ("BPR,SLMRec,BPR", "BPR is named more than once"),
        (" ,", "name at least one"),
        ("SLMRec[ssl_task]", r"\[ssl_task\] in SLMRec\[ssl_task\] must be of the form key=value"),
        ("SLMRec[tau=1", r"\[SLMRec\[tau=1\] is not understood"),
        ("SLMRec[seed=1]", "must be the same for all models: leave it out there and pass --seeds"),
        ("SLMRec[test_mask=train]", "the same for all models: .* pass --test_mask=train"),
    ],
)
def test_models_that_cannot_be_compared_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        parse_models(text)


def test_seeds_are_a_count_or_a_list():
    assert parse_seeds("3") == [1, 2, 3]
    assert parse_seeds("[1,5,9]") == [1, 5, 9]


@pytest.mark.parametrize("text", ["0", "-1", "[]", "[1,1]", "[1,-2]", "[1.5]", "many", "True"])
def test_other_seeds_are_refused(text):
    with pytest.raises(ValueError, match=r"seeds \[.*\] must be a count such as 3, or different"):
        parse_seeds(text)
