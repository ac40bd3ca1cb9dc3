"""``recommend`` as its users type it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from recbole_slmrec import cli
from recbole_slmrec.recommend import Recommender
from tests.made import write

CHECKPOINT = "--checkpoint=saved/SLMRec.pth"
QUIET = "--state=WARNING"


@pytest.fixture
def recommend(at_home, tmp_path):
    def run(*arguments: str, name: str = "recs.csv", checkpoint: str = CHECKPOINT):
        path = tmp_path / name
        status = cli.main(["recommend", checkpoint, f"--output={path}", QUIET, *arguments])
        return status, path

    return run


def test_it_writes_what_the_recommender_gives(recommend, capsys):
    status, path = recommend("--k=3")
    assert status == 0
    found = Recommender.load("saved/SLMRec.pth").recommend(k=3)
    written = pd.read_csv(path)
    assert written[["user", "item", "rank"]].equals(
        found[["user", "item", "rank"]].astype({"rank": int})
    )
    assert f"180 recommendations, 60 user(s): {path}" in capsys.readouterr().out


def test_users_and_items_from_files_and_lists(recommend, tmp_path):
    (tmp_path / "users.txt").write_text("u4\nu2\nu4\n")
    (tmp_path / "items.txt").write_text("i1\ni2\ni3\n")
    _, path = recommend(
        f"--users={tmp_path / 'users.txt'}", f"--items={tmp_path / 'items.txt'}", "--exclude=none"
    )
    written = pd.read_csv(path)
    assert list(written["user"]) == ["u4"] * 3 + ["u2"] * 3
    assert set(written["item"]) == {"i1", "i2", "i3"}
    _, again = recommend("--users=u4,u2", f"--exclude={path}", "--k=45", name="again.csv")
    written = pd.read_csv(again)
    assert len(written) == 2 * 42 and not {"i1", "i2", "i3"} & set(written["item"])


def test_unknown_ids_are_counted_and_skipped_or_fatal(recommend, tmp_path, capsys, caplog):
    (tmp_path / "items.txt").write_text("i1\nj1\nj2\n")
    arguments = ("--users=u1,v1", f"--items={tmp_path / 'items.txt'}", "--exclude=none")
    status, path = recommend(*arguments)
    assert status == 0 and pd.read_csv(path)[["user", "item"]].values.tolist() == [["u1", "i1"]]
    assert "1 user unknown to the checkpoint: 'v1'; skipped" in caplog.text
    assert "2 items unknown to the checkpoint: 'j1', 'j2'; skipped" in caplog.text
    path.unlink()
    status, path = recommend(*arguments, "--strict")
    assert status == 2 and not path.exists()
    assert "error: 1 user unknown to the checkpoint: 'v1'" in capsys.readouterr().err
    status, path = recommend("--users=v1,v2")
    assert status == 2 and not path.exists()
    assert "error: none of the named users is left" in capsys.readouterr().err


def test_unknown_ids_in_the_exclusions(recommend, tmp_path, capsys, caplog):
    file = tmp_path / "shown.tsv"
    file.write_text("u1\ti1\nu1\tj1\nv1\ti1\n")
    status, path = recommend("--users=u1", "--k=45", f"--exclude={file}")
    assert status == 0 and len(pd.read_csv(path)) == 44
    assert f"{file} names 1 user unknown to the checkpoint: 'v1'; skipped" in caplog.text
    assert recommend("--users=u1", f"--exclude={file}", "--strict")[0] == 2
    assert "names 1 user unknown to the checkpoint: 'v1'" in capsys.readouterr().err


def test_why_adds_columns_and_a_picture(recommend, tmp_path):
    picture = tmp_path / "why.png"
    _, path = recommend("--users=u1", "--k=4", "--why", f"--why-plot={picture}")
    written = pd.read_csv(path)
    assert written.filter(regex="^why_").sum(axis=1).to_numpy() == pytest.approx(
        written["score"].to_numpy(), rel=1e-4
    )
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.fixture
def titled(home, empty_folder, monkeypatch):
    """Copies of the data set and a checkpoint in the working directory; items have a title and a class."""
    shutil.copytree(home / "dataset", "dataset")
    shutil.copytree(home / "saved", "saved")
    file = Path("dataset/made/made.item")
    ids = file.read_text(encoding="utf-8").splitlines()[1:]
    titles = {"i7": "two\x1b[31mred", "i8": ""}
    rows = [(item, titles.get(item, f"The {item} of all"), "c d") for item in ids]
    write(file, ["item_id:token", "title:token_seq", "class:token_seq"], rows)


def recommended(*arguments: str) -> int:
    return cli.main(["recommend", CHECKPOINT, QUIET, *arguments])


def test_fields_of_items_are_columns(titled):
    assert recommended("--k=45", "--exclude=none", "--show=title,class", "--output=recs.csv") == 0
    written = pd.read_csv("recs.csv", keep_default_na=False)
    assert list(written) == ["user", "item", "rank", "score", "title", "class"]
    expected = {"i7": "two\x1b[31mred", "i8": ""}
    assert all(
        title == expected.get(item, f"The {item} of all")
        for item, title in zip(written["item"], written["title"])
    )
    assert set(written["class"]) == {"c d"}


@pytest.mark.parametrize(
    "show, message",
    [
        ("titel", "made.item has no field [titel]: did you mean title?; its fields are item_id, t"),
        ("title,", "has no field []"),
    ],
)
def test_fields_that_are_not_there(titled, capsys, show, message):
    assert recommended(f"--show={show}", "--output=recs.csv") == 2
    error = capsys.readouterr().err
    assert "error: --show: " in error and message in error and not Path("recs.csv").exists()


def test_a_field_that_is_called_as_a_column(titled, capsys):
    file = Path("dataset/made/made.item")
    file.write_text(file.read_text().replace("class:", "score:"), encoding="utf-8")
    assert recommended("--show=score", "--output=recs.csv") == 2
    assert "have a column [score] already: leave it out" in capsys.readouterr().err


def test_without_a_file_a_table_is_printed(titled, capsys):
    assert recommended("--users=u4,u2", "--k=2", "--show=title", "--why") == 0
    header, rule, *rows = capsys.readouterr().out.splitlines()
    assert header.split()[:6] == ["user", "rank", "item", "title", "score", "why_v"]
    assert set(rule) == {"="} and len(rows) == 4
    found = Recommender.load("saved/SLMRec.pth").recommend(["u4", "u2"], k=2)
    titles = {"i7": "two\N{REPLACEMENT CHARACTER}[31mred", "i8": ""}
    for row, user, (_, item, rank, score) in zip(
        rows, ["u4", "", "u2", ""], found.itertuples(index=False)
    ):
        title = titles.get(item, f"The {item} of all")
        expected = f"{user} {rank} {item} {title} {score:.4f}".split()
        assert row.split()[: len(expected)] == expected


def test_of_many_users_the_first_are_printed(at_home, capsys):
    assert recommended("--k=1") == 0
    out = capsys.readouterr().out
    assert len(out.splitlines()) == 2 + 20 + 2
    assert "The first 20 of 60 users: --users names others, and --output=FILE writes" in out


def test_there_is_no_picture_of_nothing(recommend, tmp_path, capsys):
    (tmp_path / "items.txt").write_text("i1\n")
    (tmp_path / "pairs.tsv").write_text("u1\ti1\n")
    status, path = recommend(
        "--users=u1",
        f"--items={tmp_path / 'items.txt'}",
        f"--exclude={tmp_path / 'pairs.tsv'}",
        f"--why-plot={tmp_path / 'why.png'}",
    )
    assert status == 2 and not path.exists() and not (tmp_path / "why.png").exists()
    assert "nothing to draw: no item is left to recommend" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--users=u1,u2", "--why-plot=why.png"], "--why-plot draws one user, not 2"),
        (["--users=u1", "--why-plot=no/why.png"], "there is no folder [no] to write why.png to"),
        (["--k=0"], "k [0] must be a whole number"),
        (["--exclude=sen"], "there is no file [sen]"),
        (["--items=none.txt"], "there is no file [none.txt]"),
        (["--embedding_size=16"], "saved/SLMRec.pth does not fit its settings"),
    ],
)
def test_bad_input_is_one_sentence_and_no_file(recommend, capsys, arguments, message):
    status, path = recommend(*arguments)
    error = capsys.readouterr().err
    assert status == 2 and message in error and "Traceback" not in error
    assert not path.exists() and not Path("why.png").exists()


def test_a_model_without_shares_writes_nothing(recommend, capsys):
    status, path = recommend("--why", checkpoint="--checkpoint=saved/LightGCN.pth")
    assert status == 2 and not path.exists()
    assert "the score of LightGCN is not a sum over modalities" in capsys.readouterr().err


def test_a_setting_without_a_value_is_refused(recommend, capsys):
    with pytest.raises(SystemExit):
        recommend("--users", "u1", "--use_gpu")
    assert "[--use_gpu] is not understood" in capsys.readouterr().err
