"""Memory that is freed is there for the next step."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

_GLIBC = sys.platform == "linux" and hasattr(ctypes.CDLL(None), "gnu_get_libc_version")
_CODE = """
import resource, torch
from recbole_slmrec.training.memory import keep_freed_memory
keep_freed_memory()
def step():
    tables = [torch.zeros(2**22) + 1 for _ in range(4)], torch.zeros(2**24) + 1
for _ in range(3):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(8):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(**set_by_user: str) -> int:
    kept = {name: text for name, text in os.environ.items() if not name.startswith("MALLOC_")}
    # Small pages alone: how many of an address range Linux makes huge depends on what else runs.
    kept["THP_MEM_ALLOC_ENABLE"] = "0"
    process = subprocess.run(
        [sys.executable, "-c", _CODE],
        env={**kept, **set_by_user}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return int(process.stdout.split()[-1])


@pytest.mark.skipif(not _GLIBC, reason="glibc's own")
def test_steps_take_the_memory_of_those_before_unless_the_user_set_glibc_up():
    # Not none: what is freed is cut up and joined again, and the heap still grows now and then.
    assert 10 * page_faults() < page_faults(MALLOC_MMAP_THRESHOLD_="131072")
