"""Files and folders are written whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from recbole_slmrec.data.files import whole_file, whole_folder

FAILURES = [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")]
both_failures = pytest.mark.parametrize("failure", FAILURES, ids=["ctrl-c", "disk full"])


def content(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_a_file_appears_only_when_it_is_complete(tmp_path):
    target = tmp_path / "a.txt"
    with whole_file(target) as partial:
        partial.write_text("new")
        assert partial.parent == tmp_path
        assert partial.name.startswith(".") and partial.name.endswith(".partial")
        assert not target.exists()
    assert content(tmp_path) == {"a.txt": "new"}


def test_a_file_replaces_an_older_one_at_the_end(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with whole_file(target) as partial:
        partial.write_text("new")
        assert target.read_text() == "old"
    assert content(tmp_path) == {"a.txt": "new"}


@both_failures
def test_a_file_that_fails_leaves_the_older_one_alone(tmp_path, failure):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(type(failure)):
        with whole_file(tmp_path / "a.txt") as partial:
            partial.write_text("ne")
            raise failure
    assert content(tmp_path) == {"a.txt": "old"}


def test_a_folder_appears_only_when_it_is_complete(tmp_path):
    target = tmp_path / "sets" / "a"
    with whole_folder(target) as partial:
        (partial / "x").write_text("1")
        assert partial.parent == target.parent
        assert partial.name.startswith(".") and partial.name.endswith(".partial")
        assert not target.exists()
    assert os.listdir(target.parent) == ["a"]
    assert content(target) == {"x": "1"}


def test_a_folder_has_the_usual_permissions(tmp_path):
    (tmp_path / "usual").mkdir()
    with whole_folder(tmp_path / "a"):
        pass
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "usual").stat().st_mode


@both_failures
def test_a_folder_that_fails_leaves_nothing(tmp_path, failure):
    with pytest.raises(type(failure)):
        with whole_folder(tmp_path / "a") as partial:
            (partial / "x").write_text("1")
            raise failure
    assert os.listdir(tmp_path) == []


def test_a_folder_that_is_there_is_kept(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(FileExistsError, match=r"a is there already; pass --force"):
        with whole_folder(tmp_path / "a"):
            pytest.fail("the block ran")
    assert os.listdir(tmp_path) == ["a"]


def test_replacing_a_folder_takes_nothing_over(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "old").write_text("1")
    with whole_folder(tmp_path / "a", replace=True) as partial:
        (partial / "new").write_text("2")
        assert content(tmp_path / "a") == {"old": "1"}
    assert os.listdir(tmp_path) == ["a"]
    assert content(tmp_path / "a") == {"new": "2"}


def test_replacing_a_link_leaves_what_it_pointed_to(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "old").write_text("1")
    (tmp_path / "a").symlink_to("elsewhere")
    with whole_folder(tmp_path / "a", replace=True) as partial:
        (partial / "new").write_text("2")
    assert sorted(os.listdir(tmp_path)) == ["a", "elsewhere"]
    assert content(tmp_path / "a") == {"new": "2"}
    assert content(tmp_path / "elsewhere") == {"old": "1"}


@both_failures
def test_a_replacement_that_fails_keeps_the_old_folder(tmp_path, failure):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "old").write_text("1")
    with pytest.raises(type(failure)):
        with whole_folder(tmp_path / "a", replace=True) as partial:
            (partial / "new").write_text("2")
            raise failure
    assert os.listdir(tmp_path) == ["a"]
    assert content(tmp_path / "a") == {"old": "1"}


@both_failures
def test_the_old_folder_comes_back_when_the_new_one_cannot_take_its_place(
    tmp_path, monkeypatch, failure
):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "old").write_text("1")
    rename = os.rename

    def failing(source, target):
        if str(source).endswith(".partial"):
            raise failure
        rename(source, target)

    monkeypatch.setattr(os, "rename", failing)
    with pytest.raises(type(failure)):
        with whole_folder(tmp_path / "a", replace=True) as partial:
            (partial / "new").write_text("2")
    assert os.listdir(tmp_path) == ["a"]
    assert content(tmp_path / "a") == {"old": "1"}
