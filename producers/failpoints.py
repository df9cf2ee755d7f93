"""Places where a test may kill the process, to see what comes back."""

from __future__ import annotations

import os
import signal
from itertools import count


def _armed() -> tuple[str, int]:
    name, _, hit = os.environ.get("RUNFOLD_FAILPOINT", "").partition(":")
    return name, int(hit or "1")


_NAME, _HIT = _armed()
_hits = count(1)


def failpoint(name: str) -> None:
    """Kill this process with SIGKILL at the n-th hit of ``RUNFOLD_FAILPOINT=name[:n]``."""
    if name == _NAME and next(_hits) == _HIT:
        os.kill(os.getpid(), signal.SIGKILL)
