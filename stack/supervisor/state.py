"""What the supervisor tells everybody else, in one file of the home."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from runfold.infra.settings.recorded import Recorded
from runfold.stack.processes.process import started_at

STARTING, READY, FAILED, STOPPING, STOPPED = "starting", "ready", "failed", "stopping", "stopped"


@dataclass(frozen=True, slots=True)
class MemberState:
    """One process: its pid while it lives, how often it was started again, and why it is not up.

    ``state`` is starting, running, waiting (to be started again), done, failed, stopping or
    stopped. ``settings`` are those that it was started with, if they are known.
    """

    name: str
    state: str
    pid: int | None = None
    started: int | None = None
    since: float = 0.0
    restarts: int = 0
    reason: str = ""
    metrics_port: int | None = None
    metrics_address: str = ""
    settings: Recorded | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Restart:
    """The newest order to restart parts: those that are not up again yet, and why it failed."""

    id: str
    left: tuple[str, ...] = ()
    failure: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """The supervisor, the addresses and the members; times in seconds since the epoch.

    ``stops_within`` is the longest that a stop can take, in seconds; ``key`` belongs to the record
    of settings.
    """

    phase: str
    pid: int
    started: int | None
    since: float
    detail: str = ""
    bootstrap_servers: str = ""
    database_url: str = field(default="", repr=False)
    partitions: int = 0
    deployment: str = ""
    stops_within: float = 0.0
    restart: Restart | None = None
    key: str = field(default="", repr=False)
    members: tuple[MemberState, ...] = ()

    @property
    def is_alive(self) -> bool:
        """Whether the supervisor that wrote this lives."""
        return self.started is not None and started_at(self.pid) == self.started


def write(file: Path, state: State) -> None:
    """Replace the file at once; it holds a password, so only the owner may read it."""
    new = file.with_suffix(".new")
    new.touch(mode=0o600)
    fields = asdict(state)
    if not state.deployment:
        # An earlier release, which a stack may go back to, knows no such field.
        del fields["deployment"]
    new.write_text(json.dumps(fields))
    new.replace(file)


def read(file: Path) -> State | None:
    """Return the last state written, or None where there is none."""
    try:
        fields = json.loads(file.read_text())
    except (FileNotFoundError, ValueError):
        return None
    members = tuple(MemberState(**member) for member in fields.pop("members"))
    restart = fields.pop("restart", None)
    return State(
        **fields,
        members=members,
        restart=Restart(**{**restart, "left": tuple(restart["left"])}) if restart else None,
    )
