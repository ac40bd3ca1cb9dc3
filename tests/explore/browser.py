"""A headless Chromium, where one is installed: a page after a script has acted on it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FOUND = next(filter(None, map(shutil.which, _NAMES)), None)

needs_browser = pytest.mark.skipif(
    _FOUND is None, reason=f"none of {', '.join(_NAMES)} is installed"
)

# Stands before the page's own script, and collects what the console would show.
_BEFORE = """<script>
window.told = [];
addEventListener("error", (event) => told.push(String(event.message)));
addEventListener("securitypolicyviolation", (event) => told.push(`refused: ${event.violatedDirective}`));
for (const kind of ["error", "warn"]) console[kind] = (...words) => told.push(words.join(" "));
</script>"""

_AFTER = """<script>
const one = (selector) => document.querySelector(selector);
const texts = (selector) => [...document.querySelectorAll(selector)].map((node) => node.textContent);
const pause = (ms = 50) => new Promise((done) => setTimeout(done, ms));
addEventListener("load", async () => {
  let found;
  try { found = await (async () => { %s })(); } catch (error) { told.push(String(error)); }
  await pause();
  document.body.replaceChildren();
  document.body.append(JSON.stringify({ found: found ?? null, told }));
});
</script>"""


def run(page: Path, script: str, fragment: str = "", *flags: str) -> Any:
    """What a script gives that acts on a page as a person would.

    Args:
        page: the page.
        script: the body of an async function; it has ``one(selector)``, ``texts(selector)`` and
            ``pause()``, and its result goes through JSON.
        fragment: of the address, such as ``#user=u1``.
        flags: of Chromium.

    Raises:
        AssertionError: if the console showed an error or a warning, or the policy refused something.
    """
    text = page.read_text(encoding="utf-8")
    acted = page.with_name(f"acted-{page.name}")
    text = text.replace("<title>", f"{_BEFORE}<title>", 1)
    acted.write_text(text.replace("</body>", f"{_AFTER % script}</body>"), encoding="utf-8")
    dom = _chromium(acted, fragment, "--dump-dom", *flags)
    body = re.search("<body>(.*)</body>", dom, re.DOTALL)[1]
    answer = json.loads(body.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    assert answer["told"] == []
    return answer["found"]


def _chromium(page: Path, fragment: str, *flags: str) -> str:
    command = [
        _FOUND, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        f"--user-data-dir={page.parent / 'profile'}", "--virtual-time-budget=5000", *flags,
        f"{page.absolute().as_uri()}{fragment}",
    ]  # fmt: skip
    finished = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout
