"""Processes of one run: how they are started, join one group, leave it and end.

RecBole hard-wires NCCL and CUDA. Here processes run on CPUs (gloo) as well, and none outlives the others.
"""

from __future__ import annotations

import importlib
import os
import signal
import threading
import time
from datetime import timedelta
from tempfile import TemporaryDirectory
from typing import Any, Callable

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

# How long a process waits for the others before it gives up with an error.
_TIMEOUT = timedelta(minutes=10)

# What gloo and NCCL say to a process when another one has gone.
_LOST = (
    *("Connection closed by peer", "Connection reset by peer", "Broken pipe"),
    "remote process exited",
)

# How often a process looks whether the one that has started it is still there.
_LOOKS_S = 0.5


def spawn(run: Callable[..., dict], arguments: dict[str, Any], processes: dict[str, Any]) -> dict:
    """Runs ``run(**arguments)`` in several processes and returns the first one's result.

    Args:
        run: a module's function that takes ``config_dict``.
        arguments: its arguments.
        processes: RecBole's ``nproc`` (here), ``world_size`` (everywhere), ``ip``, ``port`` and
            ``offset`` (rank of the first one here).

    Raises:
        ValueError: what a process raised for the user's input.
        ChildProcessError: if a process died; the others are ended.
        torch.multiprocessing.ProcessRaisedException: for a fault of the program, with its traceback.
    """
    answers = mp.get_context("spawn").SimpleQueue()
    with TemporaryDirectory() as folder:
        meeting = {**processes, "init_method": _meeting_point(processes, folder)}
        each = run, arguments, meeting, answers, os.getpid()
        context = mp.spawn(_work, each, processes["nproc"], join=False)
        try:
            while not context.join():
                pass
        except (mp.ProcessExitedException, mp.ProcessRaisedException):
            _tell_of_the_dead(context.processes)
            if answers.empty():
                raise
        finally:
            for process in context.processes:
                process.terminate()
    answer = None if answers.empty() else answers.get()
    if isinstance(answer, str):
        raise ValueError(answer)
    return answer


def _tell_of_the_dead(processes) -> None:
    """Raises ChildProcessError if one of them was ended from outside; those that lost it raise too."""
    for rank, process in enumerate(processes):
        process.join()
        # Those that PyTorch has ended, because another one is gone, have SIGTERM.
        if process.exitcode not in (0, 1, -signal.SIGTERM):
            how = f"exit status {process.exitcode}"
            if process.exitcode < 0:
                how = signal.Signals(-process.exitcode).name
            raise ChildProcessError(
                f"process {rank} of {len(processes)} died ({how}), so the run has ended. SIGKILL often "
                "comes from a system that lacks memory: use fewer processes, or smaller batches. "
                "--resume goes on from the last checkpoint"
            )


def _meeting_point(processes: dict[str, Any], folder: str) -> str:
    """Where the processes find one another: a file where all are here, which no other run can hold."""
    if processes["world_size"] == processes["nproc"]:
        return f"file://{folder}/processes"
    return f"tcp://{processes['ip']}:{processes['port']}"


def _work(rank: int, run: Callable, arguments: dict, processes: dict, answers, parent: int) -> None:
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    settings = {**(arguments["config_dict"] or {}), **processes, "local_rank": rank}
    torch.set_num_threads(max(torch.get_num_threads() // processes["nproc"], 1))
    try:
        result = run(**{**arguments, "config_dict": settings})
    except (ValueError, OSError, ImportError) as error:
        answers.put(str(error))
        raise
    except RuntimeError as error:
        if any(words in str(error) for words in _LOST):
            answers.put(
                f"process {rank} has lost the others: one of them, here or on another machine, has "
                "ended. --resume goes on from the last checkpoint"
            )
        raise
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()
    if rank == 0:
        answers.put(result)


def _end_with(parent: int) -> None:
    """Ends this process soon after its parent, even where it waits for others: PyTorch's own signal
    is lost on one that has only begun, and passed over by one that waits."""
    while os.getppid() == parent:
        time.sleep(_LOOKS_S)
    os._exit(1)


def join(settings: dict[str, Any]) -> torch.device:
    """Joins the group of processes that ``settings`` describe, and gives this one's device.

    Raises:
        ValueError: if there are CUDA devices, but fewer than processes, or the processes of other
            machines cannot be met.
    """
    rank, n_here = settings["local_rank"], settings["nproc"]
    cuda = torch.cuda.is_available() and settings["use_gpu"]
    # Imported later, as by the first optimiser, it keeps the group as a default of its functions; the
    # group's threads then outlive it, and one that frees a tensor while Python ends aborts the process
    # (PyTorch's issue 190489).
    importlib.import_module("torch.distributed.nn.functional")
    if cuda and torch.cuda.device_count() < n_here:
        raise ValueError(
            f"nproc is {n_here}, but gpu_id [{settings['gpu_id']}] leaves "
            f"{torch.cuda.device_count()} CUDA devices: name one a process, or set use_gpu: False"
        )
    try:
        dist.init_process_group(
            backend="nccl" if cuda else "gloo",
            rank=rank + settings["offset"],
            world_size=settings["world_size"],
            init_method=settings["init_method"],
            timeout=_TIMEOUT,
        )
    except dist.DistNetworkError as error:
        raise ValueError(
            f"the processes cannot meet at {settings['ip']}, port {settings['port']} "
            f"({str(error).splitlines()[0]}): name another port with --port, the same on all machines, "
            "or the first machine's address with --ip"
        ) from None
    if not cuda:
        return torch.device("cpu")
    torch.cuda.set_device(rank)
    return torch.device("cuda", rank)
