"""Worlds: rounds in which much waits, or what is around the product changes, and nothing may fail.

Each has runs, tools and faults of its own; the faults of the other rounds would hide what it shows.
"""

from __future__ import annotations

from tests.system.torture.faults.plan import LOAD, PEOPLE, PROJECTOR, RUNS, TOOLS, Fault
from tests.system.torture.faults.trouble import Trouble
from tests.system.torture.simulation import governed
from tests.system.torture.simulation.tenants import PRICES
from tests.system.torture.surfaces.worlds import REACHED, UNREACHED

OUTAGE = Trouble(
    "Postgres is away for longer than every retry",
    (
        Fault(5.0, "burst", "once", "20"),
        Fault(5.2, "burst", "trying", "20"),
        Fault(5.4, "away", "postgres", seconds=8.0),
    ),
    seconds=16.0,
    shapes="once,trying,parallel",
    settle_s=90.0,
)
"""Two tries within a second are all that ``once`` and ``trying`` have."""

UNPROVIDED = Trouble(
    "a provider is away for longer than every retry",
    (
        Fault(2.0, "away", "provider", seconds=30.0),
        Fault(3.0, "burst", "provided", "60"),
    ),
    seconds=34.0,
    shapes="provided",
    runs_per_s=2.0,
    # The circuit stays open for half a minute, and one call tries whether it may be closed.
    settle_s=150.0,
)

NEIGHBOURS = Trouble(
    "a slow tool with a long queue beside a quick one",
    (Fault(20.0, "burst", "slow", "60"),),
    seconds=40.0,
    shapes="quick",
    runs_per_s=6.0,
    settle_s=90.0,
    # So short a backlog that 60 calls would fill it.
    env={"RUNFOLD_POOL_BACKLOG": "24"},
)

REGRETS = Trouble(
    "runs are cancelled whose calls are queued",
    (Fault(3.0, "burst", "regretted", "40"), Fault(3.0, "burst", "withdrawn", "40")),
    seconds=14.0,
    shapes="regretted,withdrawn",
    runs_per_s=4.0,
    late_s=6.0,
    settle_s=90.0,
)

RESTORED = Trouble(
    "the database of a while ago is put back, and all work comes again",
    (Fault(8.0, "snapshot"), Fault(16.0, "restore")),
    seconds=34.0,
    shapes="straight,told,parallel",
    settle_s=90.0,
)

CLOCKS = Trouble(
    "the clock is set two hours ahead and back, and behind and back",
    (Fault(4.0, "clock", RUNS, seconds=7200.0), Fault(18.0, "clock", RUNS, seconds=-7200.0)),
    seconds=32.0,
    shapes="timed,retries,approved",
    settle_s=60.0,
)
"""Each lasts ten seconds. ``timed`` may last ten minutes."""

DEPLOYED = Trouble(
    "every process is replaced while calls are under way",
    (Fault(5.0, "deploy", TOOLS), Fault(20.0, "deploy", RUNS), Fault(30.0, "deploy", TOOLS)),
    seconds=42.0,
    shapes="lasting,straight,approved",
    runs_per_s=3.0,
    settle_s=60.0,
)

SHARED = Trouble(
    "another deployment is started on the same topics",
    (Fault(5.0, "stranger"),),
    seconds=16.0,
    shapes="straight,parallel,approved",
    settle_s=60.0,
)

TIGHT = Trouble(
    "tenants with tight budgets, runs beyond them, switches on live runs, and deaths",
    (
        Fault(2.0, "burst", "admitted", "45"),
        Fault(13.0, "kill", RUNS),
        Fault(14.0, "burst", "switched", "24"),
        Fault(19.0, "switch", "tool/world.queue", seconds=2.5),
        Fault(21.0, "kill", TOOLS),
        Fault(22.0, "kill", RUNS),
        Fault(24.0, "burst", "switched", "12"),
        Fault(27.0, "switch", "agent/torture-switched", seconds=2.5),
        Fault(28.0, "kill", RUNS),
        Fault(29.0, "burst", "admitted", "30"),
        Fault(31.0, "kill", PROJECTOR),
        Fault(33.0, "switch", "tenant/tight-2", seconds=2.0),
        Fault(35.0, "failpoint", RUNS, "lane.after_produce:20"),
        Fault(37.0, "kill", TOOLS),
        Fault(39.0, "kill", RUNS),
    ),
    seconds=42.0,
    shapes="admitted,switched",
    runs_per_s=2.0,
    again=0.5,
    settle_s=150.0,
    env={"RUNFOLD_PRICES": PRICES},
)
"""Money for about half of the runs; what is said again has the headers that it had."""

