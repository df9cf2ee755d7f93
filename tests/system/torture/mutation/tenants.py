"""Mistakes about tenants' money and about kill switches, and the troubles that show them."""

from __future__ import annotations

from tests.system.torture.faults.plan import RUNS, Fault
from tests.system.torture.faults.trouble import Trouble
from tests.system.torture.mutation.mutant import Edit, Mutant
from tests.system.torture.simulation.tenants import PRICES

_ENV = {"RUNFOLD_PRICES": PRICES}

BOOKED = Trouble(
    "runs beyond tight budgets, said again and again, and deaths",
    (
        Fault(1.0, "burst", "admitted", "45"),
        Fault(15.0, "kill", RUNS),
        Fault(16.0, "kill", RUNS),
    ),
    seconds=26.0,
    shapes="admitted",
    runs_per_s=0.5,
    again=0.7,
    settle_s=150.0,
    env=_ENV,
)

SWITCHED = Trouble(
    "switches are thrown while calls queue and models think",
    (
        Fault(1.0, "burst", "switched", "30"),
        Fault(13.0, "switch", "tool/world.queue", seconds=3.0),
        Fault(17.0, "switch", "agent/torture-switched", seconds=3.0),
    ),
    seconds=22.0,
    shapes="switched",
    runs_per_s=1.0,
    settle_s=150.0,
    env=_ENV,
)

_BOOKS = "processors/tenant/books.py"
_WITHDRAWN = "processors/run/policy/withdrawn.py"

OF_TENANTS = (
    Mutant(
        "what a run used is not booked",
        BOOKED,
        (Edit(_BOOKS, "_books(draft, asks, used) if asks else ()", "()"),),
    ),
    Mutant(
        "a run is booked in another period than that of its return",
        BOOKED,
        (
            Edit(
                "processors/tenant/use.py",
                "start, held = began(key.period, self._now), self._books.get(key)",
                'start, held = began("hour", self._now), self._books.get(key)',
            ),
        ),
    ),
    Mutant(
        "what was set aside is never released",
        BOOKED,
        (
            Edit(
                "processors/tenant/evolve.py",
                "running={key: each for key, each in state.running.items() if key != run_id}",
                "running=dict(state.running)",
            ),
        ),
    ),
    Mutant(
        "nothing is set aside for a run that was admitted",
        BOOKED,
        (
            Edit(
                "processors/tenant/counting.py",
                "        for each in admission.reserved:\n",
                "        for each in ():\n",
            ),
        ),
    ),
    Mutant(
        "a message that was taken is taken again",
        BOOKED,
        (
            Edit(
                "processors/engine/core/outbox.py",
                "        return Arrival.REPEAT, range(0)\n",
                "        return Arrival.NEXT, range(0)\n",
            ),
        ),
    ),
    Mutant(
        "a lane forgets which messages it took",
        BOOKED,
        (
            Edit(
                "processors/engine/core/progress.py",
                "        found += _numbers(_FROM, self.heard)\n",
                "",
            ),
        ),
    ),
    Mutant(
        "whoever is admitted out of the queue is not told",
        BOOKED,
        (
            Edit(
                "processors/tenant/aggregate.py",
                "            verdict=t.Verdict.GRANTED,\n            reserved=",
                "            verdict=t.Verdict.GRANTED if not fact.waited_ms"
                " else t.Verdict.QUEUED,\n            reserved=",
            ),
        ),
    ),
    Mutant(
        "a pool's question does not look at switches",
        SWITCHED,
        (
            Edit(
                "processors/run/agent/calls/beginnings.py",
                "        if reason := withdrawn_tool(draft, call.tool):\n",
                "        if (reason := withdrawn_tool(draft, call.tool)) and not call.pooled:\n",
            ),
        ),
    ),
    Mutant(
        "a model is called though its agent is stopped",
        SWITCHED,
        (
            Edit(
                _WITHDRAWN,
                '(stopped := _stopped(draft, "tenant", "agent", "model"))',
                '(stopped := _stopped(draft, "tenant", "model"))',
            ),
        ),
    ),
)
