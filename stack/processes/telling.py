"""What a process says of itself at its port: its calls, modules that fail, what is left alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any

_SECONDS = 1.0
_MOST_BYTES = 1_000_000
_PATH = "/health/live"


@dataclass(frozen=True, slots=True)
class Fault:
    """A module of tools that a process could not import, and why."""

    module: str
    why: str


@dataclass(frozen=True, slots=True)
class Told:
    """What one process says.

    ``left_s`` is when the last of its calls must have ended, ``unsafe`` how many of them leave a
    doubt if they are cut off, ``drain_s`` how long it waits for them. ``importing`` are modules of
    tools that are not there yet, ``allowed`` those that tools may come from, None where none may.
    ``left_alone`` are kinds and names of what failed so often that it is left alone.
    ``keys`` says why it cannot have a key that it needs, empty where it has them all.
    """

    under_way: int = 0
    left_s: float = 0.0
    unsafe: int = 0
    drain_s: float = 0.0
    importing: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = field(default=())
    allowed: tuple[str, ...] | None = None
    left_alone: tuple[tuple[str, str], ...] = ()
    keys: str = ""


def ask(port: int | None, address: str = "127.0.0.1") -> Told | None:
    """Ask the process that serves a port; None where nobody answers in a second."""
    if port is None:
        return None
    try:
        # Not urllib: what a proxy is for is not on this machine.
        with closing(HTTPConnection(address, port, timeout=_SECONDS)) as connection:
            connection.request("GET", _PATH)
            said = json.loads(connection.getresponse().read(_MOST_BYTES))
        return _told(said)
    except (OSError, HTTPException, ValueError, TypeError, KeyError, AttributeError):
        return None


def _told(said: Mapping[str, Any]) -> Told:
    calls, modules, alone = (said.get(part, {}) for part in ("calls", "modules", "left_alone"))
    return Told(
        under_way=int(calls.get("under_way", 0)),
        left_s=float(calls.get("left_s", 0.0)),
        unsafe=int(calls.get("unsafe", 0)),
        drain_s=float(calls.get("drain_s", 0.0)),
        importing=tuple(map(str, modules.get("importing", ()))),
        faults=tuple(
            Fault(str(each["module"]), str(each["why"])) for each in modules.get("faults", ())
        ),
        allowed=tuple(map(str, modules["allowed"])) if "allowed" in modules else None,
        left_alone=tuple((str(kind), str(name)) for kind, names in alone.items() for name in names),
        keys=str(said.get("keys", {}).get("unavailable", "")),
    )
