"""What a training step frees is kept for the next one."""

from __future__ import annotations

import ctypes
import os
import sys

# mallopt's parameters, from glibc's malloc.h, and what they are set to.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
_NEVER, _AT_ONCE, _NO_MAPS = 2**31 - 1, 2**26, 0


def keep_freed_memory() -> None:
    """Has glibc keep what is freed; nothing where there is another library, or the user set it up.

    Each step takes and frees tables of tens of MiB. By default glibc gives such memory back to the
    system and has it mapped anew, page by page and zeroed: with large data sets a third of a step.
    """
    if any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ):
        return
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if not hasattr(libc, "gnu_get_libc_version"):
        return
    libc.mallopt(_MMAP_MAX, _NO_MAPS)
    libc.mallopt(_TRIM_THRESHOLD, _NEVER)
    libc.mallopt(_TOP_PAD, _AT_ONCE)
