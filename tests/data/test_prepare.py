"""Published files become a data set that says of them exactly what they say."""

from __future__ import annotations

import errno
import logging
import os
import pickle
import shutil
import socket
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from recbole.config import Config
from scipy.sparse import coo_matrix

from recbole_slmrec.data import download
from recbole_slmrec.data.dataset import MultimodalDataset
from recbole_slmrec.data.download import DownloadError, git_blob_id
from recbole_slmrec.data.find import find_dataset
from recbole_slmrec.data.prepare import prepare, prepare_from_origin
from tests.data.file_server import serving

TIKTOK = Path(__file__).resolve().parents[3] / "shared" / "data" / "hkuds-tiktok"

N_USERS, N_ITEMS = 4, 5
INTERACTIONS = {
    "train": [(0, 3), (0, 1), (1, 0), (2, 3), (3, 1)],
    "valid": [(1, 4), (0, 0)],
    "test": [(2, 0), (1, 3)],
}
MATRICES = {"train": "trnMat.pkl", "valid": "valMat.pkl", "test": "tstMat.pkl"}


def write_matrix(path: Path, pairs: list[tuple[int, int]], shape=(N_USERS, N_ITEMS)) -> None:
    rows, columns = np.array(pairs, dtype=np.int32).reshape(-1, 2).T
    ones = np.ones(len(pairs), dtype=np.float32)
    with open(path, "wb") as file:
        pickle.dump(coo_matrix((ones, (rows, columns)), shape=shape), file)


@pytest.fixture
def source(tmp_path) -> Path:
    """A folder as the HKUDS repositories have it, without text."""
    folder = tmp_path / "published"
    folder.mkdir()
    for split, pairs in INTERACTIONS.items():
        write_matrix(folder / MATRICES[split], pairs)
    generator = np.random.default_rng(0)
    for file, width in [("image_feat.npy", 6), ("audio_feat.npy", 3)]:
        np.save(folder / file, generator.normal(size=(N_ITEMS, width)).astype(np.float16))
    return folder


@pytest.fixture
def data_path(tmp_path) -> Path:
    return tmp_path / "dataset"


def read_pairs(folder: Path, split: str) -> list[tuple[int, int]]:
    frame = pd.read_csv(folder / f"{folder.name}.{split}.inter", sep="\t")
    assert list(frame.columns) == ["user_id:token", "item_id:token"]
    return list(frame.itertuples(index=False, name=None))


def test_the_files_of_a_data_set(source, data_path):
    folder = prepare("small", source, data_path)
    assert folder == data_path / "small"
    assert sorted(os.listdir(folder)) == [
        "audio_feat.npy",
        "image_feat.npy",
        "small.item",
        "small.test.inter",
        "small.train.inter",
        "small.valid.inter",
        "small.yaml",
    ]
    interactions = (folder / "small.valid.inter").read_text()
    assert interactions == "user_id:token\titem_id:token\n1\t4\n0\t0\n"
    assert (folder / "small.item").read_text() == "item_id:token\n0\n1\n2\n3\n4\n"


def test_interactions_and_features_are_the_source_s(source, data_path):
    folder = prepare("small", source, data_path)
    for split, pairs in INTERACTIONS.items():
        assert read_pairs(folder, split) == pairs
    for file in ("image_feat.npy", "audio_feat.npy"):
        assert (folder / file).read_bytes() == (source / file).read_bytes()


def test_cells_of_value_zero_are_no_interactions(source, data_path):
    matrix = coo_matrix(([1.0, 0.0, 1.0], ([0, 1, 2], [1, 1, 1])), shape=(N_USERS, N_ITEMS))
    (source / "valMat.pkl").write_bytes(pickle.dumps(matrix))
    assert read_pairs(prepare("small", source, data_path), "valid") == [(0, 1), (2, 1)]


def test_the_declaration(source, data_path):
    text = (prepare("small", source, data_path) / "small.yaml").read_text()
    assert text.splitlines() == [
        "# Made by `python -m recbole_slmrec prepare` from the layout hkuds.",
        "load_col:",
        "  inter: [user_id, item_id]",
        "  item: [item_id]",
        "benchmark_filename: [train, valid, test]",
        "item_modalities: {v: image_feat.npy, a: audio_feat.npy}",
    ]


