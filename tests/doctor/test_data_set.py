"""A data set that is well, and what is said of every damage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from recbole_slmrec.doctor.data_set import check_data_set
from tests.made import NAME, write

ROOT = Path("dataset")
FOLDER = ROOT / NAME


def problems() -> list[str]:
    return [finding.text for finding in check_data_set(NAME, ROOT) if not finding.ok]


def declare(**settings) -> None:
    path = FOLDER / f"{NAME}.yaml"
    declared = {**yaml.safe_load(path.read_text()), **settings}
    path.write_text(yaml.safe_dump(declared))


def change(file: str, old: str, new: str) -> None:
    path = FOLDER / f"{NAME}.{file}"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def row_of(item: str) -> int:
    return (FOLDER / f"{NAME}.item").read_text().split().index(item) - 1


def test_a_sound_data_set(made):
    findings = list(check_data_set(NAME, ROOT))
    assert all(finding.ok for finding in findings)
    assert [finding.text for finding in findings] == [
        "dataset/made: its settings are understood",
        "dataset/made/made.train.inter: 360 rows of user_id, item_id",
        "dataset/made/made.valid.inter: 60 rows of user_id, item_id",
        "dataset/made/made.test.inter: 120 rows of user_id, item_id",
        "dataset/made/made.item: 45 rows of item_id",
        "dataset/made/made.item: one row for each item of the interactions",
        "modality v: dataset/made/v.npy has 45 finite rows of 6 columns",
        "modality a: dataset/made/a.npy has 45 finite rows of 4 columns",
        "modality t: dataset/made/t.npy has 45 finite rows of 5 columns",
        "made loads as in a run; interactions: 360 training, 60 validation, 120 test",
    ]


def test_what_recbole_carries_is_sound():
    findings = list(check_data_set("ml-100k", ROOT))
    assert all(finding.ok for finding in findings)
    assert [f.text for f in findings if f.text.startswith("modality")] == [
        "modality title: field movie_title is there",
        "modality genre: field class is there",
        "modality year: field release_year is there",
    ]
    assert "80,808 training, 9,596 validation, 9,596 test" in findings[-1].text


def test_without_modalities_no_item_file_is_needed(made):
    declare(item_modalities=None, load_col={"inter": ["user_id", "item_id"]})
    (FOLDER / f"{NAME}.item").unlink()
    findings = list(check_data_set(NAME, ROOT))
    assert all(finding.ok for finding in findings)
    assert "made declares no modalities" in [finding.text for finding in findings]


def no_valid_file():
    (FOLDER / f"{NAME}.valid.inter").unlink()
    return "made.valid.inter: there is no such file; put it there, or correct the settings"


def no_item_file():
    (FOLDER / f"{NAME}.item").unlink()
    return "made.item: there is no such file; put it there"


def no_feature_file():
    (FOLDER / "a.npy").unlink()
    return "modality a: dataset/made/a.npy does not exist; put the file there or correct its name"


def too_few_rows():
    np.save(FOLDER / "a.npy", np.ones((44, 4)))
    return (
        "modality a: dataset/made/a.npy has too few rows: 44, where dataset/made/made.item has 45"
    )


def a_nan():
    features = np.load(FOLDER / "t.npy")
    features[row_of("i7"), 2] = np.nan
    np.save(FOLDER / "t.npy", features)
    return f"in row {row_of('i7')} (counting from 0), item 'i7'; correct it, or make the whole row"


def half_a_feature_file():
    content = (FOLDER / "v.npy").read_bytes()
    (FOLDER / "v.npy").write_bytes(content[: len(content) // 2])
    return "modality v: dataset/made/v.npy cannot be read as a .npy array of numbers"


def an_unknown_item():
    change("test.inter", "u3\t", "u3\tnew\nu3\t")
    return (
        "made.item: 1 item(s) of the interactions have no row there, such as 'new'; add a row for "
        "each there and in each feature file, or drop their interactions"
    )


def an_item_twice():
    for path in FOLDER.glob("*.inter"):
        path.write_text(path.read_text().replace("\ti9\n", "\ti8\n"))
    change("item", "i9\n", "i8\n")
    return "made.item: 1 row(s) too many, for their items have one already; keep one row for each"


def no_type_in_the_header():
    change("train.inter", "user_id:token", "user_id")
    return "first line has 'user_id', where a field is written name:type; types are token, float"


def a_field_twice():
    change("train.inter", "user_id:token\t", "user_id:token\tuser_id:token\t")
    return "made.train.inter: its first line has the field user_id twice; rename one"


def another_field():
    change("valid.inter", "item_id:token", "itemid:token")
    return "no field item_id: did you mean itemid?; its fields are user_id, itemid: correct its"


def a_field_that_is_not_there():
    declare(load_col={"inter": ["user_id", "item_id"], "item": ["item_id", "title"]})
    return "made.item: it has no field title; its fields are item_id: correct its first line, or"


def a_short_row():
    change("train.inter", "token\nu0\t", "token\nu0\nu0\t")
    return "made.train.inter: line 2 has 1 fields, where the header has 2; correct it"


def an_empty_id():
    change("train.inter", "token\nu0\t", "token\n\t")
    return "made.train.inter: line 2 has no user_id; correct it"


def no_rows():
    write(FOLDER / f"{NAME}.valid.inter", ["user_id:token", "item_id:token"], [])
    return "made.valid.inter: it has no rows; write them, or drop the file from the settings"


def an_empty_file():
    (FOLDER / f"{NAME}.test.inter").write_text("")
    return "made.test.inter: it has no field user_id; its fields are none"


def a_word_for_a_number():
    declare(load_col=None)
    write(FOLDER / f"{NAME}.valid.inter", ["user_id:token", "item_id:token", "time:float"],
          [("u1", "i1", "3.5"), ("u2", "i2", "noon")])  # fmt: skip
    return "made.valid.inter: line 3 has 'noon' as time, which is a float; correct it"


def not_text():
    (FOLDER / f"{NAME}.valid.inter").write_bytes(b"user_id:token\titem_id:token\nu1\ti\xff\n")
    return "made.valid.inter: line 2 is no text in UTF-8; save it anew in UTF-8"


def an_unknown_source():
    declare(item_modalities={"v": "v.npy", "a": {"fiel": "a.npy"}})
    return "item_modalities: a: {'fiel': 'a.npy'} is not a source; give exactly one of"


def an_unknown_field():
    declare(item_modalities={"v": "v.npy", "a": {"field": "item_ids"}})
    return "modality a: field 'item_ids' is not in dataset/made/made.item: did you mean item_id?"


def words_out_of_range():
    np.save(FOLDER / "a.npy", np.array([[0, 45], [0, 1]]))
    declare(item_modalities={"v": "v.npy", "a": {"words": "a.npy"}})
    return "modality a: dataset/made/a.npy: pair 1 (counting from 0) names row 45"


def no_dict():
    declare(item_modalities=["v.npy"])
    return "config item_modalities: ['v.npy'] is not a dict; give one from modality name to source"


def a_foreign_key():
    declare(epochs=3)
    return "made.yaml may only describe the data, but sets epochs: move these to a file of your own"


def no_yaml():
    (FOLDER / f"{NAME}.yaml").write_text("load_col: [")
    return "made.yaml is not valid YAML"


DAMAGES = [
    no_valid_file, no_item_file, no_feature_file, too_few_rows, a_nan, half_a_feature_file,
    an_unknown_item, an_item_twice, a_field_twice, no_type_in_the_header, another_field,
    a_field_that_is_not_there, a_short_row, an_empty_id, no_rows, a_word_for_a_number, not_text,
    an_unknown_source, an_unknown_field, words_out_of_range, no_dict, a_foreign_key,
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damage_is_one_problem(made, damage):
    message = damage()
    (problem,) = problems()
    assert message in problem


def test_an_empty_file_lacks_both_fields_and_rows(made):
    assert an_empty_file() in problems()[0] and len(problems()) == 2


def test_several_damages_are_all_said(made):
    damages = (a_foreign_key, no_valid_file, a_nan, too_few_rows, an_unknown_item)
    messages = [damage() for damage in damages]
    found = problems()
    assert len(found) == len(messages)
    assert all(any(message in problem for problem in found) for message in messages)


def test_features_are_looked_at_without_an_item_file(made):
    no_item_file()
    texts = [finding.text for finding in check_data_set(NAME, ROOT)]
    assert (
        "modality v: dataset/made/v.npy has the shape (45, 6); mend dataset/made/made.item to have "
        "its rows checked" in texts
    )


def test_unreadable_settings_are_said_and_the_files_are_still_looked_at(made):
    message = no_yaml()
    found = problems()
    assert message in found[0]
    # Without benchmark_filename, RecBole's default is one file.
    assert "made.inter: there is no such file" in found[1] and len(found) == 2


def test_what_only_loading_shows(made):
    declare(benchmark_filename=["train", "test"])
    (problem,) = problems()
    assert "made cannot be loaded as a run loads it, ValueError: data set made has 2 spl" in problem


def test_no_such_data_set(made):
    (finding,) = check_data_set("mad", ROOT)
    assert not finding.ok
    assert finding.text == (
        "there is no data set [mad] in dataset: did you mean made? `python -m recbole_slmrec "
        "prepare mad --source DIR` makes it of files you have; or say where data sets lie with "
        "--data_path=DIR"
    )


def test_a_data_set_that_can_be_downloaded():
    (finding,) = check_data_set("tiktok", ROOT)
    assert "`python -m recbole_slmrec prepare tiktok` downloads it" in finding.text


def test_stray_quotation_marks_swallow_no_rows(made):
    path = FOLDER / f"{NAME}.item"
    tokens = path.read_text().split()[1:]
    titles = ['"a', 'b"', *["c"] * 43]
    rows = [(token, title) for token, title in zip(tokens, titles)]
    write(path, ["item_id:token", "title:token_seq"], rows)
    texts = [finding.text for finding in check_data_set(NAME, ROOT) if finding.ok]
    assert "dataset/made/made.item: 45 rows of item_id, title" in texts
    assert "made loads as in a run; interactions: 360 training, 60 validation, 120 test" in texts
    assert not problems()


def test_fields_that_are_not_loaded_are_not_looked_at(made):
    write(FOLDER / f"{NAME}.valid.inter", ["user_id:token", "item_id:token", "time:float"],
          [("u1", "i1", "noon")])  # fmt: skip
    assert not problems()
