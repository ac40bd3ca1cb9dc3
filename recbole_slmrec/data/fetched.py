"""RecBole's own data sets: fetched whole or not at all, in one process as in several."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.error import URLError

from recbole.utils.url import decide_download, download_url, extract_zip, rename_atomic_files

from recbole_slmrec.data.download import DownloadError
from recbole_slmrec.data.files import whole_folder
from recbole_slmrec.processes import parallel


class Fetched:
    """Mixed in before RecBole's data sets.

    RecBole fills the folder of a data set while it fetches it, so that one that is cut short is taken
    for whole from then on; and it waits for other processes where there are none, which fails.
    """

    def _download(self):
        if self.config["local_rank"] == 0:
            self._fetch(self._get_download_url("url"), Path(self.dataset_path))
        parallel.wait()

    def _fetch(self, url: str, folder: Path) -> None:
        self.logger.info(f"Prepare to download dataset [{self.dataset_name}] from [{url}].")
        try:
            if not decide_download(url):
                raise DownloadError(
                    f"the data set [{self.dataset_name}] is not downloaded, as you wish"
                )
            with whole_folder(folder) as partial:
                path = download_url(url, str(partial))
                extract_zip(path, str(partial))
                os.unlink(path)
                base_name = os.path.splitext(os.path.basename(path))[0]
                rename_atomic_files(str(partial), base_name, self.dataset_name)
        except URLError as error:
            raise DownloadError(
                f"{url} cannot be fetched: {error.reason}. There are two ways to get the data set "
                f"[{self.dataset_name}]: run this again with a connection, or put its atomic files "
                f"into {folder}"
            ) from error