@pytest.mark.parametrize(
    "files, modalities",
    [
        (["text_feat.npy"], {"t": "text_feat.npy"}),
        (["text_feat.npy", "image_feat.npy"], {"v": "image_feat.npy", "t": "text_feat.npy"}),
        ([], {}),
    ],
)
def test_only_modalities_that_are_there_are_declared(source, data_path, files, modalities):
    for path in source.glob("*.npy"):
        path.unlink()
    for file in files:
        np.save(source / file, np.ones((N_ITEMS, 2), dtype=np.float32))
    folder = prepare("small", source, data_path)
    declared = yaml.safe_load((folder / "small.yaml").read_text())
    assert declared["item_modalities"] == modalities
    assert sorted(path.name for path in folder.glob("*.npy")) == sorted(files)


def test_recbole_reads_what_was_published(source, data_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["pytest"])
    folder = prepare("small", source, data_path)
    config = Config(
        model="BPR",
        dataset="small",
        config_file_list=[str(folder / "small.yaml")],
        config_dict={"data_path": str(data_path)},
    )
    dataset = MultimodalDataset(config)
    users, items = (dataset.field2id_token[field] for field in ("user_id", "item_id"))
    assert (len(users) - 1, len(items) - 1) == (N_USERS, N_ITEMS)
    for split, pairs in zip(dataset.build(), INTERACTIONS.values()):
        interactions = split.inter_feat
        read = zip(users[interactions["user_id"]], items[interactions["item_id"]])
        assert sorted((int(user), int(item)) for user, item in read) == sorted(pairs)
    assert [modality.name for modality in dataset.item_modalities] == ["v", "a"]
    for modality, file in zip(dataset.item_modalities, ("image_feat.npy", "audio_feat.npy")):
        published = np.load(source / file).astype(np.float64)
        expected = published / np.linalg.norm(published, axis=1, keepdims=True)
        rows = [int(item) for item in items[1:]]
        assert np.allclose(modality.features[1:], expected[rows], atol=1e-6)


def test_the_log_states_the_facts(source, data_path, caplog):
    with caplog.at_level(logging.INFO):
        prepare("small", source, data_path)
    assert caplog.messages == [
        f"{source} has the layout hkuds",
        "train: 5 interactions",
        "valid: 2 interactions",
        "test: 2 interactions",
        "users: 4",
        "items: 5",
        "modality v: image_feat.npy, 5 x 6",
        "modality a: audio_feat.npy, 5 x 3",
    ]


def test_a_data_set_that_is_there_is_kept(source, data_path):
    folder = prepare("small", source, data_path)
    (folder / "notes").write_text("mine")
    with pytest.raises(FileExistsError, match="small is there already; pass --force"):
        prepare("small", source, data_path)
    assert (folder / "notes").read_text() == "mine"


def test_force_replaces_it(source, data_path):
    folder = prepare("small", source, data_path)
    (folder / "notes").write_text("mine")
    write_matrix(source / "trnMat.pkl", [(3, 3)])
    prepare("small", source, data_path, force=True)
    assert not (folder / "notes").exists()
    assert read_pairs(folder, "train") == [(3, 3)]