RULED = Trouble(
    "people, policies, switches and budgets, and the death of every process",
    (
        Fault(2.0, "burst", "governed", "20"),
        Fault(3.0, "burst", "steered", "20"),
        Fault(6.0, "kill", RUNS),
        Fault(8.0, "switch", "tool/world.send", seconds=2.5),
        Fault(9.0, "kill", TOOLS),
        Fault(9.5, "kill", RUNS),
        Fault(12.0, "kill", PEOPLE),
        Fault(14.0, "revoke", "tool/world.send", seconds=3.0),
        Fault(15.0, "kill", RUNS),
        Fault(16.0, "kill", TOOLS),
        Fault(19.0, "switch", "model/scripted:torture-governed", seconds=2.0),
        Fault(20.0, "kill", RUNS),
        Fault(22.0, "burst", "steered", "15"),
        Fault(23.0, "failpoint", RUNS, "lane.after_produce:20"),
        Fault(24.0, "kill", PROJECTOR),
        Fault(26.0, "switch", "agent/torture-steered", seconds=2.0),
        Fault(27.0, "kill", RUNS),
        Fault(30.0, "broker", "0", "KILL"),
        Fault(34.0, "postgres", "postgres", "postmaster"),
        Fault(38.0, "burst", "governed", "15"),
        Fault(40.0, "revoke", "model/scripted:torture-steered", seconds=2.0),
        Fault(41.0, "kill", RUNS),
        Fault(43.0, "failpoint", RUNS, "lane.after_commit:15"),
        Fault(44.0, "kill", LOAD),
        Fault(46.0, "switch", "tenant/ruled-1", seconds=2.0),
        Fault(47.0, "kill", TOOLS),
        Fault(48.0, "kill", RUNS),
        Fault(50.0, "failpoint", RUNS, "lane.after_adopt:15"),
        Fault(52.0, "kill", PEOPLE),
        Fault(53.0, "kill", RUNS),
    ),
    seconds=56.0,
    shapes="governed,steered",
    runs_per_s=2.0,
    again=0.5,
    late_s=2.0,
    settle_s=150.0,
    env={"RUNFOLD_PRICES": governed.PRICES},
)
"""Every call needs its permit of the moment, its persons and its money; all of these change."""

RULED_SHORT = Trouble(
    "people, policies, switches and budgets in a short round",
    (
        Fault(1.0, "burst", "governed", "20"),
        Fault(1.0, "burst", "steered", "20"),
        Fault(4.0, "switch", "tool/world.send", seconds=2.5),
        Fault(6.0, "kill", RUNS),
        Fault(8.0, "switch", "model/scripted:torture-governed", seconds=2.0),
        Fault(9.0, "burst", "governed", "15"),
        Fault(9.0, "burst", "steered", "15"),
        Fault(10.5, "kill", TOOLS),
        Fault(11.5, "revoke", "tool/world.send", seconds=2.0),
        Fault(14.0, "kill", PEOPLE),
        Fault(15.0, "switch", "tool/world.send", seconds=2.5),
        Fault(16.0, "kill", RUNS),
        Fault(18.0, "switch", "model/scripted:torture-governed", seconds=2.0),
        Fault(20.0, "revoke", "model/scripted:torture-steered", seconds=2.0),
        Fault(21.0, "kill", PROJECTOR),
    ),
    seconds=24.0,
    shapes="governed,steered",
    runs_per_s=2.0,
    again=0.5,
    late_s=1.5,
    settle_s=90.0,
    env={"RUNFOLD_PRICES": governed.PRICES},
)
"""For mutants; ``TOGETHER`` has the same load for every test run."""

TOGETHER = Trouble(
    "most of the worlds in one short round",
    (
        Fault(2.0, "stranger"),
        Fault(3.0, "burst", "regretted", "15"),
        Fault(3.0, "burst", "withdrawn", "15"),
        Fault(3.0, "burst", "governed", "12"),
        Fault(3.0, "burst", "steered", "12"),
        Fault(5.0, "deploy", TOOLS),
        Fault(5.5, "switch", "tool/world.send", seconds=4.0),
        Fault(8.0, "burst", "once", "8"),
        Fault(8.0, "burst", "trying", "8"),
        Fault(8.2, "clock", RUNS, seconds=7200.0),
        Fault(9.0, "kill", TOOLS),
        Fault(10.0, "revoke", "tool/world.send", seconds=6.0),
        Fault(12.0, "away", "postgres", seconds=5.0),
        Fault(15.0, "kill", PEOPLE),
        Fault(16.0, "kill", PROJECTOR),
    ),
    seconds=18.0,
    shapes="lasting,once,trying,timed,governed,steered",
    runs_per_s=2.0,
    late_s=3.0,
    settle_s=120.0,
    env={"RUNFOLD_PRICES": governed.PRICES},
)
"""For every test run; the others need more time to themselves. Another deployment comes first:
while Postgres is away, nobody can see whose topics they are. No run processor dies here: one that
starts while its clock is ahead believes it."""

WORLDS = (
    OUTAGE,
    UNPROVIDED,
    NEIGHBOURS,
    REGRETS,
    RESTORED,
    CLOCKS,
    DEPLOYED,
    SHARED,
    TIGHT,
    RULED,
    REACHED,
    UNREACHED,
)
