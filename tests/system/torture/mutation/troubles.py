"""Short, fixed troubles: each shows one kind of mistake, and the product as it is bears all."""

from __future__ import annotations

from tests.system.torture.faults.plan import PROJECTOR, RUNS, TOOLS, Fault
from tests.system.torture.faults.trouble import Trouble


def _every(kind: str, target: str, seconds: float, *details: str) -> tuple[Fault, ...]:
    return tuple(
        Fault(2.5 + number * seconds, kind, target, detail) for number, detail in enumerate(details)
    )


NOISE = Trouble("everything again and again", again=0.75, seconds=20.0)
KILLED_RUNS = Trouble(
    "the run processor dies again and again",
    _every("kill", RUNS, 3.0, *[""] * 5),
    seconds=18.0,
    late_s=5.0,
    engine={"hint_every": 0.3},
)
FORGETFUL = Trouble(
    "the run processor dies while retries are due and calls are out",
    _every("failpoint", RUNS, 3.0, *(f"lane.after_adopt:{count}" for count in (40, 30, 20, 10, 5))),
    seconds=18.0,
    runs_per_s=8.0,
    shapes="retries,parallel",
)
REPEATED = Trouble(
    "requests come again after deaths",
    _every("kill", RUNS, 4.0, *[""] * 4),
    seconds=22.0,
    again=0.75,
    shapes="straight,told",
    runs_per_s=10.0,
)
POISONED = Trouble(
    "poison, and deaths after it", _every("kill", RUNS, 2.0, *[""] * 5), poisoned=0.3
)
PARKED = Trouble(
    "deaths while parked runs wake",
    _every("kill", RUNS, 2.5, *[""] * 5),
    seconds=17.0,
    late_s=6.0,
    engine={"park_after": 0.5},
    shapes="twofold",
)
HELD = Trouble(
    "decisions that are written and not yet committed, and deaths meanwhile",
    tuple(
        fault
        for at in (9.0, 14.0, 19.0, 24.0)
        for fault in (
            Fault(at, "proxy", "broker", "hold Produce", 2.0),
            # Both owners die: whatever is out of their hands by now is decided anew, later.
            Fault(at + 1.4, "kill", RUNS),
            Fault(at + 1.45, "kill", RUNS),
        )
    ),
    seconds=28.0,
    # A lane shows its mistake by its first batch behind the hold only: each must have work.
    runs_per_s=20.0,
    shapes="busy,told,parallel",
    settle_s=60.0,
)
AMBIGUOUS = Trouble(
    "commits whose answer never comes in time",
    tuple(Fault(at, "proxy", "broker", "hold EndTxn", 2.0) for at in (2.5, 6.0, 9.5)),
    engine={"commit_timeout": 0.7},
)
LATE = Trouble(
    "commits that arrive after the death of their sender",
    tuple(
        fault
        for at in (8.0, 18.0)
        for fault in (
            Fault(at, "proxy", "broker", "late EndTxn", 4.5),
            Fault(at + 0.5, "kill", RUNS),
        )
    ),
    seconds=28.0,
)
ZOMBIE = Trouble(
    "an owner frozen in the middle, replaced, and woken",
    tuple(Fault(at, "zombie", RUNS, seconds=2.5) for at in (3.0, 9.0)),
    seconds=20.0,
)
KILLED_TOOLS = Trouble(
    "the pool dies at each of its steps",
    _every(
        "failpoint",
        TOOLS,
        2.5,
        "tool.after_run:4",
        "tool.before_finish:3",
        "tool.after_run:6",
        "pool.after_handle:4",
        "tool.before_finish:5",
    )
    + tuple(Fault(at, "kill", TOOLS) for at in (15.5, 17.5, 19.0)),
    seconds=20.0,
    settle_s=30.0,
)
KILLED_POOL = Trouble(
    "the pool dies at any moment while it has much to do",
    _every("kill", TOOLS, 1.6, *[""] * 9),
    seconds=20.0,
    settle_s=30.0,
    shapes="parallel,straight",
    runs_per_s=15.0,
)
KILLED_PROJECTOR = Trouble(
    "the projector dies between position and rows",
    _every(
        "failpoint",
        PROJECTOR,
        2.5,
        "projector.after_positions:2",
        "projector.after_positions:3",
        "projector.before_commit:2",
    ),
)
ZOMBIE_PROJECTOR = Trouble(
    "a projector frozen, replaced, and woken",
    tuple(Fault(at, "zombie", PROJECTOR, seconds=2.5) for at in (2.5, 5.5, 9.0)),
    seconds=16.0,
)
