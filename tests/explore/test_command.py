"""``explore`` as its users type it."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

from recbole_slmrec import cli
from recbole_slmrec.explore import trained
from recbole_slmrec.explore.trained import Trained

TOP = Path(__file__).resolve().parents[2]
CHECKPOINT = "--checkpoint=saved/SLMRec.pth"


def explore(*arguments: str) -> int:
    return cli.main(["explore", "--output=page.html", "--state=WARNING", *arguments])


def test_it_says_what_the_page_holds(shop, capsys):
    assert explore(CHECKPOINT, "--users=sample:20", "--title=title") == 0
    size = Path("page.html").stat().st_size / 1e6
    assert capsys.readouterr().out.endswith(
        f"page.html: {size:.1f} MB, 20 of 60 users, 45 of 45 items; pictures: 0 inside, 0 linked; "
        "sounds linked: 0\n"
    )


def test_unknown_users_are_told_and_left_out(shop, caplog):
    (shop / "users.txt").write_text("u4\nnobody\n")
    assert explore(CHECKPOINT, "--users=users.txt") == 0
    assert "1 user unknown to the checkpoint: 'nobody'; skipped" in caplog.text


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--title=titel"], "made.item has no field [titel]: did you mean title?"),
        (["--show=class,x"], "no field [x]; its fields are item_id, title, class, price"),
        (["--images=none"], "--images none is not a folder"),
        (["--sounds=dataset"], "no sound in dataset is named by the id of an item"),
        (["--users=nobody"], "none of the named users is left"),
        (["--users=sample:x"], "--users=sample:x must have a whole number from 1 to 2,000"),
        (["--users=sample:0"], "--users=sample:0 must have a whole number from 1 to 2,000"),
        (["--k=0"], "k [0] must be a whole number, 1 or more"),
        (["--checkpoint=none.pth"], "there is no checkpoint [none.pth]"),
        (["--output=no/page.html"], "there is no folder [no] to write page.html to"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_bad_input_is_one_sentence_and_no_page(shop, capsys, arguments, message):
    assert explore(CHECKPOINT, *arguments) == 2
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error
    assert not Path("page.html").exists()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([CHECKPOINT] * 3, "--checkpoint is given 3 times: two stand side by side"),
        ([CHECKPOINT, "--embed-mb=-1"], "--embed-mb=-1 must be 0 or more"),
    ],
)
def test_flags_that_cannot_be_meant(shop, capsys, arguments, message):
    with pytest.raises(SystemExit):
        explore(*arguments)
    assert message in capsys.readouterr().err


def test_a_checkpoint_of_other_data_cannot_stand_beside(shop, capsys, monkeypatch):
    noted = trained.load_checkpoint

    def other(file):
        checkpoint = noted(file)
        if file.name == "LightGCN.pth":
            checkpoint["data"] = {**checkpoint["data"], "training interactions": "other"}
        if file.name == "Pop.pth":
            checkpoint["dataset"] = "shop"
        return checkpoint

    monkeypatch.setattr(trained, "load_checkpoint", other)
    assert explore(CHECKPOINT, "--checkpoint=saved/LightGCN.pth") == 2
    told = "saved/SLMRec.pth and saved/LightGCN.pth cannot stand side by side: "
    assert f"{told}the training interactions differ. Give two" in capsys.readouterr().err
    assert explore(CHECKPOINT, "--checkpoint=saved/Pop.pth") == 2
    assert "the one is of [made], the other of [shop]. Give two" in capsys.readouterr().err


def test_scores_that_are_no_numbers_are_refused(shop, capsys, monkeypatch):
    load = Trained.load

    def broken(file):
        found = load(file)
        with torch.inference_mode():
            for table in found.recommender.vectors():
                table.fill_(1e30)
        return found

    monkeypatch.setattr(Trained, "load", broken)
    assert explore("--checkpoint=saved/VBPR.pth") == 2
    assert "saved/VBPR.pth gives scores that are no finite numbers" in capsys.readouterr().err


def commands(page: Path) -> list[str]:
    """The lines of a page of the documentation that begin with the command."""
    text = page.read_text(encoding="utf-8")
    return re.findall(r"^\$? ?python -m recbole_slmrec (explore .*)$", text, re.MULTILINE)


def test_the_documented_commands_run(shop):
    """On other data, whose items have the fields and files that the page names."""
    item = shop / "dataset" / "made" / "made.item"
    text = item.read_text(encoding="utf-8")
    item.write_text(text.replace("title:", "movie_title:").replace("price:", "release_year:"))
    shutil.copy("saved/LightGCN.pth", "saved/EASE.pth")
    shutil.copy("saved/SLMRec.pth", "saved/SLMRec-….pth")
    for folder, name in (("posters", "i1.png"), ("clips", "i1.mp3")):
        Path(folder).mkdir()
        Image.new("RGB", (9, 9)).save(Path(folder, "i2.png"))
        Path(folder, name).write_bytes(Path(folder, "i2.png").read_bytes())
    Path("friends.txt").write_text("u1\nu2\n")
    found = commands(TOP / "docs" / "explore.md")
    assert len(found) >= 4 and commands(TOP / "README.md")
    for command in (*found, *commands(TOP / "README.md")):
        command = re.sub(r"--users=[\d,]+", "--users=u1,u2", command.partition("  #")[0])
        page = Path(re.search(r"--output=(\S+)", command)[1])
        assert cli.main([*shlex.split(command), "--state=WARNING"]) == 0, command
        assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
        page.unlink()
