"""Starts the program that serves a module."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
from dataclasses import dataclass

from runfold.processors.tool.children.refusals import no_process
from runfold.processors.tool.children.settings import ChildSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Started:
    """A process that was started, its channel, and the end of the pipe that it writes to."""

    process: subprocess.Popen[bytes]
    channel: socket.socket
    output: int


def start(module: str, settings: ChildSettings, *, worker: bool = False) -> Started:
    """Start the program that serves a module; blocks for a moment.

    The system kills it when the thread ends that started it, so that must be the loop's own.
    """
    ours, theirs = socket.socketpair()
    read, write = os.pipe()
    with theirs:
        try:
            process = subprocess.Popen(
                settings.command(module, theirs.fileno(), worker=worker),
                stdin=subprocess.DEVNULL,
                stdout=write,
                stderr=write,
                env=settings.environment(),
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            os.close(read)
            raise no_process(module, str(error.strerror)) from error
        finally:
            os.close(write)
    extra = {"pid": os.getpid(), "child": process.pid}
    log.info("a process was started for %s", module, extra=extra)
    return Started(process, ours, read)
