"""Seconds of several tasks, taken in turn, again where other programs were in the way."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Callable, Hashable, TypeVar

import psutil
import torch

from benchmarks.device import device, settle

Key = TypeVar("Key", bound=Hashable)

WARM_UP = 2
ATTEMPTS = 3

# A product, and a sum over more memory than caches hold: some ten milliseconds of a CPU.
_PROBE_SIZE, _PROBE_LENGTH = 768, 2**23


@dataclass(frozen=True, order=True)
class Disturbance:
    """How far other programs were in the way of a measurement.

    Attributes:
        others: the time that all other programs were at work, by that of the measurement: in cores.
        drift: how much longer in the median than at its best the probe took, the same work a round.
    """

    others: float = 0.0
    drift: float = 0.0

    @property
    def is_large(self) -> bool:
        return self.others > 0.1 or self.drift > 0.2

    def __str__(self) -> str:
        return (
            f"other programs took {self.others:.2f} cores, and the same work {self.drift:.0%} longer in "
            "the median than at its best"
        )


met: list[Disturbance] = []
"""The disturbance of each measurement so far."""


def medians_in_turn(tasks: dict[Key, Callable[[], None]], rounds: int) -> dict[Key, float]:
    """The median seconds of each task over ``rounds`` rounds, each of which runs every task once.

    Whatever slows the machine for a while slows all tasks alike. Two more rounds come first, to
    warm up, and do not count. On a busy machine all is measured again, and the least disturbed of three
    attempts counts.
    """
    attempts: list[tuple[Disturbance, dict[Key, float]]] = []
    while len(attempts) < ATTEMPTS:
        disturbance, seconds = _attempt(tasks, rounds)
        attempts.append((disturbance, seconds))
        if not disturbance.is_large:
            break
        print(f"  a busy machine, attempt {len(attempts)} of {ATTEMPTS}: {disturbance}", flush=True)
    disturbance, seconds = min(attempts, key=lambda attempt: attempt[0])
    met.append(disturbance)
    return seconds


def quietness() -> str:
    """The worst of what was :data:`met`, in words."""
    if not met:
        return "not watched"
    worst = Disturbance(max(each.others for each in met), max(each.drift for each in met))
    return f"BUSY, the times are not for quoting: {worst}" if worst.is_large else f"at most {worst}"


def _attempt(
    tasks: dict[Key, Callable[[], None]], rounds: int
) -> tuple[Disturbance, dict[Key, float]]:
    seconds: dict[Key, list[float]] = {key: [] for key in tasks}
    probe, probed = _probe(), []
    start, others = perf_counter(), _others()
    for _ in range(WARM_UP + rounds):
        probed.append(_seconds_of(probe))
        for key, task in tasks.items():
            seconds[key].append(_seconds_of(task))
    others = max(_others() - others, 0) / (perf_counter() - start)
    drift = median(probed[WARM_UP:]) / min(probed[WARM_UP:]) - 1
    medians = {key: median(taken[WARM_UP:]) for key, taken in seconds.items()}
    return Disturbance(others, drift), medians


def _seconds_of(task: Callable[[], None]) -> float:
    settle()
    start = perf_counter()
    task()
    settle()
    return perf_counter() - start


def _probe() -> Callable[[], None]:
    square = torch.rand(_PROBE_SIZE, _PROBE_SIZE, device=device())
    long = torch.rand(_PROBE_LENGTH, device=device())

    def run() -> None:
        square @ square
        long.sum()

    return run


def _others() -> float:
    """Processor seconds of the machine that were not this process's or its children's."""
    machine = psutil.cpu_times()
    idle = machine.idle + getattr(machine, "iowait", 0.0)
    # Linux counts a guest's time in that of its user too.
    busy = (
        sum(machine) - idle - getattr(machine, "guest", 0.0) - getattr(machine, "guest_nice", 0.0)
    )
    own = psutil.Process()
    times = [process.cpu_times() for process in (own, *own.children(recursive=True))]
    return busy - sum(each.user + each.system for each in times)
