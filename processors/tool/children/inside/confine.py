"""What bounds a process of tools: its memory, and that it does not outlive its parent.

It is no sandbox. A tool has the rights of its user, sees that user's files, and may use the
network; ``RUNFOLD_TOOL_USER`` gives it a user with fewer rights.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_OOM_SCORE = 500


def die_with(parent: int) -> None:
    """Be killed when the parent ends, and end at once if it has."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def become(user: str) -> None:
    """Be another user for good, with that user's own group and no other.

    Nothing of the module was imported yet. What the system holds of the user's processes stays
    readable to them, as it is after any other start.
    """
    account = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    os.environ.update(HOME=account.pw_dir, USER=user, LOGNAME=user)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)


def need_little() -> None:
    """Write no core dump, which would hold secrets, and be the first to go if memory runs out."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(_OOM_SCORE), encoding="ascii")
