"""What the figures depend on: the machine and the versions."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

import torch

# What matrix products and this package's kernels can make use of.
_FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
_CPU_INFO = Path("/proc/cpuinfo")
_HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def machine() -> dict[str, str]:
    """The machine in general terms."""
    return {
        "system": f"{platform.system()}, {platform.machine()}",
        "cores": str(os.cpu_count()),
        "threads": str(torch.get_num_threads()),
        "torch's kernels": torch.backends.cpu.get_cpu_capability(),
        "the CPU has": ", ".join(_instructions()) or "unknown",
        "huge pages": _huge_pages(),
    }


def _instructions() -> list[str]:
    if not _CPU_INFO.is_file():
        return []
    known = set(_CPU_INFO.read_text(encoding="utf-8").split())
    return [flag for flag in _FLAGS if flag in known]


def _huge_pages() -> str:
    """Whether PyTorch asks for them, and what the kernel does: always, madvise (on request) or never."""
    if not _HUGE_PAGES.is_file():
        return "none"
    asked = os.environ["THP_MEM_ALLOC_ENABLE"] == "1"
    policy = re.search(r"\[(\w+)\]", _HUGE_PAGES.read_text(encoding="utf-8"))[1]
    return f"{'asked for' if asked else 'not asked for'}, {policy}"
