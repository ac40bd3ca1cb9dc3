"""The command: from texts to a modality that a run uses."""

from __future__ import annotations

import numpy as np
import pytest

from recbole_slmrec.cli import main
from recbole_slmrec.config import Config
from recbole_slmrec.data.dataset import MultimodalDataset


def run(*arguments: str) -> int:
    return main(["featurize", *arguments])


def test_tfidf_of_a_field_is_a_modality_at_once(shop, capsys, monkeypatch):
    assert run("shop", "text", "--field", "title", "--modality", "words", "--width", "2") == 0
    assert "words_feat.npy is ready, as the modality words: python" in capsys.readouterr().out
    rows = np.load(shop / "words_feat.npy")
    assert rows.shape == (4, 2)
    monkeypatch.setattr("sys.argv", ["run_recbole.py"])
    dataset = MultimodalDataset(Config("SLMRec", "shop"))
    (modality,) = dataset.item_modalities
    assert (modality.name, modality.missing) == ("words", 1)
    for item, row in zip("badc", rows):
        expected = row / (np.linalg.norm(row) or 1)
        features = modality.features[dataset.token2id("item_id", item)]
        assert np.allclose(features, expected, atol=1e-6)


def test_a_table_adds_to_the_modalities_that_are_there(made, tmp_path):
    lines = [f"i{number},word{number % 7} word{number % 5}" for number in range(45)]
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["item,about", *lines]))
    options = ("--table", str(table), "--column", "about", "--modality", "w")
    assert run("made", "text", *options) == 0
    modalities = Config("SLMRec", "made", config_dict={"state": "ERROR"})["item_modalities"]
    assert modalities == {"v": "v.npy", "a": "a.npy", "t": "t.npy", "w": "w_feat.npy"}


def test_nothing_is_replaced_unasked(made, capsys):
    before = (made / "t.npy").read_bytes()
    assert run("made", "text", "--field", "item_id") == 2
    assert "has the modality t already" in capsys.readouterr().err
    assert run("made", "text", "--field", "item_id", "--force") == 0
    assert (made / "t.npy").read_bytes() == before
    assert (made / "t_feat.npy").exists()


def test_an_interrupted_command_goes_on(shop, monkeypatch, capsys):
    class StandIn:
        width, interrupted = 2, True
        encoded = []

        def __init__(self, model):
            pass

        def encode(self, batch):
            if StandIn.interrupted and StandIn.encoded:
                raise KeyboardInterrupt
            StandIn.encoded.extend(batch)
            return [np.array([len(text), 1.0]) for text in batch]

    monkeypatch.setattr("recbole_slmrec.cli.featurize.SentenceEncoder", StandIn)
    options = ("--field", "title", "--model", "stand-in", "--batch_size", "1")
    assert run("shop", "text", *options) == 130
    assert sorted(path.name[:12] for path in shop.glob(".*")) == [".t_feat.npy."] * 2
    assert not (shop / "t_feat.npy").exists() and not (shop / "shop.yaml").exists()
    StandIn.interrupted = False
    assert run("shop", "text", *options) == 0
    assert StandIn.encoded == ["blue wool scarf", "red wool hat", "red shoes"]
    assert np.load(shop / "t_feat.npy").tolist() == [[12, 1], [9, 1], [0, 0], [15, 1]]


BAD_FLAGS = {
    "no source": (["text"], "one of the arguments --field --table is required"),
    "no column": (["text", "--table", "t.csv"], "say with --column which columns of t.csv"),
    "a column of nothing": (
        ["text", "--field", "title", "--column", "x"],
        "are for --table; leave",
    ),
    "a width of a model": (
        ["text", "--field", "title", "--width", "2", "--model", "m"],
        "--width is",
    ),
    "no width": (
        ["text", "--field", "title", "--width", "0"],
        "0 is not a whole number of at least",
    ),
    "no content": ([], "the following arguments are required: text|image"),
}


@pytest.mark.parametrize("arguments, message", BAD_FLAGS.values(), ids=BAD_FLAGS)
def test_flags_that_do_not_fit(shop, capsys, arguments, message):
    try:
        status = run("shop", *arguments)
    except SystemExit as stop:
        status = stop.code
    assert status == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], ["shop", "text", "--help"]])
def test_help_teaches_by_an_example(capsys, arguments):
    with pytest.raises(SystemExit):
        run(*arguments)
    assert "python -m recbole_slmrec featurize shop text --field title brand" in (
        capsys.readouterr().out
    )
