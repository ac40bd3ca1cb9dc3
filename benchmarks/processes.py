"""A step of SLMRec-FAC in several processes that hold the tables by columns."""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any, Callable, Iterator
from unittest.mock import patch

import torch
import torch.distributed as dist
from recbole.trainer import Trainer

from benchmarks import shapes, steps
from benchmarks.device import settle
from benchmarks.loaded import quiet
from benchmarks.shapes import Shape
from benchmarks.timing import WARM_UP, medians_in_turn
from recbole_slmrec import quick_start
from recbole_slmrec.config import Config
from recbole_slmrec.processes import parallel, sharding
from recbole_slmrec.training.trainer import get_trainer

COUNTS = (1, 2, 4)
TWO_THREADS = "1, two threads"
FACTORS = (1, 8)

_COLLECTIVES = ("all_reduce", "all_gather", "broadcast", "gather")
# What a process is told to do.
_STEP, _SIZES = "step", "sizes"


def measure(name: str, data_path: Path, rounds: int) -> dict[str, dict[str, float]]:
    """Times steps in turn: of each number of processes, with one thread each, and of one with two.

    Returns:
        By number of processes: ``step``, seconds, and of these ``worked``, those of the busiest process
        on its processor; ``parameters``, ``gradients`` and ``optimiser``, bytes that the first process
        holds; and ``sent``, bytes that it hands to torch.distributed in a step. Of
        :data:`TWO_THREADS`, ``step`` alone. All medians.
    """
    with tempfile.TemporaryDirectory() as folder:
        groups = {n: _Group(n, name, str(data_path), f"file://{folder}/{n}") for n in COUNTS}
        try:
            tasks = {str(n): group.stepping(1) for n, group in groups.items()}
            tasks[TWO_THREADS] = groups[1].stepping(2)
            seconds = medians_in_turn(tasks, rounds)
            others = {str(n): group.sizes() for n, group in groups.items()}
        finally:
            for group in groups.values():
                group.end()
    return {key: {"step": taken, **others.get(key, {})} for key, taken in seconds.items()}


def shares(base: Shape, data_path: Path) -> list[dict[str, int]]:
    """What the first of two processes holds and sends, at each of :data:`FACTORS` times ``base``.

    Returns:
        For each: ``users`` and ``items``, and as :func:`measure` ``parameters``, ``gradients``,
        ``optimiser`` and ``sent``.
    """
    measured = []
    for factor in FACTORS:
        shape = base.times(factor)
        name = shapes.written(shape, data_path)
        with tempfile.TemporaryDirectory() as folder:
            group = _Group(2, name, str(data_path), f"file://{folder}/2")
            try:
                held, *_ = group.told(_SIZES, 1)
            finally:
                group.end()
        measured.append({"users": shape.n_users, "items": shape.n_items, **held})
    return measured


class _Group:
    """Processes that train one model together, a step whenever they are told to."""

    def __init__(self, n: int, name: str, data_path: str, meeting: str):
        context = multiprocessing.get_context("spawn")
        self.pipes, self.processes, self.worked = [], [], []
        for rank in range(n):
            here, there = context.Pipe()
            arguments = rank, n, name, data_path, meeting, there
            self.processes.append(context.Process(target=_work, args=arguments, daemon=True))
            self.processes[-1].start()
            there.close()
            self.pipes.append(here)
        self.answers()

    def answers(self) -> list[Any]:
        return [pipe.recv() for pipe in self.pipes]

    def told(self, what: str, n_threads: int) -> list[Any]:
        for pipe in self.pipes:
            pipe.send((what, n_threads))
        return self.answers()

    def stepping(self, n_threads: int) -> Callable[[], None]:
        """A step to be timed."""

        def step() -> None:
            worked = max(self.told(_STEP, n_threads))
            if n_threads == 1:
                self.worked.append(worked)

        return step

    def sizes(self) -> dict[str, float]:
        """What the first process holds and sends, and the median of the processor's time."""
        return {"worked": median(self.worked[WARM_UP:]), **self.told(_SIZES, 1)[0]}

    def end(self) -> None:
        for process in self.processes:
            process.terminate()
            process.join()


def _work(rank: int, n: int, name: str, data_path: str, meeting: str, pipe) -> None:
    sys.argv = sys.argv[:1]
    own = {"nproc": n, "world_size": n, "local_rank": rank, "offset": 0, "init_method": meeting}
    model, settings = steps.MODELS[steps.FAC]
    settings = {**steps.common_settings(model), **settings, **(own if n > 1 else {})}
    config = Config(model, name, config_dict={**quiet(), "data_path": data_path, **settings})
    sharding.decide(config)
    train_data, *_ = quick_start.load_data(config)
    built = quick_start.build_model(config, train_data)
    trainer = get_trainer(config["MODEL_TYPE"], model)(config, built)
    batches = _full_batches(train_data)
    pipe.send("ready")
    while True:
        what, n_threads = pipe.recv()
        torch.set_num_threads(n_threads)
        pipe.send(_TOLD[what](trainer, next(batches)))


def _timed(trainer: Trainer, batch) -> float:
    """Seconds of a step on this process's processor."""
    start = process_time()
    _step(trainer, batch)
    settle()
    return process_time() - start


def _step(trainer: Trainer, batch) -> None:
    with parallel.as_single_process(trainer.config):
        Trainer._train_epoch(trainer, [batch], 0)


def _full_batches(loader) -> Iterator:
    while True:
        for batch in loader:
            if len(batch) == loader.step:
                yield batch


def _sizes(trainer: Trainer, batch) -> dict[str, int]:
    with counted_messages() as sent:
        _step(trainer, batch)
    parameters = list(trainer.model.parameters())
    states = trainer.optimizer.state.values()
    return {
        "parameters": sum(each.nbytes for each in parameters),
        "gradients": sum(each.grad.nbytes for each in parameters if each.grad is not None),
        "optimiser": sum(value.nbytes for state in states for value in state.values()),
        "sent": sum(sent),
    }


_TOLD = {_STEP: _timed, _SIZES: _sizes}


@contextmanager
def counted_messages() -> Iterator[list[int]]:
    """Within it, a list of the bytes of each tensor that this process hands to torch.distributed."""
    sent: list[int] = []

    def counting(collective: Callable) -> Callable:
        def counted(*arguments, **keywords):
            sent.append(next(each for each in arguments if torch.is_tensor(each)).nbytes)
            return collective(*arguments, **keywords)

        return counted

    counting_ones = {name: counting(getattr(dist, name)) for name in _COLLECTIVES}
    with patch.multiple(dist, **counting_ones):
        yield sent
