"""What the figures depend on: the machine and the versions."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch

from benchmarks.device import device

# What matrix products and this package's kernels can make use of.
_FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
_CPU_INFO = Path("/proc/cpuinfo")


def machine() -> dict[str, str]:
    """The machine in general terms."""
    gpu = {"GPU": torch.cuda.get_device_name()} if device().type == "cuda" else {}
    return {
        **gpu,
        "system": f"{platform.system()}, {platform.machine()}",
        "cores": str(os.cpu_count()),
        "threads": str(torch.get_num_threads()),
        "torch's kernels": torch.backends.cpu.get_cpu_capability(),
        "the CPU has": ", ".join(_instructions()) or "unknown",
    }


def _instructions() -> list[str]:
    if not _CPU_INFO.is_file():
        return []
    known = set(_CPU_INFO.read_text(encoding="utf-8").split())
    return [flag for flag in _FLAGS if flag in known]
