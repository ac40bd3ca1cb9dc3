"""``explore``: a page to look at what a checkpoint recommends, or two side by side."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Sequence

from recbole_slmrec.cli import parse_with_settings
from recbole_slmrec.data.files import check_folder, named_by
from recbole_slmrec.explore.data import Wanted, gather
from recbole_slmrec.explore.page import write_page
from recbole_slmrec.explore.users import MOST_USERS

_EPILOG = """
examples:
  {program} --checkpoint=saved/SLMRec-....pth --output=page.html
  {program} --checkpoint=saved/SLMRec-....pth --output=page.html --title=movie_title --show=class,release_year
  {program} --checkpoint=saved/SLMRec-....pth --output=page.html --images=photos/ --sounds=clips/
  {program} --checkpoint=saved/SLMRec-....pth --checkpoint=saved/EASE-....pth --output=page.html --users=196,186

The page is one file: open it in a browser, send it on. Pictures that do not fit in it, and sounds, are
links relative to the page, so that their folders must come along. Settings are flags too, as
--key=value, such as --data_path=DIR or --use_gpu=False.
"""


def main(arguments: Sequence[str], program: str) -> int:
    """Writes the page."""
    parser = _parser(program)
    flags, settings = parse_with_settings(parser, arguments)
    if len(flags.checkpoint) > 2:
        parser.error(f"--checkpoint is given {len(flags.checkpoint)} times: two stand side by side")
    if flags.embed_mb < 0:
        parser.error(f"--embed-mb={flags.embed_mb:g} must be 0 or more")
    sys.argv = [program, *settings]
    with named_by("--output"):
        check_folder(flags.output)
    data = gather(
        Wanted(
            checkpoints=flags.checkpoint,
            page=flags.output,
            users=flags.users,
            k=flags.k,
            title=flags.title,
            show=list(dict.fromkeys(flags.show.split(","))) if flags.show else (),
            images=flags.images,
            sounds=flags.sounds,
            embed_bytes=flags.embed_mb * 1e6,
        )
    )
    with named_by("--output"):
        size = write_page(data, flags.output)
    items = data["items"]
    print(
        f"{flags.output}: {size / 1e6:.1f} MB, {len(data['users']['id']):,} of {data['n']['users']:,} "
        f"users, {len(items['id']):,} of {data['n']['items']:,} items; pictures: "
        f"{items['n_embedded']:,} inside, {items['n_linked']:,} linked; sounds linked: "
        f"{len(items['sound']):,}"
    )
    return 0


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        description="Make a page to look at: what users had, what is recommended to them and why, "
        "which items are alike, and a map of them.",
        epilog=_EPILOG.format(program=program),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--checkpoint", type=Path, required=True, action="append", metavar="FILE",
        help="a file that a run or refit has saved; given twice, the two stand side by side",
    )  # fmt: skip
    parser.add_argument("--output", type=Path, required=True, metavar="FILE.html", help="the page")
    parser.add_argument("--k", type=int, default=10, help="items for each user, at most (10)")
    parser.add_argument(
        "--users", default="sample:200", metavar="WHICH",
        help=f"sample:N, all, a file with one id a line, or ids with commas; {MOST_USERS:,} at most "
        "(sample:200). The numbers on top are of all users, whichever the page shows",
    )  # fmt: skip
    parser.add_argument(
        "--title",
        metavar="FIELD",
        help="the field of the items that they are called by (their ids)",
    )
    parser.add_argument(
        "--show", metavar="FIELD,FIELD",
        help="more fields of the items, to be read and to colour the map by",
    )  # fmt: skip
    parser.add_argument(
        "--images", type=Path, metavar="DIR", help="pictures that are called by their item's id"
    )
    parser.add_argument(
        "--sounds", type=Path, metavar="DIR", help="sound files that are called by their item's id"
    )
    parser.add_argument(
        "--embed-mb", type=float, default=8, metavar="MB",
        help="how much of the page thumbnails may take; what is left is linked (8)",
    )  # fmt: skip
    return parser
