"""The site: `make docs` writes it into docs/_build/html, without a network."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "extensions"))

import recbole_slmrec  # noqa: E402

project = "recbole-slmrec"
author = copyright = "the recbole-slmrec developers"
version = release = recbole_slmrec.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "api_pages",
    "example_pages",
    "internal_links",
    "settings_pages",
]
exclude_patterns = ["_build", "extensions"]

html_theme = "furo"
html_title = f"recbole-slmrec {release}"
html_show_sourcelink = False
html_copy_source = False
# Examples are commands and what they print, unless they say otherwise.
highlight_language = "text"

myst_heading_anchors = 3
nb_execution_mode = "force"
# What a notebook writes is no page of the site.
nb_execution_in_temp = True
# Seconds a cell: a slow machine takes many times what others do.
nb_execution_timeout = 3600
nb_execution_raise_on_error = True
nb_merge_streams = True
# What a library prints to stderr differs between machines.
nb_output_stderr = "remove"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True, "show-inheritance": True}
python_use_unqualified_type_names = True
# What is inherited from RecBole and PyTorch is told by them, with links into their own pages.
autodoc_inherit_docstrings = False
napoleon_numpy_docstring = False
# An attribute in a docstring's list and the class's own are one.
napoleon_use_ivar = True
napoleon_use_rtype = False


def setup(app):
    """The data sets' own page has its place on the site, as data-sets.md."""

    def lead_there(app, name, source):
        source[0] = source[0].replace("(../dataset/README.md)", "(data-sets.md)")

    app.connect("source-read", lead_there)
