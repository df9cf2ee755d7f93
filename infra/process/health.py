"""Whether a process is alive and does its work, for probes over HTTP.

``/health/live`` answers 200 as long as the process can answer at all: one that is stuck ends
itself (exit code 70), and one whose interpreter is held does not answer. ``/health/ready`` answers
200 from the moment the process does its work until a signal ends it, 503 before and after.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

Phase = Literal["starting", "ready", "stopping"]

LIVE = "/health/live"
READY = "/health/ready"


@dataclass(slots=True)
class Health:
    """The phase that one process is in; set by its main thread, read by the port's."""

    process: str
    phase: Phase = "starting"

    def answer(self, path: str) -> tuple[int, bytes] | None:
        """Return the HTTP status and the JSON body for a path, None if it is not of health."""
        match path.rstrip("/"):
            case "/health/live":
                status = 200
            case "/health/ready":
                status = 200 if self.phase == "ready" else 503
            case _:
                return None
        return status, json.dumps({"process": self.process, "phase": self.phase}).encode()
