"""A measurement in a process of its own."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from time import perf_counter
from typing import Any, Callable


def in_own_process(function: Callable, *arguments: Any) -> tuple[Any, float]:
    """What ``function`` gives in a new Python process, and the seconds from its launch to its end.

    The seconds hold the interpreter's start and all imports.
    """
    start = perf_counter()
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        result = pool.submit(function, *arguments).result()
    return result, perf_counter() - start
