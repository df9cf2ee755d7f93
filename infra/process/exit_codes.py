"""How every process of Runfold ends: the one table of exit codes; docs/exit-codes.md shows it."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class ExitCode(IntEnum):
    """What the end of a process means to a supervisor.

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


class End(NamedTuple):
    """Which processes end so, what it means, and what helps."""

    of: str
    meaning: str
    todo: str


ENDS: dict[ExitCode, End] = {
    ExitCode.TOLD_TO_END: End("all", "told to end, or done", "nothing"),
    ExitCode.CANNOT_GO_ON: End(
        "all", "a server is away, or something broke: the log says why", "start it again"
    ),
    ExitCode.WRONG_SETTINGS: End(
        "all",
        "a setting here, or at Kafka or Postgres, is missing or wrong: one sentence says which",
        "change it; to start it again as it is helps nothing",
    ),
    ExitCode.OVERTAKEN: End(
        "projector, delivery",
        "another of its kind took over its partitions",
        "run one for each partition",
    ),
    ExitCode.STUCK: End(
        "run processor, pools, projector, delivery",
        "it is stuck, or a bug ended a lane",
        "start it again",
    ),
    ExitCode.FENCED: End(
        "run processor",
        "another process owns the same fixed partitions",
        "give each process partitions of its own",
    ),
    ExitCode.STALLED: End(
        "run processor, pools, projector, delivery",
        "a consumer stalled, nothing due is sent, or a topic is another one than before",
        "start it again",
    ),
}
"""Each end of a process."""


class CommandExit(IntEnum):
    """How `runfold` ends. 0 to 6 are a run's own codes [5]; from 64 on they follow sysexits.h."""

    OK = 0
    NO = 1
    REFUSED_RUN = 2
    LIMIT = 3
    MODEL = 4
    CANCELLED = 5
    UNDECIDABLE = 6
    USAGE = 64
    BAD_INPUT = 65
    NOT_FOUND = 66
    UNAVAILABLE = 69
    INTERNAL = 70
    IO_ERROR = 74
    TRY_AGAIN = 75
    INTERRUPTED = 130


MEANINGS: dict[CommandExit, str] = {
    CommandExit.OK: "done; the run succeeded",
    CommandExit.NO: "no: the agent gave up, a control was ignored, an audit or check found a fault",
    CommandExit.REFUSED_RUN: "the run was refused, or its agent was withdrawn",
    CommandExit.LIMIT: "the run met one of its limits, or a brake stopped it",
    CommandExit.MODEL: "the model, or a tool that is needed, could not be reached or used",
    CommandExit.CANCELLED: "the run was cancelled",
    CommandExit.UNDECIDABLE: "a command of the run could not be decided: a fault of Runfold",
    CommandExit.USAGE: "the command line cannot be understood",
    CommandExit.BAD_INPUT: "what was given cannot be accepted: a manifest, a schema, a goal",
    CommandExit.NOT_FOUND: "there is no such run, call, file or view",
    CommandExit.UNAVAILABLE: (
        "Kafka, Postgres or another server is not there or cannot be used as it is set, or a part "
        "of the stack is down, or a module of tools cannot be imported"
    ),
    CommandExit.INTERNAL: "a bug in Runfold",
    CommandExit.IO_ERROR: "a file cannot be read or written, or the disk is full",
    CommandExit.TRY_AGAIN: "not yet: the run still lives, or the effect was not seen in time",
    CommandExit.INTERRUPTED: "interrupted by Ctrl-C",
}
"""What each exit code of a command says."""
