"""How much memory a process may take: a bound that the system keeps, where it does."""

from __future__ import annotations

import ctypes
import resource
import sys
from contextlib import suppress
from pathlib import Path

_STATM = Path("/proc/self/statm")
_M_ARENA_MAX = -8
_POOLS = 4


def bound_memory(most_bytes: int) -> None:
    """Let this process take so many bytes of address space beyond what it has now."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = address_space() + most_bytes
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def address_space() -> int:
    """Return how many bytes of address space this process has, 0 where nothing tells."""
    try:
        return int(_STATM.read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def few_pools() -> None:
    """Let threads share pools of memory: each reserves 64 MB of addresses, 8 a core by default."""
    if sys.platform == "linux":
        with suppress(AttributeError):
            # Only glibc has it, and needs it.
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _POOLS)
