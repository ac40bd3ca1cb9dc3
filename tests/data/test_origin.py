"""A data set that is not there is downloaded from its origin, or says how to do without."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from recbole_slmrec.data import download
from recbole_slmrec.data.download import DownloadError, git_blob_id
from recbole_slmrec.data.find import find_dataset
from recbole_slmrec.data.origin import prepare_from_origin
from recbole_slmrec.data.prepare import prepare
from tests.data.file_server import serving
from tests.data.published import publish


@pytest.fixture
def source(tmp_path) -> Path:
    return publish(tmp_path / "published")


@pytest.fixture
def data_path(tmp_path) -> Path:
    return tmp_path / "dataset"


@pytest.fixture
def server(source, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download, "PAUSE_S", 0.01)
    with serving({path.name: path.read_bytes() for path in source.iterdir()}) as server:
        yield server


@pytest.fixture
def origin(source, server) -> dict:
    """The ``download`` section for the source on the server, with a text that is not there."""
    files = {path.name: git_blob_id(path) for path in sorted(source.iterdir())}
    return {
        "url": server.url,
        "files": {**files, "text_feat.npy": "0" * 40},
        "optional": ["text_feat.npy"],
    }


def test_a_data_set_that_is_missing_is_downloaded(source, data_path, origin, caplog):
    find_dataset("small", data_path / "small", origin, {})
    prepare("same", source, data_path)
    for path in (data_path / "same").iterdir():
        twin = data_path / "small" / path.name.replace("same", "small")
        assert twin.read_bytes() == path.read_bytes()
    assert len(os.listdir(data_path / "small")) == 7
    assert "going on without text_feat.npy" in caplog.text


def test_a_data_set_that_is_there_is_not_downloaded(data_path, origin, server):
    (data_path / "small").mkdir(parents=True)
    find_dataset("small", data_path / "small", origin, {})
    assert server.requests == []
    assert os.listdir(data_path / "small") == []


def test_a_download_replaces_a_data_set_only_when_told_to(data_path, origin):
    (data_path / "small").mkdir(parents=True)
    with pytest.raises(FileExistsError, match="pass --force"):
        prepare_from_origin("small", data_path, origin)
    prepare_from_origin("small", data_path, origin, force=True)
    assert len(os.listdir(data_path / "small")) == 7


@pytest.mark.parametrize("trouble", ["missing", "other content", "server gone"])
def test_a_download_that_fails_says_both_ways(data_path, origin, server, trouble):
    if trouble == "missing":
        del server.files["trnMat.pkl"]
    elif trouble == "other content":
        server.files["trnMat.pkl"] += b"."
    else:
        with socket.create_server(("127.0.0.1", 0)) as free:
            origin["url"] = f"http://127.0.0.1:{free.getsockname()[1]}/"
    with pytest.raises(DownloadError) as caught:
        prepare_from_origin("small", data_path, origin)
    message = str(caught.value)
    assert f"run this again with a connection to {origin['url']}" in message
    assert ", ".join(origin["files"]) in message
    command = f"python -m recbole_slmrec prepare small --source DIR --data_path {data_path}"
    assert f"`{command}`" in message
    assert not data_path.exists()
