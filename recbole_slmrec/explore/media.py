"""Pictures and sounds of items for a page: thumbnails inside it up to a size, else links."""

from __future__ import annotations

import base64
import io
import os
from dataclasses import dataclass
from logging import getLogger
from pathlib import Path
from typing import Sequence
from urllib.parse import quote

from PIL import Image
from tqdm import tqdm

_PIXELS = 160


@dataclass(frozen=True)
class Pictures:
    """Where the picture of each item is.

    Attributes:
        sources: ``data:`` or a link, by row of the item.
        n_embedded: how many are inside the page.
        n_linked: how many are links.
    """

    sources: dict[int, str]
    n_embedded: int = 0
    n_linked: int = 0


def pictures(
    files: dict[int, Path], items: Sequence[int], page: Path, most_bytes: float
) -> Pictures:
    """Thumbnails of items, the first ones inside the page, and links for the rest.

    Args:
        files: of each item, by row.
        items: rows, the most important first.
        page: the page, which links are relative to.
        most_bytes: what the thumbnails inside the page may have together.
    """
    sources, n_embedded, n_linked, unreadable = {}, 0, 0, []
    wanted = [int(item) for item in items if int(item) in files]
    # disable=None: on a terminal only.
    for item in tqdm(wanted, unit=" images", desc="thumbnails", disable=None, delay=2):
        if most_bytes <= 0:
            sources[item] = link(files[item], page)
            n_linked += 1
            continue
        thumbnail = _thumbnail(files[item])
        if thumbnail is None:
            unreadable.append(files[item])
            continue
        most_bytes -= len(thumbnail)
        sources[item] = thumbnail
        n_embedded += 1
    if unreadable:
        getLogger().warning(
            f"{len(unreadable):,} image(s) cannot be read and are left out, such as {unreadable[0]}"
        )
    return Pictures(sources, n_embedded, n_linked)


def link(file: Path, page: Path) -> str:
    """A link from the page to a file, relative where both are on one drive."""
    try:
        return quote(Path(os.path.relpath(file, page.absolute().parent)).as_posix())
    except ValueError:
        return file.absolute().as_uri()


def _thumbnail(file: Path) -> str | None:
    """A JPEG in a data URL; None if the file holds no image that can be read."""
    try:
        with Image.open(file) as read:
            read.draft("RGB", (_PIXELS, _PIXELS))
            image = read.convert("RGBA" if read.mode in ("P", "LA", "RGBA") else "RGB")
            image.thumbnail((_PIXELS, _PIXELS))
            if image.mode == "RGBA":
                flat = Image.new("RGB", image.size, "white")
                flat.paste(image, mask=image.getchannel("A"))
                image = flat
    # The decoders fail in many ways on damaged files.
    except Exception:
        return None
    content = io.BytesIO()
    image.save(content, "JPEG", quality=78)
    return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode()}"