@pytest.mark.parametrize(
    "failure",
    [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")],
    ids=["ctrl-c", "disk full"],
)
def test_a_failure_half_way_changes_nothing(source, data_path, monkeypatch, failure):
    prepare("old", source, data_path)
    before = {path.name: path.read_bytes() for path in (data_path / "old").iterdir()}

    def copy_half(path, target):
        target.write_bytes(path.read_bytes()[:10])
        raise failure

    monkeypatch.setattr(shutil, "copyfile", copy_half)
    with pytest.raises(type(failure)):
        prepare("small", source, data_path)
    with pytest.raises(type(failure)):
        prepare("old", source, data_path, force=True)
    assert os.listdir(data_path) == ["old"]
    assert {path.name: path.read_bytes() for path in (data_path / "old").iterdir()} == before


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", "/a"])
def test_a_name_that_is_a_path_is_refused(source, data_path, name):
    with pytest.raises(ValueError, match="cannot name a data set: give a bare name"):
        prepare(name, source, data_path, force=True)
    assert not data_path.exists()


@pytest.mark.parametrize("inside", [".", "raw"])
def test_a_source_in_the_data_set_s_own_folder_is_not_destroyed(source, data_path, inside):
    own = data_path / "small" / inside
    own.parent.mkdir(parents=True)
    shutil.copytree(source, own)
    with pytest.raises(ValueError, match="lies in .*small, where the data set is to be written"):
        prepare("small", own, data_path, force=True)
    assert sorted(os.listdir(own)) == sorted(os.listdir(source))


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


BAD_SOURCES = {
    "nothing": (lambda it: shutil.rmtree(it), FileNotFoundError, "published is not a folder"),
    "other files": (
        lambda it: [(it / file).unlink() for file in MATRICES.values()],
        FileNotFoundError,
        "published has none of the layouts.*hkuds has trnMat.pkl, valMat.pkl, tstMat.pkl",
    ),
    "two matrices missing": (
        lambda it: [(it / file).unlink() for file in ("trnMat.pkl", "tstMat.pkl")],
        FileNotFoundError,
        "published lacks trnMat.pkl, tstMat.pkl: the HKUDS layout needs",
    ),
    "truncated matrix": (
        lambda it: truncate(it / "valMat.pkl"),
        ValueError,
        "valMat.pkl cannot be read as a pickled scipy",
    ),
    "matrices of two data sets": (
        lambda it: write_matrix(it / "valMat.pkl", [(0, 0)], (N_USERS, N_ITEMS + 1)),
        ValueError,
        r"differ in shape: trnMat.pkl is \(4, 5\), valMat.pkl is \(4, 6\), tstMat.pkl is \(4, 5\)",
    ),
    "no training": (
        lambda it: write_matrix(it / "trnMat.pkl", []),
        ValueError,
        "trnMat.pkl holds no interactions",
    ),
    "no validation": (
        lambda it: write_matrix(it / "valMat.pkl", []),
        ValueError,
        "valMat.pkl holds no interactions",
    ),
    "too few rows": (
        lambda it: np.save(it / "audio_feat.npy", np.ones((N_ITEMS - 1, 2))),
        ValueError,
        r"audio_feat.npy has shape \(4, 2\); \(5, columns\) is needed",
    ),
    "a vector": (
        lambda it: np.save(it / "audio_feat.npy", np.ones(N_ITEMS)),
        ValueError,
        r"audio_feat.npy has shape \(5,\); \(5, columns\) is needed",
    ),
    "integers": (
        lambda it: np.save(it / "audio_feat.npy", np.ones((N_ITEMS, 2), dtype=int)),
        ValueError,
        "audio_feat.npy holds values of type int64; floats are needed",
    ),
    "truncated features": (
        lambda it: truncate(it / "image_feat.npy"),
        ValueError,
        "image_feat.npy cannot be read",
    ),
    "features that are Python objects": (
        lambda it: np.save(it / "image_feat.npy", np.array([[None]] * N_ITEMS)),
        ValueError,
        "image_feat.npy cannot be read",
    ),
}


@pytest.mark.parametrize("spoil, error, match", BAD_SOURCES.values(), ids=BAD_SOURCES)
def test_a_bad_source_is_named_and_leaves_nothing(source, data_path, spoil, error, match):
    spoil(source)
    with pytest.raises(error, match=match):
        prepare("small", source, data_path)
    assert not data_path.exists() or os.listdir(data_path) == []


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
    find_dataset("small", data_path / "small", origin)
    prepare("same", source, data_path)
    for path in (data_path / "same").iterdir():
        twin = data_path / "small" / path.name.replace("same", "small")
        assert twin.read_bytes() == path.read_bytes()
    assert len(os.listdir(data_path / "small")) == 7
    assert "going on without text_feat.npy" in caplog.text


def test_a_data_set_that_is_there_is_not_downloaded(data_path, origin, server):
    (data_path / "small").mkdir(parents=True)
    find_dataset("small", data_path / "small", origin)
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


@pytest.mark.skipif(not TIKTOK.is_dir(), reason="the published TikTok files are not here")
def test_the_facts_of_tiktok(data_path):
    folder = prepare("tiktok", TIKTOK, data_path)
    pairs = {split: np.array(read_pairs(folder, split)) for split in MATRICES}
    assert {split: len(it) for split, it in pairs.items()} == {
        "train": 59_541,
        "valid": 3_051,
        "test": 6_130,
    }
    users, items = np.concatenate(list(pairs.values())).T
    assert len(np.unique(users)) == users.max() + 1 == 9_308
    assert len(np.unique(items)) == items.max() + 1 == 6_710
    assert len(np.unique(users * 6_710 + items)) == 59_541 + 3_051 + 6_130
    assert 9_308 - len(np.unique(pairs["train"][:, 0])) == 10
    assert 6_710 - len(np.unique(pairs["train"][:, 1])) == 465
    assert len((folder / "tiktok.item").read_text().splitlines()) == 1 + 6_710
    for file in ("image_feat.npy", "audio_feat.npy"):
        features = np.load(folder / file)
        assert (features.shape, features.dtype) == ((6_710, 128), np.float16)
        assert git_blob_id(folder / file) == git_blob_id(TIKTOK / file)
