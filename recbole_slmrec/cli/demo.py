"""``demo``: SLMRec, LightGCN and EASE on MovieLens-100k, in one table."""

from __future__ import annotations

import argparse
from typing import Sequence

from recbole_slmrec import demo


def main(arguments: Sequence[str], program: str) -> int:
    """Trains the models and prints the table."""
    argparse.ArgumentParser(
        prog=program,
        description="Train SLMRec and RecBole's LightGCN and EASE on MovieLens-100k, which RecBole "
        "carries, and compare them on its test split.",
    ).parse_args(arguments)
    print("\n" + demo.run())
    return 0
