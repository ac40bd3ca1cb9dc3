"""``recommend``: the best items of each user, from a checkpoint into a file or onto the terminal."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
from tqdm import tqdm

from recbole_slmrec.cli import parse_with_settings
from recbole_slmrec.data.files import check_folder, named_by
from recbole_slmrec.recommend import Recommender
from recbole_slmrec.recommend.ids import Ids
from recbole_slmrec.recommend.named import file_or_list, known_rows, tell
from recbole_slmrec.recommend.output import check, write
from recbole_slmrec.recommend.pairs import Pairs
from recbole_slmrec.recommend.plot import draw_shares
from recbole_slmrec.recommend.read import read_ids, read_pairs
from recbole_slmrec.recommend.recommender import EXCLUSIONS
from recbole_slmrec.recommend.terminal import MOST_USERS, terminal_table

_EPILOG = """
examples:
  {program} --checkpoint=saved/SLMRec-....pth --users=196 --show=movie_title,class
  {program} --checkpoint=saved/SLMRec-....pth --output=recs.csv
  {program} --checkpoint=saved/SLMRec-....pth --users=196,186 --k=20 --output=recs.jsonl
  {program} --checkpoint=saved/SLMRec-....pth --users=196 --output=recs.csv --why --why-plot=why.png
  {program} --checkpoint=saved/SLMRec-....pth --new-items=features/ --items=new --output=recs.csv
  {program} --checkpoint=saved/SLMRec-....pth --new-users=pairs.csv --output=recs.csv

