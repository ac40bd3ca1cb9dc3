"""The page itself: one file that loads nothing, does no harm, and keeps within its bounds."""

from __future__ import annotations

import base64
import io
import json
import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from recbole_slmrec.data.modality import DenseModality, WordModality
from recbole_slmrec.explore import catalogue, history, users
from recbole_slmrec.explore.catalogue import colours_of, marks_of
from recbole_slmrec.explore.data import Wanted, gather
from recbole_slmrec.explore.media import link, pictures
from recbole_slmrec.explore.page import write_page
from recbole_slmrec.explore.similar import by_modality
from tests.explore.conftest import NASTY


def wanted(**others) -> Wanted:
    return Wanted([Path("saved/SLMRec.pth")], Path("page.html"), **{"users": "all", **others})


def written(data: dict) -> str:
    size = write_page(data, Path("page.html"))
    content = Path("page.html").read_bytes()
    assert size == len(content)
    return content.decode()


def block(page: str) -> dict:
    """The data as a browser finds them: up to the first end of a script."""
    return json.loads(
        re.search(r'<script type="application/json" id="data">(.*?)</script>', page)[1]
    )


def test_the_page_holds_the_data_as_they_are_and_loads_nothing(shop):
    data = gather(wanted(title="title", show=["class"]))
    page = written(data)
    assert block(page) == json.loads(json.dumps(data))
    rest = re.sub('id="data">.*?</script>', "", page)
    assert not re.search(r"<link|https?://|src=|url\(|@import|fetch\(|innerHTML", rest)
    assert "default-src 'none'" in page
    assert [path.name for path in shop.glob(".page*")] == []


def test_html_in_titles_does_no_harm(shop):
    page = written(gather(wanted(title="title", show=["title"])))
    assert NASTY in block(page)["items"]["title"]
    assert page.count("<script") == page.count("</script>") == 2
    assert "<img" not in page and "alert(1)</" not in page


def test_html_in_ids_and_names_does_no_harm(shop):
    data = gather(wanted(users="u1"))
    data["users"]["id"] = ["<b>u</b>"]
    data["dataset"] = "<i>d</i>"
    data["models"][0].update(name="<i>m</i>", file="<i>f</i>")
    data["models"][0]["parts"][0] = "</script>"
    page = written(data)
    assert not re.search("<b>u|<i>[dmf]", page) and page.count("</script>") == 2
    assert block(page)["users"]["id"] == ["<b>u</b>"]


def test_without_recommendations_there_is_a_page_still(shop):
    data = gather(wanted(users="u1", k=45))
    assert len(data["users"]["recommended"][0][0]) == 36
    data["users"]["recommended"][0][0] = []
    assert block(written(data))["users"]["recommended"] == [[[]]]


def test_no_more_users_than_a_page_holds(shop, monkeypatch, caplog):
    monkeypatch.setattr(users, "MOST_USERS", 7)
    drawn = gather(wanted())["users"]["id"]
    assert len(set(drawn)) == 7
    assert "a page holds 7 users at most: of all 60, as many are drawn" in caplog.text
    assert gather(wanted(users="sample:7"))["users"]["id"] == drawn
    with pytest.raises(ValueError, match="--users names 8 users, and a page holds 7 at most"):
        gather(wanted(users=",".join(f"u{n}" for n in range(8))))


def test_only_some_items_can_be_looked_at_closely(shop, monkeypatch):
    monkeypatch.setattr(catalogue, "MOST_ITEMS", 4)
    monkeypatch.setattr(history, "MOST_ITEMS", 2)
    data = gather(wanted(users="u1", k=3))
    items, own = data["items"], data["users"]
    assert items["n_close"] == 4 and all(len(each["found"]) == 4 for each in data["similar"])
    assert own["n_had"] == [9] and [data["splits"][s] for s in own["split"][0]] == ["test"] * 2
    named = {other for each in data["similar"] for pairs in each["found"] for other, _ in pairs}
    shown = {*own["had"][0], *(row[0] for row in own["recommended"][0][0])}
    assert set(range(len(items["id"]))) == {*range(4), *named, *shown}
    assert set(range(4)) <= shown


@pytest.fixture
def photos(shop) -> Path:
    """Pictures of i1 (with transparency), i2 and i3, a broken one of i4; a sound of i1."""
    folder = shop / "my photos"
    folder.mkdir()
    Image.new("RGBA", (400, 200), (255, 0, 0, 128)).save(folder / "i1.png")
    for name in ("i2.jpg", "i3.JPEG"):
        Image.new("RGB", (300, 600), "blue").save(folder / name)
    (folder / "i4.gif").write_bytes(b"GIF89a broken")
    (folder / "i1.mp3").write_bytes(b"sound")
    return folder


