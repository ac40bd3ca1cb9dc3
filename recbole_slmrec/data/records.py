"""Files of JSON that one command keeps for the next: damage is told, never read."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from recbole_slmrec.data.files import whole_file

_DIGEST = "digest"


def write_record(path: Path, content: dict[str, Any]) -> None:
    """Writes ``content`` with a digest of it, whole or not at all.

    Args:
        path: the file.
        content: what JSON can hold; without the key ``digest``.
    """
    text = json.dumps({**content, _DIGEST: _digest(content)}, indent=1)
    with whole_file(path) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def read_record(path: Path, remedy: str) -> dict[str, Any]:
    """What :func:`write_record` wrote.

    Args:
        path: the file.
        remedy: what to do if it is damaged, for the message.

    Raises:
        ValueError: if the file is not as it was written.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.pop(_DIGEST) == _digest(content):
            return content
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        pass
    raise ValueError(f"{path} is damaged, was changed, or is of another version; {remedy}")


def _digest(content: dict[str, Any]) -> str:
    text = json.dumps(json.loads(json.dumps(content)), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