settings are flags too, as --key=value, such as --data_path=DIR or --use_gpu=False.
"""


def main(arguments: Sequence[str], program: str) -> int:
    """Writes the recommendations, or prints those of a few users."""
    parser = _parser(program)
    flags, settings = parse_with_settings(parser, arguments)
    # What is left are settings, which RecBole's Config reads there.
    sys.argv = [program, *settings]
    if flags.output:
        with named_by("--output"):
            check(flags.output)
    if flags.why_plot:
        with named_by("--why-plot"):
            check_folder(flags.why_plot)
    recommender = Recommender.load(flags.checkpoint)
    trained = recommender
    fields = flags.show.split(",") if flags.show else []
    recommender.item_fields.check("--show", fields)
    if flags.new_users:
        recommender = _with_new_users(recommender, flags.new_users, flags.strict)
    if flags.new_items:
        recommender = recommender.with_new_items(flags.new_items)
    users = _users(flags, recommender.users, len(trained.users))
    items = _items(flags, recommender.items, len(trained.items))
    if flags.why_plot and len(users) != 1:
        raise ValueError(f"--why-plot draws one user, not {len(users):,}: name one with --users")
    excluded = _excluded(flags.exclude, recommender, flags.strict)
    n_users = len(users)
    if not flags.output:
        users = users[:MOST_USERS]
    frames = recommender.blocks(users, items, flags.k, excluded)
    if flags.why or flags.why_plot:
        frames = map(recommender.explain, frames)
    if fields:
        frames = (recommender.show(frame, fields) for frame in frames)
    if flags.why_plot:
        frames = list(frames)
        with named_by("--why-plot"):
            draw_shares(frames[0], flags.why_plot)
    if not flags.output:
        _print(pd.concat(frames, ignore_index=True), n_users)
        return 0
    with named_by("--output"):
        n_rows = write(_with_progress(frames, len(users)), flags.output)
    print(f"{n_rows:,} recommendations, {len(users):,} user(s): {flags.output}")
    return 0


def _print(recommendations: pd.DataFrame, n_users: int) -> None:
    print(terminal_table(recommendations))
    if n_users > MOST_USERS:
        print(
            f"\nThe first {MOST_USERS} of {n_users:,} users: --users names others, and --output=FILE "
            "writes those of all"
        )


def _with_new_users(recommender: Recommender, path: Path, strict: bool) -> Recommender:
    pairs = read_pairs(path)
    _, unknown = recommender.items.known(item for _, item in pairs)
    if unknown:
        tell(f"{path} names {recommender.items.unknown(unknown)}", strict)
    strange = set(unknown)
    left = [pair for pair in pairs if pair[1] not in strange]
    with_items = {user for user, _ in left}
    itemless = list(dict.fromkeys(user for user, _ in pairs if user not in with_items))
    if itemless:
        tell(f"{path} has no known item of {len(itemless):,} user(s): {itemless[0]!r}", strict)
    if not left:
        raise ValueError(f"{path} has no pair of a new user and a known item")
    return recommender.with_new_users(left)


def _users(flags: argparse.Namespace, ids: Ids, n_trained: int) -> np.ndarray:
    named = flags.users or ("new" if flags.new_users else "all")
    if named in ("all", "new"):
        return _all_or_new(named, ids, n_trained)
    return known_rows(ids, file_or_list(named), flags.strict)


def _items(flags: argparse.Namespace, ids: Ids, n_trained: int) -> np.ndarray:
    if flags.items in ("all", "new"):
        return _all_or_new(flags.items, ids, n_trained)
    return known_rows(ids, read_ids(Path(flags.items)), flags.strict)


def _all_or_new(named: str, ids: Ids, n_trained: int) -> np.ndarray:
    rows = ids.all_rows()
    if named == "all":
        return rows
    if len(ids) == n_trained:
        raise ValueError(f"--{ids.kind}s=new needs --new-{ids.kind}s")
    return rows[n_trained:]


def _excluded(named: str, recommender: Recommender, strict: bool) -> Pairs | None:
    if named in EXCLUSIONS:
        return recommender.excluded(named)
    pairs = read_pairs(Path(named))
    for side, ids in enumerate((recommender.users, recommender.items)):
        _, unknown = ids.known(pair[side] for pair in pairs)
        if unknown:
            tell(f"{named} names {ids.unknown(unknown)}", strict)
            strange = set(unknown)
            pairs = [pair for pair in pairs if pair[side] not in strange]
    return recommender.excluded(pairs)


def _with_progress(frames: Iterable[pd.DataFrame], n_users: int) -> Iterator[pd.DataFrame]:
    # disable=None: on a terminal only.
    with tqdm(total=n_users, unit=" users", desc="recommend", disable=None) as bar:
        for frame in frames:
            yield frame
            bar.update(frame["user"].nunique())


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        description="Write or print the best items of each user, in the ids of the data.",
        epilog=_EPILOG.format(program=program),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--checkpoint", required=True, help="a file that a run or refit has saved")
    parser.add_argument(
        "--output", type=Path,
        help="the file: .csv, .jsonl or .parquet (none: a table of up to 20 users is printed)",
    )  # fmt: skip
    parser.add_argument("--k", type=int, default=10, help="items for each user, at most (10)")
    parser.add_argument(
        "--users",
        help="all, new, a file with one id a line, or ids with commas (all; new with --new-users)",
    )
    parser.add_argument(
        "--items", default="all",
        help="the items to choose from: all, new, or a file with one id a line (all)",
    )  # fmt: skip
    parser.add_argument(
        "--new-items", type=Path, metavar="DIR|FILE",
        help="features of items that came after training: files called by their modality, arrays "
        "with ids beside them or tables with a column of items",
    )  # fmt: skip
    parser.add_argument(
        "--new-users", type=Path, metavar="FILE",
        help="pairs of user and item, of users that came after training",
    )  # fmt: skip
    parser.add_argument(
        "--exclude", default="seen",
        help="seen: what the user has in the data, test interactions too; none; or a file of pairs "
        "of user and item (seen)",
    )  # fmt: skip
    parser.add_argument(
        "--strict", action="store_true", help="fail on unknown users and items, do not skip them"
    )
    parser.add_argument(
        "--show", metavar="FIELD,FIELD",
        help="add fields of the items as they stand in the data, such as movie_title,class",
    )  # fmt: skip
    parser.add_argument(
        "--why", action="store_true", help="add each modality's share in the score (SLMRec)"
    )
    parser.add_argument(
        "--why-plot", type=Path, metavar="FILE.png", help="draw the shares, for one user"
    )
    return parser
