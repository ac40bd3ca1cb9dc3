"""A matrix and its declaration appear together, and what a user wrote stays."""

from __future__ import annotations

import errno

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recbole_slmrec.config import Config
from recbole_slmrec.data.dataset import MultimodalDataset
from recbole_slmrec.featurize.items import read_items
from recbole_slmrec.featurize.output import matrix_path, write_modality

ROWS = np.arange(1, 9, dtype=np.float32).reshape(4, 2)


def add(shop, modality: str = "t", force: bool = False):
    items = read_items("shop", shop.parent)
    write_modality(items, modality, matrix_path(items, modality, force), ROWS)


def declare(shop, text: str) -> None:
    (shop / "shop.yaml").write_text(text, encoding="utf-8")


def declared(shop) -> str:
    return (shop / "shop.yaml").read_text(encoding="utf-8")


def test_a_run_reads_the_rows_of_the_items(shop):
    add(shop)
    dataset = MultimodalDataset(Config("SLMRec", "shop"))
    (modality,) = dataset.item_modalities
    assert modality.name == "t"
    for item, row in zip("badc", ROWS):
        features = modality.features[dataset.token2id("item_id", item)]
        assert np.allclose(features, row / np.linalg.norm(row))


def test_without_a_declaration_one_is_written(shop):
    add(shop)
    assert yaml.safe_load(declared(shop)) == {
        "item_modalities": {"t": "t_feat.npy"},
        "load_col": {"inter": ["user_id", "item_id"], "item": ["item_id"]},
    }
    assert np.array_equal(np.load(shop / "t_feat.npy"), ROWS)


LOADED = "load_col: {inter: [user_id, item_id], item: [item_id]}\n"
# What shop.yaml says of modalities before and after.
TEXTS = {
    "none": ("", "item_modalities: {t: t_feat.npy}\n"),
    "no line break at the end": ("# mine", "# mine\nitem_modalities: {t: t_feat.npy}\n"),
    "null": ("item_modalities:  # later\n", "item_modalities: {t: t_feat.npy}  # later\n"),
    "tilde": ("item_modalities: ~\n", "item_modalities: {t: t_feat.npy}\n"),
    "braces": (
        "item_modalities: {v: v.npy}   # pictures\nthreshold: ~\n",
        "item_modalities: {v: v.npy, t: t_feat.npy}   # pictures\nthreshold: ~\n",
    ),
    "a block": (
        "item_modalities:\n  v: v.npy\n  g: {field: title}\n"
        "\n# not the last\nthreshold: ~  # none\n",
        "item_modalities:\n  v: v.npy\n  g: {field: title}\n  t: t_feat.npy\n"
        "\n# not the last\nthreshold: ~  # none\n",
    ),
    "a nested block": (
        "item_modalities:\n  g:\n    field: title\n    max_width: 3\nthreshold: ~\n",
        "item_modalities:\n  g: {field: title, max_width: 3}\n  t: t_feat.npy\nthreshold: ~\n",
    ),
}


@pytest.mark.parametrize("before, after", TEXTS.values(), ids=TEXTS)
def test_the_rest_of_the_declaration_stays_word_for_word(shop, before, after):
    np.save(shop / "v.npy", ROWS)
    declare(shop, f"# Ours: ü\n{LOADED}{before}")
    add(shop)
    assert declared(shop) == f"# Ours: ü\n{LOADED}{after}"


def test_items_that_were_not_loaded_are_loaded_now(shop):
    declare(shop, "load_col:\n  inter: '*'\nthreshold: ~\n")
    add(shop)
    assert declared(shop) == (
        "load_col:\n  inter: '*'\n  item: [item_id]\nthreshold: ~\n"
        "item_modalities: {t: t_feat.npy}\n"
    )


def test_a_byte_order_mark_does_not_matter(shop):
    declare(shop, f"\ufeff{LOADED}item_modalities: {{v: v.npy}}  # one\n")
    add(shop)
    modalities = {"v": "v.npy", "t": "t_feat.npy"}
    assert yaml.safe_load(declared(shop))["item_modalities"] == modalities
    assert "# one" in declared(shop)


def test_braces_around_it_all_keep_their_meaning(shop, caplog):
    declare(shop, "{load_col: ~}  # all in one\n")
    add(shop)
    modalities = {"t": "t_feat.npy"}
    assert yaml.safe_load(declared(shop)) == {"load_col": None, "item_modalities": modalities}
    assert "shop.yaml is written anew; its comments are lost" in caplog.text


