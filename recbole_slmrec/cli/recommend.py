"""``recommend``: the best items of each user, from a checkpoint into a file."""

from __future__ import annotations

import argparse
import sys
from logging import getLogger
from pathlib import Path
from typing import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
from tqdm import tqdm

from recbole_slmrec.data.files import check_folder
from recbole_slmrec.recommend import Recommender
from recbole_slmrec.recommend.ids import Ids
from recbole_slmrec.recommend.output import check, write
from recbole_slmrec.recommend.pairs import Pairs
from recbole_slmrec.recommend.plot import draw_shares
from recbole_slmrec.recommend.read import read_ids, read_pairs
from recbole_slmrec.recommend.recommender import EXCLUSIONS

_EPILOG = """
examples:
  {program} --checkpoint=saved/SLMRec-....pth --output=recs.csv
  {program} --checkpoint=saved/SLMRec-....pth --users=196,186 --k=20 --output=recs.jsonl
  {program} --checkpoint=saved/SLMRec-....pth --users=196 --output=recs.csv --why --why-plot=why.png

settings are flags too, as --key=value, such as --data_path=DIR or --use_gpu=False.
"""


def main(arguments: Sequence[str], program: str) -> int:
    """Writes the recommendations."""
    parser = _parser(program)
    flags, settings = parser.parse_known_args(arguments)
    for setting in settings:
        if not setting.startswith("--") or "=" not in setting:
            parser.error(f"[{setting}] is not understood: settings are written --key=value")
    # What is left are settings, which RecBole's Config reads there.
    sys.argv = [program, *settings]
    check(flags.output)
    if flags.why_plot:
        check_folder(flags.why_plot)
    recommender = Recommender.load(flags.checkpoint)
    users = _users(flags.users, recommender.users, flags.strict)
    items = recommender.items.all_rows()
    if flags.items:
        items = _known(recommender.items, read_ids(flags.items), flags.strict)
    if flags.why_plot and len(users) != 1:
        raise ValueError(f"--why-plot draws one user, not {len(users):,}: name one with --users")
    excluded = _excluded(flags.exclude, recommender, flags.strict)
    frames = recommender.blocks(users, items, flags.k, excluded)
    if flags.why or flags.why_plot:
        frames = map(recommender.explain, frames)
    if flags.why_plot:
        frames = list(frames)
        draw_shares(frames[0], flags.why_plot)
    n_rows = write(_with_progress(frames, len(users)), flags.output)
    print(f"{n_rows:,} recommendations, {len(users):,} user(s): {flags.output}")
    return 0


def _users(named: str, ids: Ids, strict: bool) -> np.ndarray:
    if named == "all":
        return ids.all_rows()
    if Path(named).is_file():
        return _known(ids, read_ids(Path(named)), strict)
    return _known(ids, named.split(","), strict)


def _known(ids: Ids, named: Iterable[str], strict: bool) -> np.ndarray:
    """The rows of those that the checkpoint knows; the others are told, or fatal."""
    rows, unknown = ids.known(named)
    if unknown:
        _tell(ids.unknown(unknown), strict)
    if not len(rows):
        raise ValueError(f"none of the named {ids.kind}s is left")
    return rows


def _excluded(named: str, recommender: Recommender, strict: bool) -> Pairs | None:
    if named in EXCLUSIONS:
        return recommender.excluded(named)
    pairs = read_pairs(Path(named))
    for side, ids in enumerate((recommender.users, recommender.items)):
        _, unknown = ids.known(pair[side] for pair in pairs)
        if unknown:
            _tell(f"{named} names {ids.unknown(unknown)}", strict)
            unknown = set(unknown)
            pairs = [pair for pair in pairs if pair[side] not in unknown]
    return recommender.excluded(pairs)


def _tell(message: str, strict: bool) -> None:
    if strict:
        raise ValueError(message)
    getLogger().warning(f"{message}; skipped")


def _with_progress(frames: Iterable[pd.DataFrame], n_users: int) -> Iterator[pd.DataFrame]:
    # disable=None: on a terminal only.
    with tqdm(total=n_users, unit=" users", desc="recommend", disable=None) as bar:
        for frame in frames:
            yield frame
            bar.update(frame["user"].nunique())


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        description="Write the best items of each user, in the ids of the data.",
        epilog=_EPILOG.format(program=program),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--checkpoint", required=True, help="a file that a run or refit has saved")
    parser.add_argument(
        "--output", type=Path, required=True, help="the file: .csv, .jsonl or .parquet"
    )
    parser.add_argument("--k", type=int, default=10, help="items for each user, at most (10)")
    parser.add_argument(
        "--users", default="all", help="all, a file with one id a line, or ids with commas (all)"
    )
    parser.add_argument(
        "--items", type=Path, help="a file of the items to choose from, one id a line (all)"
    )
    parser.add_argument(
        "--exclude", default="seen",
        help="seen: what the user has in the data, test interactions too; none; or a file of pairs "
        "of user and item (seen)",
    )  # fmt: skip
    parser.add_argument(
        "--strict", action="store_true", help="fail on unknown users and items, do not skip them"
    )
    parser.add_argument(
        "--why", action="store_true", help="add each modality's share in the score (SLMRec)"
    )
    parser.add_argument(
        "--why-plot", type=Path, metavar="FILE.png", help="draw the shares, for one user"
    )
    return parser
