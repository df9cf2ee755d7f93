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
    calls_per_s=3.0,
    late_s=3.0,
    settle_s=120.0,
)
"""For every test run."""

REACHED = Trouble(
    "runs are asked for over HTTP, MCP and A2A, and whoever takes part dies",
    (
        Fault(3.0, "kill", GATEWAY),
        Fault(5.0, "kill", DELIVERY),
        Fault(7.0, "freeze", GATEWAY, seconds=7.0),
        Fault(8.0, "kill", RUNS),
        Fault(10.0, "kill", GATEWAY),
        Fault(12.0, "failpoint", DELIVERY, "delivery.before_adding:2"),
        Fault(15.0, "broker", "0", "STOP", 4.0),
        Fault(17.0, "kill", GATEWAY),
        Fault(17.5, "kill", GATEWAY),
        Fault(22.0, "freeze", DELIVERY, seconds=5.0),
        Fault(24.0, "postgres", "postgres", "backend"),
        Fault(25.0, "postgres", "postgres", "connections", 3.0),
        Fault(28.0, "kill", RUNS),
        Fault(30.0, "broker", "0", "KILL"),
        Fault(33.0, "kill", GATEWAY),
        Fault(36.0, "failpoint", DELIVERY, "delivery.after_adding:2"),
        Fault(38.0, "postgres", "postgres", "postmaster"),
        Fault(42.0, "term", GATEWAY),
        Fault(43.0, "kill", TOOLS),
        Fault(44.0, "kill", PROJECTOR),
        Fault(46.0, "freeze", GATEWAY, seconds=8.0),
        Fault(49.0, "kill", RUNS),
        Fault(51.0, "failpoint", DELIVERY, "delivery.after_answer:10"),
        Fault(53.0, "kill", GATEWAY),
    ),
    seconds=56.0,
    shapes=f"{_SHAPES},busy",
    runs_per_s=1.0,
    calls_per_s=5.0,
    again=0.1,
    late_s=3.0,
    settle_s=150.0,
)
"""What is asked for over Kafka goes on beside it."""

UNREACHED = Trouble(
    "Postgres is away, and then Kafka, while runs are asked for over HTTP",
    (
        Fault(4.0, "away", "postgres", seconds=10.0),
        # Longer than the log is waited for.
        Fault(20.0, "broker", "0", "STOP", 40.0),
    ),
    seconds=66.0,
    shapes=_SHAPES,
    runs_per_s=0.5,
    calls_per_s=5.0,
    late_s=3.0,
    settle_s=180.0,
)
"""Nobody dies: whoever asks is told that it may be tried again, within the bound."""

UNSURE = Trouble(
    "gateways die while the broker does not answer them",
    (
        Fault(4.0, "broker", "0", "STOP", 5.0),
        Fault(7.0, "kill", GATEWAY),
        Fault(7.2, "kill", GATEWAY),
        Fault(15.0, "broker", "0", "STOP", 5.0),
        Fault(18.0, "kill", GATEWAY),
        Fault(18.2, "kill", GATEWAY),
    ),
    seconds=26.0,
    shapes=_SHAPES,
    runs_per_s=0.5,
    calls_per_s=8.0,
    late_s=2.0,
    settle_s=90.0,
)
"""For mutants: what was acknowledged too soon is gone, and what is asked for again is in doubt."""