def test_thumbnails_are_inside_and_small(photos, caplog):
    data = gather(wanted(images=photos, sounds=photos))
    items = data["items"]
    sources = {items["id"][place]: source for place, source in items["image"].items()}
    assert set(sources) == {"i1", "i2", "i3"}
    assert (items["n_embedded"], items["n_linked"]) == (3, 0)
    for name, size in {"i1": (160, 80), "i2": (80, 160)}.items():
        kind, _, text = sources[name].partition(",")
        image = Image.open(io.BytesIO(base64.b64decode(text)))
        assert kind == "data:image/jpeg;base64" and image.size == size
    assert "1 image(s) cannot be read and are left out, such as " in caplog.text
    assert {items["id"][n]: to for n, to in items["sound"].items()} == {"i1": "my%20photos/i1.mp3"}


def test_what_does_not_fit_is_linked(photos):
    files = {1: photos / "i1.png", 2: photos / "i2.jpg", 3: photos / "i3.JPEG"}
    found = pictures(files, [3, 9, 1, 2], Path("out.html"), 1)
    assert list(found.sources) == [3, 1, 2] and (found.n_embedded, found.n_linked) == (1, 2)
    assert found.sources[3].startswith("data:") and found.sources[1] == "my%20photos/i1.png"
    assert pictures(files, [1, 2], Path("out.html"), 0).n_linked == 2


def test_links_are_relative_to_the_page():
    assert link(Path("a/b#1.mp3"), Path("pages/out.html")) == "../a/b%231.mp3"
    assert link(Path("/x/javascript:y.png"), Path("/x/out.html")) == "javascript%3Ay.png"


def test_marks_are_never_of_more_than_a_tenth():
    taken = np.array([9, 0, 5, 5, 5, 5, 5, 5, 5, 5, 7])
    assert marks_of(taken).tolist()[1:] == [2, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    assert not (marks_of(np.array([0, 3, 3, 3, 3])) == 1).any()


@pytest.mark.parametrize(
    "kind, texts, labels, groups",
    [
        ("token", list("abba") + [""], ["a", "b", "none"], [0, 1, 1, 0, 2]),
        ("token_seq", ["a x", "b", "a y"], ["a", "b"], [0, 1, 0]),
        (
            "token",
            list("aabbccddeeffgghhiijk"),
            [*"abcdefghi", "other"],
            [*np.repeat(range(10), 2)],
        ),
        ("float", ["1", "2", "x", ""], ["1 to 2", "none"], [0, 0, 1, 1]),
        ("float", ["3", "3"], ["3 to 3"], [0, 0]),
        ("float", ["", ""], ["none"], [0, 0]),
    ],
)
def test_items_are_grouped_by_a_field(kind, texts, labels, groups):
    found = colours_of("field", kind, pd.Series(texts))
    assert found.labels == labels and list(found.groups) == groups


def test_items_without_features_are_like_nothing():
    features = np.array([[0, 0], [1, 0], [0, 0], [1, 1], [0, 1]], np.float32)
    found = by_modality(DenseModality("v", features, 1), np.array([1, 2, 3]), 5).found
    assert found[1] == []
    assert [[other for other, _ in pairs] for pairs in found] == [[3, 4], [], [1, 4]]
    assert found[0][0][1] == pytest.approx(0.5**0.5)


def test_items_are_alike_by_the_words_that_they_share():
    pairs = np.array([(1, 0), (1, 1), (2, 0), (2, 1), (3, 1), (4, 2)])
    modality = WordModality("w", pairs[:, 0], pairs[:, 1], 3, 1)
    found = by_modality(modality, np.array([1, 3, 4, 5]), 6).found
    assert found[0] == [(2, pytest.approx(1)), (3, pytest.approx(0.5**0.5))]
    assert found[2:] == [[], []]


def test_a_map_by_umap_where_it_is_installed(shop, monkeypatch):
    class Umap:
        def __init__(self, n_components, random_state):
            assert (n_components, random_state) == (2, 0)

        def fit_transform(self, vectors):
            return vectors[:, :2]

    module = ModuleType("umap")
    module.UMAP = Umap
    monkeypatch.setitem(sys.modules, "umap", module)
    assert gather(wanted(users="u1"))["map"]["by"] == "UMAP of SLMRec’s vectors of items"
    monkeypatch.setitem(sys.modules, "umap", None)
    assert gather(wanted(users="u1"))["map"]["by"] == "PCA of SLMRec’s vectors of items"
