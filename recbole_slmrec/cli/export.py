"""``export``: vectors, ids and an index of the items, for another program to serve."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Sequence

from recbole_slmrec import report
from recbole_slmrec.cli import parse_with_settings
from recbole_slmrec.data.files import named_by
from recbole_slmrec.export.folder import check_export, export
from recbole_slmrec.export.index import INDEXES
from recbole_slmrec.export.vectors import DTYPES


def main(arguments: Sequence[str], program: str) -> int:
    """Writes the folder, and checks the index if asked to."""
    parser = argparse.ArgumentParser(
        prog=program,
        description="Write the vectors of users and items: a score is their inner product.",
        epilog="Settings are flags too, such as --data_path=DIR or --use_gpu=False.",
        allow_abbrev=False,
    )
    parser.add_argument("--checkpoint", required=True, help="a file that a run or refit has saved")
    parser.add_argument("--output", type=Path, required=True, help="the folder")
    parser.add_argument("--dtype", choices=DTYPES, default=DTYPES[0], help="of the vectors")
    parser.add_argument("--index", choices=INDEXES, help="a FAISS index of the items (none)")
    parser.add_argument(
        "--check", action="store_true", help="compare the index with the exact ranking"
    )
    parser.add_argument("--k", type=int, default=10, help="K of the check (10)")
    parser.add_argument("--force", action="store_true", help="replace a folder that is there")
    flags, settings = parse_with_settings(parser, arguments)
    if flags.check and not flags.index:
        parser.error("--check compares an index: choose one with --index")
    sys.argv = [program, *settings]
    with named_by("--output"):
        export(flags.checkpoint, flags.output, flags.dtype, flags.index, flags.force)
    if flags.check:
        found = check_export(flags.output, flags.k)
        rows = [
            [flags.index, found.recall, f"{found.queries_per_second:,.0f}"],
            ["exact", 1.0, f"{found.exact_queries_per_second:,.0f}"],
        ]
        print(report.table(["search", f"recall@{flags.k}", "queries per second"], rows))
    print(f"Vectors: {flags.output}")
    return 0
