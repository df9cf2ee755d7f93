"""Whether a process is alive and does its work, for probes over HTTP.

``/health/live`` answers 200 as long as the process can answer at all: one that is stuck ends
itself (exit code 70), and one whose interpreter is held does not answer. ``/health/ready`` answers
200 from the moment the process does its work until a signal ends it, 503 before and after. Both
say in the body what parts of the process report: the calls under way, modules that fail.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Phase = Literal["starting", "ready", "stopping"]

LIVE = "/health/live"
READY = "/health/ready"

Report = Callable[[], Mapping[str, object]]
"""Says something of a process as JSON; called from the port's threads."""


@dataclass(slots=True)
class Health:
    """The phase that one process is in; set by its main thread, read by the port's."""

    process: str
    phase: Phase = "starting"
    reports: dict[str, Report] = field(default_factory=dict)

    def answer(self, path: str) -> tuple[int, bytes] | None:
        """Return the HTTP status and the JSON body for a path, None if it is not of health."""
        match path.rstrip("/"):
            case "/health/live":
                status = 200
            case "/health/ready":
                status = 200 if self.phase == "ready" else 503
            case _:
                return None
        said = {name: report() for name, report in self.reports.copy().items()}
        return status, json.dumps({"process": self.process, "phase": self.phase, **said}).encode()
