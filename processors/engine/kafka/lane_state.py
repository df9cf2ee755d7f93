"""Where a lane can stand."""

from __future__ import annotations

from enum import Enum


class LaneState(Enum):
    """Where a lane stands."""

    OPENING = "opening"
    RUNNING = "running"
    STOPPED = "stopped"
    FENCED = "fenced"
    BROKEN = "broken"
    CRASHED = "crashed"
