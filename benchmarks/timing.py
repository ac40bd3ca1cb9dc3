"""Seconds of several tasks, taken in turn."""

from __future__ import annotations

from statistics import median
from time import perf_counter
from typing import Callable, Hashable, TypeVar

from benchmarks.device import settle

Key = TypeVar("Key", bound=Hashable)

WARM_UP = 2


def medians_in_turn(tasks: dict[Key, Callable[[], None]], rounds: int) -> dict[Key, float]:
    """The median seconds of each task over ``rounds`` rounds, each of which runs every task once.

    Whatever slows the machine for a while slows all tasks alike. Two more rounds come first, to
    warm up, and do not count.
    """
    seconds: dict[Key, list[float]] = {key: [] for key in tasks}
    for _ in range(WARM_UP + rounds):
        for key, task in tasks.items():
            settle()
            start = perf_counter()
            task()
            settle()
            seconds[key].append(perf_counter() - start)
    return {key: median(taken[WARM_UP:]) for key, taken in seconds.items()}
