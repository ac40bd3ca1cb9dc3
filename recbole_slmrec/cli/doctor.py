"""``doctor``: checks of the installation and of a data set, and a remedy for each problem."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import Sequence

from recbole_slmrec.doctor.data_set import check_data_set
from recbole_slmrec.doctor.installation import check_installation


def main(arguments: Sequence[str], program: str) -> int:
    """Prints a line for each check; the status is 1 if there is any problem."""
    parser = argparse.ArgumentParser(
        prog=program,
        description="Check the installation and, if one is named, a data set. Each check is one "
        "line, and each problem says what to do; the exit status is 1 if there is any.",
        epilog=f"example: {program} tiktok",
    )
    parser.add_argument("name", nargs="?", help="name of a data set, such as tiktok")
    parser.add_argument(
        "--data_path", type=Path, default=Path("dataset"), help="where data sets lie (dataset)"
    )
    flags = parser.parse_args(arguments)
    # RecBole's Config would read the flags as settings, and its data set would warn in between.
    sys.argv = [program]
    logging.getLogger().setLevel(logging.ERROR)
    n_problems = _print_all(check_installation())
    if flags.name:
        n_problems += _print_all(check_data_set(flags.name, flags.data_path))
    print(f"{n_problems or 'no'} problem{'' if n_problems == 1 else 's'} found")
    return int(n_problems > 0)


def _print_all(findings) -> int:
    n_problems = 0
    for finding in findings:
        # YAML's messages have several lines.
        text = " ".join(finding.text.split())
        print(f"{'ok' if finding.ok else 'problem':<8} {text}", flush=True)
        n_problems += not finding.ok
    return n_problems
