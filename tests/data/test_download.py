"""Files are fetched whole and as they were meant, or not at all."""

from __future__ import annotations

import hashlib
import os
import socket

import pytest

from recbole_slmrec.data import download
from recbole_slmrec.data.download import DownloadError, NotOnServerError, fetch, git_blob_id
from tests.data.file_server import serving

CONTENT = bytes(range(256)) * 1000


def blob_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download, "PAUSE_S", 0.01)
    monkeypatch.setattr(download, "TIMEOUT_S", 5)
    with serving({"a.npy": CONTENT}) as server:
        yield server


@pytest.fixture
def target(tmp_path):
    return tmp_path / "a.npy"


def fetch_content(server, target) -> None:
    fetch(server.url + "a.npy", target, blob_id(CONTENT))


def assert_fails(server, target, error, match) -> None:
    with pytest.raises(error, match=match) as caught:
        fetch_content(server, target)
    assert server.url + "a.npy" in str(caught.value)
    assert os.listdir(target.parent) == []


def assert_fetched(target) -> None:
    assert target.read_bytes() == CONTENT
    assert os.listdir(target.parent) == [target.name]


def test_the_blob_id_is_git_s(tmp_path):
    path = tmp_path / "greeting"
    path.write_bytes(b"hello\n")
    assert git_blob_id(path) == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_a_whole_file(server, target):
    fetch_content(server, target)
    assert_fetched(target)
    assert server.requests == [("a.npy", None)]


def test_an_empty_file(server, target):
    server.files["a.npy"] = b""
    fetch(server.url + "a.npy", target, "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391")
    assert target.read_bytes() == b""


def test_a_cut_connection_goes_on_where_it_stopped(server, target):
    server.faults = ["cut", "cut"]
    fetch_content(server, target)
    assert_fetched(target)
    assert server.requests == [
        ("a.npy", None),
        ("a.npy", "bytes=128000-"),
        ("a.npy", "bytes=192000-"),
    ]


def test_a_cut_connection_begins_anew_where_the_server_knows_no_ranges(server, target):
    server.faults, server.has_ranges = ["cut"], False
    fetch_content(server, target)
    assert_fetched(target)
    assert server.requests == [("a.npy", None), ("a.npy", "bytes=128000-")]


def test_a_cut_between_chunks_goes_on_as_well(server, target):
    server.faults = ["chunked cut"]
    fetch_content(server, target)
    assert_fetched(target)
    assert len(server.requests) == 2


@pytest.mark.parametrize("status", [500, 503])
def test_a_failure_of_the_server_is_tried_again(server, target, status):
    server.faults = [status, status]
    fetch_content(server, target)
    assert_fetched(target)
    assert len(server.requests) == 3


def test_a_server_that_does_not_answer_is_tried_again(server, target, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT_S", 0.2)
    server.faults = ["mute"]
    fetch_content(server, target)
    assert_fetched(target)
    assert len(server.requests) == 2


def test_a_connection_that_is_always_cut(server, target):
    server.faults = ["cut"] * 9
    assert_fails(
        server, target, DownloadError, r"in 3 attempts \(224,000 of 256,000 bytes came\); try again"
    )
    assert len(server.requests) == 3


def test_a_server_that_always_fails(server, target):
    server.faults = [503] * 9
    assert_fails(server, target, DownloadError, "in 3 attempts .HTTP 503 Service Unavailable")
    assert len(server.requests) == 3


@pytest.mark.parametrize("status", [403, 429])
def test_a_refusal_is_final(server, target, status):
    server.faults = [status]
    assert_fails(server, target, DownloadError, f"was refused: HTTP {status}")
    assert len(server.requests) == 1


def test_other_content_is_not_kept(server, target):
    other = CONTENT[:-1] + b"\0"
    server.files["a.npy"] = other
    both = f"its git blob id is {blob_id(other)}, not {blob_id(CONTENT)}"
    assert_fails(server, target, DownloadError, both)


def test_a_file_that_is_not_on_the_server(server, target):
    del server.files["a.npy"]
    assert_fails(server, target, NotOnServerError, "does not exist .HTTP 404.; it was moved")
    assert len(server.requests) == 1


def test_a_server_that_is_gone(target):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(DownloadError, match=f"http://127.0.0.1:{port}/a.npy cannot be reached"):
        fetch(f"http://127.0.0.1:{port}/a.npy", target, blob_id(CONTENT))
    assert os.listdir(target.parent) == []


def test_ctrl_c_leaves_nothing(server, target, monkeypatch):
    server.faults = ["cut"]

    def interrupt(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(download.time, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch_content(server, target)
    assert os.listdir(target.parent) == []
