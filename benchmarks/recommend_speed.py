"""Users a second for their top-K at a given size, beside the bare product and ``torch.topk``.

``python -m benchmarks.recommend_speed`` takes vectors and interactions at random, in the numbers of
the paper's TikTok, and prints medians, their ratio to the bare work's, and the peak memory.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Callable

import numpy as np
import torch

from benchmarks.memory import peak
from benchmarks.timing import medians_in_turn
from recbole_slmrec import report
from recbole_slmrec.recommend import Recommender
from recbole_slmrec.recommend.ids import Ids
from recbole_slmrec.recommend.output import write
from recbole_slmrec.recommend.pairs import Pairs
from recbole_slmrec.recommend.ranking import block_size, rank
from recbole_slmrec.recommend.scores import VectorScores


def bare(scores: VectorScores, users: torch.Tensor, items: torch.Tensor, k: int) -> None:
    """The product and the top-K alone, in blocks of the same size."""
    columns = scores.items[items].T
    for block in users.split(block_size(scores, items)):
        (scores.users[block] @ columns).topk(k)


def cases(flags) -> dict[str, Callable[[], None]]:
    """What is timed, by name; each a call without arguments."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    scores = VectorScores(
        torch.randn(flags.users + 1, flags.width), torch.randn(flags.items + 1, flags.width)
    )
    users, items = Ids("user", range(flags.users)), Ids("item", range(flags.items))
    pairs = (
        rng.integers(1, flags.users + 1, flags.interactions),
        rng.integers(1, flags.items + 1, flags.interactions),
    )
    seen = Pairs(*pairs, flags.users + 1)
    recommender = Recommender(SimpleNamespace(), scores, users, items, seen)
    rows = users.all_rows(), items.all_rows()
    tensors = tuple(map(torch.from_numpy, rows))

    def into_a_file():
        with TemporaryDirectory() as folder:
            blocks = recommender.blocks(*rows, flags.k, seen)
            write(blocks, Path(folder) / "recs.csv")

    return {
        "product and topk alone": lambda: bare(scores, *tensors, flags.k),
        "nothing excluded": lambda: all(rank(scores, *tensors, flags.k, None)),
        "seen items excluded": lambda: all(rank(scores, *tensors, flags.k, seen)),
        "seen items excluded, into a CSV file": into_a_file,
    }


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=36638, help="(36638)")
    parser.add_argument("--items", type=int, default=71494, help="(71494)")
    parser.add_argument("--interactions", type=int, default=564365, help="(564365)")
    parser.add_argument("--width", type=int, default=64, help="of the vectors (64)")
    parser.add_argument("--k", type=int, default=10, help="(10)")
    parser.add_argument("--rounds", type=int, default=3, help="of each case, taken in turn (3)")
    flags = parser.parse_args()
    timed = cases(flags)
    with torch.inference_mode():
        medians = medians_in_turn(timed, flags.rounds)
    base = next(iter(medians.values()))
    rows = [
        [case, f"{s:.2f}", f"{flags.users / s:,.0f}", f"{s / base:.2f}"]
        for case, s in medians.items()
    ]
    print(report.table(["case", "seconds", "users per second", "over bare"], rows))
    print(f"peak memory: {peak() / 2**20:,.0f} MiB; {torch.get_num_threads()} threads")


if __name__ == "__main__":
    main()
