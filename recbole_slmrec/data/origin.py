"""Data sets that come from their public origin: downloaded, checked and prepared."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from logging import getLogger
from pathlib import Path
from typing import Iterator
from urllib.parse import quote

from recbole_slmrec.data.download import DownloadError, NotOnServerError, fetch
from recbole_slmrec.data.prepare import free_target, prepare


def prepare_from_origin(name: str, data_path: Path, download: dict, force: bool = False) -> Path:
    """Downloads the data set ``name`` from its public origin and prepares it as it is published.

    Args:
        name: name of the data set.
        data_path: where data sets lie.
        download: as in ``downloaded``.
        force: whether to replace a data set of that name.

    Returns:
        The folder of the data set, ``<data_path>/<name>``.

    Raises:
        FileExistsError: if the data set is there already and ``force`` is False.
        DownloadError: if a file that is needed cannot be fetched; says how to do without.
    """
    free_target(name, data_path, force)
    with downloaded(name, data_path, download) as source:
        return prepare(name, source, data_path, force)


@contextmanager
def downloaded(name: str, data_path: Path, download: dict) -> Iterator[Path]:
    """Downloads the published files of the data set ``name`` into a folder that goes afterwards.

    Args:
        name: name of the data set.
        data_path: where data sets lie, for the message.
        download: ``url``, the address of the folder that holds the published files; ``files``, a
            dict from file name to git blob id; and ``optional``, a list of those among them that
            the data set can do without.

    Yields:
        The folder.

    Raises:
        DownloadError: if a file that is needed cannot be fetched; says how to do without.
    """
    getLogger().info(f"downloading the data set {name} from {download['url']}")
    with tempfile.TemporaryDirectory() as folder:
        try:
            _fetch_files(download, Path(folder))
        except DownloadError as error:
            raise DownloadError(
                f"{error}.\nThere are two ways to get the data set [{name}]: run this again with a "
                f"connection to {download['url']}, or put copies of the files there "
                f"({', '.join(download['files'])}) into a folder DIR and run "
                f"`python -m recbole_slmrec prepare {name} --source DIR --data_path {data_path}`"
            ) from error
        yield Path(folder)


def _fetch_files(download: dict, folder: Path) -> None:
    for file, blob_id in download["files"].items():
        url = f"{download['url'].rstrip('/')}/{quote(file)}"
        try:
            fetch(url, folder / file, blob_id)
        except NotOnServerError as error:
            if file not in download["optional"]:
                raise
            getLogger().warning(f"{error}: going on without {file}")
