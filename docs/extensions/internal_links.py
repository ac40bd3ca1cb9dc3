"""Warns of links within the written site that lead nowhere; other sites are not asked."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sphinx.util import logging


class _Page(HTMLParser):
    """What a page refers to, and what can be referred to in it."""

    def __init__(self, path: Path):
        super().__init__()
        self.references: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if name in ("href", "src") and value:
                self.references.add(value)
            elif name == "id" and value:
                self.anchors.add(value)


def broken(folder: Path) -> list[str]:
    """References within the HTML pages of ``folder`` without a target, each ``page: reference``."""
    pages = {path.resolve(): _Page(path) for path in sorted(folder.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        for reference in sorted(page.references):
            if not _leads_somewhere(reference, path, pages):
                found.append(f"{path.relative_to(folder.resolve())}: {reference}")
    return found


def _leads_somewhere(reference: str, origin: Path, pages: dict[Path, _Page]) -> bool:
    parts = urlsplit(reference)
    if parts.scheme or parts.netloc:
        return True
    target = (origin.parent / unquote(parts.path)).resolve() if parts.path else origin
    if not target.is_file():
        return False
    anchor = unquote(parts.fragment)
    return not anchor or target not in pages or anchor in pages[target].anchors


def check(app, error: Exception | None) -> None:
    """Warns of each; `-W` makes an error of it."""
    if error is None and app.builder.format == "html":
        for reference in broken(Path(app.outdir)):
            logging.getLogger(__name__).warning("broken link in %s", reference)


def setup(app) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("build-finished", check)
    return {"parallel_read_safe": True}
