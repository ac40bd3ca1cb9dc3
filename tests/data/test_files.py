"""Files and folders are written whole or not at all."""

from __future__ import annotations

import errno
import os
import resource
from contextlib import contextmanager
from pathlib import Path

import pytest

from recbole_slmrec.data.files import (
    WriteError,
    allocate,
    check_folder,
    check_writable,
    named_by,
    whole_file,
    whole_folder,
    writing,
)

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


@contextmanager
def small_disk():
    """As if no file could become larger than 1,000 bytes: that of the tests' own output neither."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("whole, file", [(whole_file, "."), (whole_folder, "matrix.npy")])
def test_a_full_disk_is_told_with_the_flag_and_what_to_do(tmp_path, whole, file):
    message = "out cannot be written .*; free some space, or choose another place with --output$"
    with pytest.raises(WriteError, match=message), named_by("--output"), small_disk():
        with whole(tmp_path / "out") as partial:
            (partial / file).write_bytes(b"0" * 5000)
    assert os.listdir(tmp_path) == []


def test_a_full_disk_shows_before_a_mapped_file_is_written(tmp_path):
    path = tmp_path / "rows"
    path.write_bytes(b"")
    refused = pytest.raises(WriteError, match="a.npy cannot be written")
    with refused, writing(tmp_path / "a.npy"), small_disk():
        with open(path, "r+b") as file:
            file.truncate(5000)
        allocate(path)


def test_room_that_is_taken_is_zeros(tmp_path):
    (tmp_path / "rows").write_bytes(b"head")
    os.truncate(tmp_path / "rows", 10_000)
    allocate(tmp_path / "rows")
    assert (tmp_path / "rows").read_bytes() == b"head" + bytes(9_996)


@pytest.mark.parametrize("check", [check_folder, check_writable])
def test_a_place_that_may_not_be_written_to_is_told_before_work(tmp_path, monkeypatch, check):
    check(tmp_path / "a.csv")
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    message = "a.csv cannot be written .*may not be written to.; make it writable, or choose ano"
    with pytest.raises(WriteError, match=message):
        check(tmp_path / "a.csv")


def test_a_place_below_a_file_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match="file/new/a cannot be written .*file is no folder"):
        check_writable(tmp_path / "file" / "new" / "a")


def test_errors_of_what_is_read_stay_what_they_are(tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(FileNotFoundError, match="source.npy"):
        with whole_file(tmp_path / "there" / "out"):
            open(tmp_path / "source.npy")
