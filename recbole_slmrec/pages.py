"""HTML pages that need nothing else, from the templates in ``templates/``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

_TEMPLATES = Path(__file__).parent / "templates"

# Jinja's filter escapes what could end a script.
_JSON = {"ensure_ascii": False, "separators": (",", ":"), "allow_nan": False}


def render(template: str, **values: Any) -> str:
    """A page, in which every value is escaped.

    Args:
        template: a file in ``templates/``.
        values: what its variables stand for.
    """
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.policies["json.dumps_kwargs"] = _JSON
    environment.globals["file"] = lambda name: Markup((_TEMPLATES / name).read_text("utf-8"))
    return environment.get_template(template).render(values)
