"""A test's own work in several processes of one group, which they join and leave as a run's do."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from recbole_slmrec.processes import group


def in_processes(work: Callable, n: int, folder: Path, *arguments) -> None:
    """Runs ``work(rank, *arguments)`` in ``n`` processes that meet in ``folder``."""
    mp.spawn(_in_group, args=(work, n, str(folder / f"meeting-{n}"), arguments), nprocs=n)


def _in_group(rank: int, work: Callable, n: int, meeting: str, arguments: tuple) -> None:
    torch.set_num_threads(1)
    join(rank, n, meeting)
    work(rank, *arguments)
    dist.destroy_process_group()


def join(rank: int, n: int, meeting: str) -> None:
    """Joins the ``n`` processes that meet at the file ``meeting``."""
    settings = {"local_rank": rank, "nproc": n, "world_size": n, "offset": 0, "use_gpu": False}
    group.join({**settings, "init_method": f"file://{meeting}"})
