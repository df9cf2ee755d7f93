"""What is on this machine: the processes of its stack, and room on its disk."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from textwrap import shorten

from runfold.stack.supervisor.state import READY
from runfold.surfaces.doctor.deployment import Deployment, Limits
from runfold.surfaces.doctor.finding import Finding, note, ok, span, warning, wrong

_RECENT_S = 600.0


def check_processes(deployment: Deployment) -> Iterator[Finding]:
    """Find processes of the stack that are not up, or were started again lately."""
    known = deployment.known
    if known is None:
        yield note("processes", "no stack runs in this home: processes run elsewhere, or nowhere")
        return
    if known.phase != READY:
        yield wrong("processes", f"the stack is {known.phase}: {known.detail}", "`runfold status`")
    for member in known.members:
        since = time.time() - member.since
        if member.state not in {"running", "done"}:
            yield wrong(
                "processes",
                f"{member.name} is {member.state}: {_short(member.reason)}",
                f"read {deployment.home / 'logs' / member.name}.log; start it again with "
                "`runfold down` and `runfold up`",
            )
        elif member.restarts and since < _RECENT_S:
            yield warning(
                "processes",
                f"{member.name} was started again {span(since)} ago: {_short(member.reason)}",
                f"read {deployment.home / 'logs' / member.name}.log",
            )
    up = sum(member.state == "running" for member in known.members)
    yield ok("processes", f"{up} processes of the stack are up")


def _short(reason: str) -> str:
    return shorten(reason, 160, placeholder=" …") or "no reason known"


def check_disk(deployment: Deployment) -> Iterator[Finding]:
    """Find a disk that is full, or soon will be."""
    place = deployment.home
    while not place.exists():
        place = place.parent
    yield room(place, shutil.disk_usage(place).free, deployment.limits)


def room(place: Path, free: int, limits: Limits) -> Finding:
    """Return what so many free bytes mean."""
    what = f"{free / 1e9:.1f} GB are free at {place}"
    todo = "make room, or move RUNFOLD_HOME: without room neither Kafka nor Postgres can write"
    if free < limits.disk_wrong_bytes:
        return wrong("disk", what, todo)
    return warning("disk", what, todo) if free < limits.disk_low_bytes else ok("disk", what)
