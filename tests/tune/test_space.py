"""Hyper files: read exactly, run never."""

from __future__ import annotations

import math
import re

import pytest
from hyperopt.pyll.stochastic import sample

from recbole_slmrec.registry import MODELS, model_names
from recbole_slmrec.settings import properties_path
from recbole_slmrec.tune.space import Parameter, draw_all, n_combinations, read_space


@pytest.fixture
def read(tmp_path):
    def read(text: str) -> list[Parameter]:
        (tmp_path / "a.hyper").write_text(text, encoding="utf-8")
        return read_space(tmp_path / "a.hyper")

    return read


def test_every_kind_is_read_exactly(read):
    text = """# two rates
learning_rate loguniform -8, 0

mlp_hidden_size choice ['[64, 32]','[128]']
tau  choice   [0.1, 0.2, 1, None, True]
dropout_rate uniform 0.0,0.5
n_layers quniform 1,4,1
"""
    assert read(text) == [
        Parameter("learning_rate", "loguniform", (-8.0, 0.0)),
        Parameter("mlp_hidden_size", "choice", ("[64, 32]", "[128]")),
        Parameter("tau", "choice", (0.1, 0.2, 1, None, True)),
        Parameter("dropout_rate", "uniform", (0.0, 0.5)),
        Parameter("n_layers", "quniform", (1.0, 4.0, 1.0)),
    ]


@pytest.mark.parametrize(
    "line, message",
    [
        ("tau", "[tau] is not of the form `name kind values`"),
        ("tau choise [1]", "there is no kind [choise] among"),
        ("tau choice 0.1", "[0.1] is not a list of values"),
        ("tau choice []", "[[]] is not a list of values"),
        ("tau choice [a,b]", "with text in quotes"),
        ("tau choice [1,2", "is not a list of values"),
        ("tau choice [0.1,0.2,0.1]", "has a value twice"),
        ("tau uniform 0", "[0] is not of the form uniform low,high"),
        ("tau uniform 0,nan", "is not of the form uniform low,high"),
        ("tau quniform 0,1", "is not of the form quniform low,high,step"),
        ("tau quniform 0,1,0", "a step above 0"),
        ("tau loguniform 0,-8", "low must be below high"),
        ("alpha choice [2]", "alpha is there twice"),
    ],
)
def test_a_bad_line_is_named(read, line, message):
    with pytest.raises(ValueError, match=r"a\.hyper, line 2: .*" + re.escape(message)):
        read(f"alpha choice [1]\n{line}\n")


@pytest.mark.parametrize("kind", ["choice", "uniform", "loguniform"])
def test_a_file_does_not_run(read, tmp_path, kind):
    with pytest.raises(ValueError, match="line 1"):
        read(f"tau {kind} [__import__('pathlib').Path('ran').touch(), 1]\n")
    assert not (tmp_path / "ran").exists()


def test_an_absent_and_an_empty_file_are_refused(read, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no hyper file \[no\.hyper\]"):
        read_space(tmp_path.relative_to(tmp_path) / "no.hyper")
    with pytest.raises(ValueError, match="names no parameter"):
        read("# nothing\n")


def test_the_papers_grid_has_1280_combinations_and_every_model_of_ours_has_a_grid():
    folder = properties_path() / "hyper"
    assert {path.stem for path in folder.glob("*.hyper")} == set(MODELS)
    sizes = {name: n_combinations(read_space(folder / f"{name}.hyper")) for name in MODELS}
    assert sizes.pop("SLMRec") == 1280
    # Models of later papers have the grids of these.
    papers = {name for name in sizes if "MM" in name or name == "VBPR"}
    assert {sizes[name] for name in papers} == {16}
    assert all(2 <= size <= 72 for size in sizes.values())


@pytest.mark.parametrize(
    "dataset, expected", [("tiktok", {3, 4, 12}), ("ml-100k", {2, 3, 4, 6, 8, 10, 12})]
)
def test_the_grids_of_a_data_set_are_of_known_models_and_of_a_like_size(dataset, expected):
    paths = list((properties_path() / "hyper" / dataset).glob("*.hyper"))
    named = {path.stem for path in paths}
    assert {"SLMRec", "BPR", "LightGCN"} <= named <= set(model_names())
    assert {n_combinations(read_space(path)) for path in paths} == expected


def test_ranges_have_no_number_of_combinations(read):
    assert n_combinations(read("a choice [1,2]\nb uniform 0,1\n")) is None


def test_draws_stay_in_bounds_and_whole_steps_are_whole_numbers(read):
    space = read("a loguniform -8,0\nb uniform 2,3\nc quniform 1,4,1\nd quniform 0,1,0.25\n")
    for parameters in [*draw_all(space, 50, seed=1), *hyperopt_draws(space, 50)]:
        assert math.exp(-8) <= parameters["a"] <= 1
        assert 2 <= parameters["b"] <= 3
        assert parameters["c"] in (1, 2, 3, 4) and isinstance(parameters["c"], int)
        assert parameters["d"] in (0, 0.25, 0.5, 0.75, 1)


def hyperopt_draws(space: list[Parameter], n: int) -> list[dict]:
    tree = {parameter.name: parameter.for_hyperopt() for parameter in space}
    return [sample(tree) for _ in range(n)]


def test_choices_are_drawn_once_each_and_more_draws_begin_with_the_fewer(read):
    space = read("a choice [1,2,3]\nb choice ['x','y']\n")
    drawn = draw_all(space, 100, seed=3)
    assert sorted((p["a"], p["b"]) for p in drawn) == [(a, b) for a in (1, 2, 3) for b in "xy"]
    assert draw_all(space, 4, seed=3) == drawn[:4]
    ranges = read("a uniform 0,1\n")
    assert draw_all(ranges, 5, seed=3)[:3] == draw_all(ranges, 3, seed=3)


def test_a_file_that_is_no_text_is_named(tmp_path):
    path = tmp_path / "a.hyper"
    path.write_bytes(b"tau choice [0.1]\xff\n")
    with pytest.raises(ValueError, match=r"a\.hyper is not text in UTF-8"):
        read_space(path)
