"""The command as its users type it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recbole_slmrec import cli, quick_start
from recbole_slmrec.config import Config
from tests.made import NAME, read_pairs, write

TINY = """\
data set   interactions   users   items   sparsity   v
======================================================
tiny                  9       3       7     57.14%   2

  split      interactions   users   items   cold users   cold items   repeated
==============================================================================
training                4       2       2            0            0          1
validation              2       2       2            1            0          0
test                    3       2       1            1            1          1
data set                9       3       7            1            5          2
cold: without an interaction in training; repeated: a pair of user and item once more in one split
pairs in more than one split: 1

degree in training   min   25 %   median   75 %   90 %   99 %   max
===================================================================
users                  0      0        1      2      2      2     2
items                  0      0        0      1      2      2     2

modality   dimension   missing   zero   duplicate   not finite
==============================================================
v                  2         1      1           4            2
numbers of items; missing: no features; zero: a vector of zeros; duplicate: another item
has the same features; not finite: NaN or infinite, which no run accepts: `doctor` names the row

L2 norm   min   25 %   median   75 %   90 %   99 %   max
========================================================
v           0      2        2      5      5      5     5
of the rows as they stand in the file, those that are not finite apart; a run scales each to 1
"""


def trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


@pytest.fixture
def declared(tiny):
    (tiny.folder / "tiny.yaml").write_text(
        "load_col: {inter: [user_id, item_id], item: [item_id]}\n"
        "benchmark_filename: [train, valid, test]\nitem_modalities: {v: v.npy}\n"
    )
    return tiny


def test_the_whole_description(declared, capsys):
    assert cli.main(["describe", "tiny", "--data_path=."]) == 0
    output = capsys.readouterr()
    assert trimmed(output.out) == TINY
    assert output.err == ""
    assert not Path("log").exists() and not Path("saved").exists()


def test_the_picture_is_drawn_where_it_is_asked_for(made, capsys):
    assert cli.main(["describe", NAME, "--plot", "made.png"]) == 0
    assert "made.png is drawn" in capsys.readouterr().out
    assert Path("made.png").read_bytes().startswith(b"\x89PNG")


def test_settings_reach_the_data_set(made, capsys):
    assert cli.main(["describe", NAME, "--modalities=[t,a]", "--epoch=3"]) == 0
    output = capsys.readouterr()
    assert output.out.splitlines()[0].split()[-3:] == ["sparsity", "t", "a"]
    assert output.out.splitlines()[2].split()[-2:] == ["5", "4"]
    assert "the setting [epoch] is unknown" in output.err


@pytest.mark.parametrize("seed", [3, 4])
def test_a_random_split_is_that_of_a_run(made, capsys, seed):
    pairs = [pair for split in ("train", "valid", "test") for pair in
             read_pairs(made / f"{NAME}.{split}.inter")]  # fmt: skip
    write(made / f"{NAME}.inter", ["user_id:token", "item_id:token"], pairs)
    settings = {"seed": seed, "benchmark_filename": None, "state": "ERROR"}
    loaders = quick_start.load_data(Config("SLMRec", NAME, config_dict=settings))
    in_run = [loader._dataset.inter_feat["item_id"].numpy() for loader in loaders]
    arguments = [f"--seed={seed}", "--benchmark_filename=None"]
    assert cli.main(["describe", NAME, *arguments]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    for name, items in zip(("training", "validation", "test"), in_run):
        (row,) = (row for row in rows if row[:1] == [name])
        cold = np.setdiff1d(items, in_run[0])
        assert [row[1], row[3], row[5]] == [
            str(len(items)),
            str(len(np.unique(items))),
            str(len(cold)),
        ]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["mad"], "there is no data set [mad]"),
        ([NAME, "--plot", "made.pdf"], "--plot made.pdf must end in .png"),
        ([NAME, "--plot", "no/made.png"], "there is no folder no; make it first"),
        ([NAME, "--modalities=[b]"], "unknown modality 'b'"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(made, capsys, arguments, message):
    assert cli.main(["describe", *arguments]) == 2
    output = capsys.readouterr()
    assert message in output.err and "Traceback" not in output.err and output.out == ""


def test_a_setting_without_a_value_is_refused(capsys):
    with pytest.raises(SystemExit):
        cli.main(["describe", NAME, "--seed"])
    assert "settings are written --key=value" in capsys.readouterr().err