def test_an_anchor_within_the_modalities_keeps_its_meaning(shop, caplog):
    declare(shop, f"{LOADED}item_modalities: &all {{v: v.npy}}\nalias_of_item_id: *all\n")
    add(shop)
    assert yaml.safe_load(declared(shop))["alias_of_item_id"] == {"v": "v.npy"}
    assert yaml.safe_load(declared(shop))["item_modalities"] == {"v": "v.npy", "t": "t_feat.npy"}
    assert "shop.yaml is written anew; its comments are lost" in caplog.text


SOURCES = st.one_of(
    st.just("v.npy"),
    st.fixed_dictionaries({"file": st.just("v.npy")}),
    st.fixed_dictionaries({"field": st.text("tü:#' -", min_size=1), "max_width": st.just(3)}),
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    modalities=st.dictionaries(st.text("abü-1", min_size=1), SOURCES, max_size=3),
    others=st.dictionaries(
        st.sampled_from(["threshold", "seq_len", "rm_dup_inter"]),
        st.one_of(st.none(), st.text("x#:{ \n"), st.dictionaries(st.just("a"), st.integers())),
    ),
    flow=st.sampled_from([True, False, None]),
    first=st.booleans(),
)
def test_any_declaration_gains_the_modality_and_loses_nothing(
    shop, modalities, others, flow, first
):
    parts = [{"item_modalities": modalities}, others]
    before = {**parts[0], **parts[1]} if first else {**parts[1], **parts[0]}
    declare(shop, yaml.safe_dump(before, default_flow_style=flow, sort_keys=False))
    add(shop, "new", force=True)
    after = yaml.safe_load(declared(shop))
    assert after.pop("item_modalities") == {**modalities, "new": "new_feat.npy"}
    assert after.pop("load_col")["item"] == ["item_id"]
    assert after == others


def test_the_package_s_own_modalities_stay(shop, monkeypatch, tmp_path):
    # The data set's own declaration replaces the package's as a whole.
    properties = tmp_path / "properties"
    (properties / "dataset").mkdir(parents=True)
    (properties / "dataset" / "shop.yaml").write_text("item_modalities: {g: {field: title}}\n")
    monkeypatch.setattr("recbole_slmrec.featurize.items.properties_path", lambda: properties)
    add(shop)
    assert yaml.safe_load(declared(shop))["item_modalities"] == {
        "g": {"field": "title"},
        "t": "t_feat.npy",
    }


def test_what_is_there_is_kept(shop):
    declare(shop, LOADED + "item_modalities: {t: text.npy}\n")
    (shop / "v_feat.npy").write_text("mine")
    with pytest.raises(FileExistsError, match="shop has the modality t already; .*--force"):
        add(shop, "t")
    with pytest.raises(FileExistsError, match="shop has a file v_feat.npy already; .*--modality"):
        add(shop, "v")
    assert declared(shop) == LOADED + "item_modalities: {t: text.npy}\n"
    assert (shop / "v_feat.npy").read_text() == "mine"


def test_force_replaces_it(shop):
    declare(shop, LOADED + "item_modalities: {t: text.npy, v: v.npy}\n")
    (shop / "t_feat.npy").write_text("old")
    add(shop, "t", force=True)
    assert declared(shop) == LOADED + "item_modalities: {t: t_feat.npy, v: v.npy}\n"
    assert np.array_equal(np.load(shop / "t_feat.npy"), ROWS)


@pytest.mark.parametrize(
    "failure",
    [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")],
    ids=["ctrl-c", "disk full"],
)
def test_a_failure_half_way_changes_nothing(shop, monkeypatch, failure):
    declare(shop, LOADED)
    before = {path.name: path.read_bytes() for path in shop.iterdir()}

    def save_half(file, rows):
        file.write(rows.tobytes()[:10])
        raise failure

    monkeypatch.setattr(np, "save", save_half)
    with pytest.raises(type(failure)):
        add(shop)
    assert {path.name: path.read_bytes() for path in shop.iterdir()} == before


@pytest.mark.parametrize("modality", ["", "a/b", "../v", ".v", "-v", "a b"])
def test_a_name_that_is_no_name_is_refused(items, modality):
    with pytest.raises(ValueError, match="cannot name a modality: use letters"):
        matrix_path(items, modality, force=True)


def test_the_name_of_the_id_embedding_is_refused(items):
    with pytest.raises(ValueError, match="'id' is reserved"):
        matrix_path(items, "id", force=True)


def test_a_declaration_that_is_none_is_refused(shop):
    declare(shop, "item_modalities: [v.npy]\n")
    with pytest.raises(ValueError, match="is not a dict"):
        add(shop)
