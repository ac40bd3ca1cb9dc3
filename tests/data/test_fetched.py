"""RecBole's data sets, fetched from a server on this machine."""

from __future__ import annotations

import io
import zipfile

import pytest
from recbole.data.dataset import Dataset

from recbole_slmrec import quick_start
from recbole_slmrec.data.download import DownloadError
from tests.data.file_server import serving

QUICK = {"epochs": 1, "show_progress": False, "state": "ERROR", "train_batch_size": 64}


def archive() -> bytes:
    rows = [f"u{user}\ti{(user * place) % 20}" for user in range(12) for place in range(1, 9)]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("theirs.inter", "\n".join(["user_id:token\titem_id:token", *rows]))
    return buffer.getvalue()


@pytest.fixture
def server(monkeypatch):
    with serving({"theirs.zip": archive()}) as server:
        monkeypatch.setattr(Dataset, "_get_download_url", lambda *_: f"{server.url}theirs.zip")
        monkeypatch.setattr("recbole_slmrec.quick_start.find_dataset", lambda *_: None)
        yield server


def test_a_data_set_of_recboles_is_fetched_in_a_single_process(server, tmp_path):
    quick_start.run("BPR", "ours", config_dict=QUICK)
    assert [path.name for path in (tmp_path / "dataset" / "ours").iterdir()] == ["ours.inter"]


def test_one_that_cannot_be_fetched_leaves_nothing_and_is_told(server, tmp_path):
    server.files.clear()
    with pytest.raises(
        DownloadError, match=r"theirs.zip cannot be fetched: .* two ways .*\[ours\]"
    ):
        quick_start.run("BPR", "ours", config_dict=QUICK)
    assert not (tmp_path / "dataset").exists() or not list((tmp_path / "dataset").iterdir())
