"""Rounds in which runs are asked for through the surfaces, and these are killed and frozen."""

from __future__ import annotations

from tests.system.torture.faults.plan import DELIVERY, GATEWAY, PROJECTOR, RUNS, TOOLS, Fault
from tests.system.torture.faults.trouble import Trouble

_SHAPES = "approved,meddled,straight"

REACHED_SHORT = Trouble(
    "runs are asked for over HTTP, and gateways and deliverers die, in a short round",
    (
        Fault(2.0, "kill", GATEWAY),
        Fault(3.0, "kill", DELIVERY),
        Fault(4.0, "freeze", GATEWAY, seconds=6.0),
        Fault(5.0, "kill", RUNS),
        Fault(6.0, "kill", GATEWAY),
        Fault(7.0, "away", "postgres", seconds=3.0),
        Fault(9.0, "failpoint", DELIVERY, "delivery.after_answer:5"),
        Fault(11.0, "kill", GATEWAY),
        Fault(11.5, "kill", GATEWAY),
    ),
    seconds=13.0,
    shapes=_SHAPES,
    runs_per_s=0.5,
    calls_per_s=4.0,
    late_s=3.0,
    settle_s=120.0,
)
"""For every test run."""
