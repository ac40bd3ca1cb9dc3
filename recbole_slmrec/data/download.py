"""Fetching a file over HTTP and checking that it is the one that was meant."""

from __future__ import annotations

import hashlib
import ssl
import time
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from tqdm import tqdm

from recbole_slmrec.data.files import whole_file

ATTEMPTS = 3
PAUSE_S = 1.0
TIMEOUT_S = 30.0
_BLOCK = 2**16


class DownloadError(OSError):
    """A file could not be fetched; the message names its URL."""


class NotOnServerError(DownloadError):
    """The server answers that it has no such file (404)."""


class _CutError(Exception):
    """The connection broke, or the server had a passing failure: another attempt may do."""


def fetch(url: str, target: Path, blob_id: str) -> None:
    """Fetches ``url`` into ``target``, whole or not at all.

    A cut connection and a failure of the server (5xx) are tried again, from where the last attempt
    stopped if the server can.

    Args:
        url: the address, http or https.
        target: the file to write; its folder is there.
        blob_id: the git blob id of the content: the SHA-1 of ``blob <size>``, a zero byte and the
            content.

    Raises:
        NotOnServerError: if the server has no such file.
        DownloadError: if the server cannot be reached, the connection breaks in every attempt, or
            the content is another one.
    """
    with whole_file(target) as partial:
        partial.touch()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                _receive_rest(url, partial, target.name)
                break
            except _CutError as error:
                if attempt == ATTEMPTS:
                    raise DownloadError(
                        f"{url} did not arrive whole in {ATTEMPTS} attempts ({error}); "
                        "try again later"
                    ) from error
                time.sleep(PAUSE_S * attempt)
        found = git_blob_id(partial)
        if found != blob_id:
            raise DownloadError(
                f"{url} is not the expected file: its git blob id is {found}, not {blob_id}; "
                "it was changed there or on its way here"
            )


def git_blob_id(path: Path) -> str:
    """The id under which git keeps the content of ``path``, as 40 hexadecimal digits."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _receive_rest(url: str, partial: Path, name: str) -> None:
    try:
        start = partial.stat().st_size
        headers = {"Range": f"bytes={start}-"} if start else {}
        with urlopen(Request(url, headers=headers), timeout=TIMEOUT_S) as response:
            if response.status != 206:
                start = 0
            _write(response, partial, start, name)
    except HTTPError as error:
        error.close()
        if error.code == 404:
            raise NotOnServerError(
                f"{url} does not exist (HTTP 404); it was moved or removed"
            ) from error
        if error.code >= 500:
            raise _CutError(f"HTTP {error.code} {error.reason}") from error
        raise DownloadError(f"{url} was refused: HTTP {error.code} {error.reason}") from error
    except URLError as error:
        raise DownloadError(f"{url} cannot be reached: {error.reason}") from error
    except (ConnectionError, TimeoutError, HTTPException, ssl.SSLError) as error:
        raise _CutError(f"{type(error).__name__}: {error}") from error


def _write(response, partial: Path, start: int, name: str) -> None:
    length = response.headers["Content-Length"]
    total = None if length is None else start + int(length)
    bar = tqdm(
        total=total, initial=start, desc=name, unit="B", unit_scale=True, leave=False, disable=None
    )
    with open(partial, "ab" if start else "wb") as file, bar:
        while block := response.read(_BLOCK):
            file.write(block)
            bar.update(len(block))
        if total is not None and file.tell() < total:
            raise _CutError(f"{file.tell():,} of {total:,} bytes came")
