"""What the site makes by itself: pages of settings and of the package, and the look for broken links."""

from __future__ import annotations

import json
import pkgutil
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

import recbole_slmrec
from recbole_slmrec.registry import MODELS
from recbole_slmrec.settings import properties_path

TOP = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def extensions(monkeypatch):
    """The site's extensions can be imported."""
    monkeypatch.syspath_prepend(str(TOP / "docs" / "extensions"))


def test_a_setting_has_its_default_and_the_whole_of_its_comment(tmp_path):
    from settings_pages import settings_of

    file = tmp_path / "M.yaml"
    file.write_text("a: [1, 2]  # (list) One,\n           # and two.\n\nb: ~ # (str) Three.\n")
    assert [tuple(setting) for setting in settings_of(file)] == [
        ("a", "[1, 2]", "list", "One, and two."),
        ("b", "~", "str", "Three."),
    ]


def test_a_setting_without_a_comment_is_refused(tmp_path):
    from settings_pages import settings_of

    file = tmp_path / "M.yaml"
    file.write_text("a: 1  # (int) One.\nb: 2\n")
    with pytest.raises(ValueError, match=r"M.yaml: no comment `# \(kind\) meaning` beside b"):
        settings_of(file)


def test_the_page_has_every_setting_of_every_model():
    from settings_pages import page

    sections = {part.split("\n")[0]: part for part in page(properties_path()).split("\n## ")[1:]}
    assert set(sections) == {"Of every model", *MODELS}
    for model in MODELS:
        file = properties_path() / "model" / f"{model}.yaml"
        for name in yaml.safe_load(file.read_text(encoding="utf-8")):
            assert f"\n| `{name}` | " in sections[model]


def test_every_module_has_its_place_in_the_reference():
    from api_pages import modules_by_folder

    listed = {module for modules in modules_by_folder().values() for module in modules}
    found = {it.name for it in pkgutil.walk_packages(recbole_slmrec.__path__, "recbole_slmrec.")}
    found -= {"recbole_slmrec.properties", "recbole_slmrec.__main__"}
    assert listed == found


@pytest.mark.skipif(find_spec("sphinx") is None, reason="Sphinx comes with the extra [docs]")
def test_links_within_the_site_are_followed_and_others_are_not(tmp_path):
    from internal_links import broken

    (tmp_path / "a.html").write_text(
        '<a href="b.html#there"></a><a href="b.html#nowhere"></a><a href="c.html"></a>'
        '<a href="#here"></a><p id="here"></p><a href="https://example.org/no"></a><img src="d.png">'
    )
    (tmp_path / "b.html").write_text('<p id="there"></p>')
    assert broken(tmp_path) == ["a.html: b.html#nowhere", "a.html: c.html", "a.html: d.png"]


@pytest.mark.parametrize(
    "notebook", sorted((TOP / "examples").glob("*.ipynb")), ids=lambda p: p.stem
)
def test_notebooks_are_kept_without_what_they_print(notebook):
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code and not any(cell["outputs"] or cell["execution_count"] for cell in code)


def test_the_version_is_the_same_wherever_it_stands():
    version = recbole_slmrec.__version__
    assert f"\nversion: {version}\n" in (TOP / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\n## {version}\n" in (TOP / "CHANGELOG.md").read_text(encoding="utf-8")
