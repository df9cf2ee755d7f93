"""How every process of Runfold ends: the one table of exit codes."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What an end means to a supervisor; docs/operations.md lists the same.

    A process that is started again after 1, 70, 71 or 72 may succeed; after 2 it will not, before
    somebody changes a setting.
    """

    TOLD_TO_END = 0
    CANNOT_GO_ON = 1
    WRONG_SETTINGS = 2
    OVERTAKEN = 3
    STUCK = 70
    FENCED = 71
    STALLED = 72
