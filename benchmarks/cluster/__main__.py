"""``python -m benchmarks.cluster``: what larger deployments would do, simulated.

1. this machine, as ``make bench-growth`` measured it: measured beside simulated
2. 10,000 runs a second, sized for it: what happens when less or more is offered
3. the same, with more and more of the runs on one partition

Writes docs/performance/cluster.json and the sections of docs/performance/capacity.md made from it.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks import capacity
from benchmarks.cluster.parts import DECISIONS, Costs
from benchmarks.cluster.world import Plan, World
from benchmarks.growth_page import FOLDER
from benchmarks.sharing import PARTITIONS, costs

LOADS = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
HOT = (1.0, 2.0, 3.0, 5.0)
"""How many times its even share one partition gets."""

_CALL_S = 0.2
_BROKER_CORES = 8
_DATABASE_CORES = 16


def costs_of(measured: Mapping[str, Any]) -> Costs:
    """Return what a machine's figures say that parts cost; raises KeyError without them."""
    rows = measured["sharing"]
    line = costs(rows)
    alone = min(rows, key=lambda row: row["in_flight"])
    alone_ms = 1000 / alone["runs_per_s"] / DECISIONS
    fewest = min(row["transactions"] for row in rows)
    return Costs(**line, alone_ms=alone_ms, events=alone["events"], fewest=fewest)


def checked(measured: Mapping[str, Any], of: Costs, seconds: float) -> list[dict[str, float]]:
    """Return what was measured here beside what the simulation of this machine says."""
    cores = int(measured["cores"])
    plan = Plan(PARTITIONS, 1, 1, cores, 1, 1, 1, cores, together=cores)
    found = []
    for row in measured["sharing"]:
        said = World(plan, of, 0.0).keep_open(int(row["in_flight"]), seconds)
        found.append(
            {
                "in_flight": row["in_flight"],
                "measured": row["runs_per_s"],
                "simulated": round(said.runs_per_s, 1),
                "measured_transactions": row["transactions"],
                "simulated_transactions": round(said.transactions, 2),
            }
        )
    return found


def sized(a_second: float, of: Costs) -> Plan:
    """Return a plan in which no part is busier than it should be, by the costs of full batches."""

    def wanted(milliseconds: float, cores: int = 1) -> int:
        return max(1, math.ceil(a_second * milliseconds / 1000 / capacity.FULL / cores))

    copies = capacity.REPLICAS
    processes = wanted(of.full(of.lanes))
    return Plan(
        partitions=2 ** math.ceil(math.log2(2 * processes)),
        processes=processes,
        brokers=max(copies, wanted(of.full(of.broker) * copies, _BROKER_CORES)),
        broker_cores=_BROKER_CORES,
        copies=copies,
        projectors=wanted(of.full(of.projector)),
        databases=wanted(of.full(of.postgres), _DATABASE_CORES),
        database_cores=_DATABASE_CORES,
    )


def offered(plan: Plan, a_second: float, of: Costs, seconds: float) -> list[dict[str, Any]]:
    """Return what becomes of the plan as less and more than it was sized for is offered."""
    found = []
    for load in LOADS:
        said = World(plan, of, _CALL_S).offer(a_second * load, seconds)
        found.append({"offered": a_second * load, **asdict(said)})
        print(found[-1], flush=True)
    return found


def heated(plan: Plan, a_second: float, of: Costs, seconds: float) -> list[dict[str, Any]]:
    """Return what becomes of one partition that gets more than its share, and of the others."""
    found = []
    for times in HOT:
        # Of what is directed nowhere it gets its even share as well.
        share = (times - 1) / (plan.partitions - 1)
        said = World(plan, of, _CALL_S, share).offer(a_second, seconds)
        found.append({"times": times, "runs": a_second * times / plan.partitions, **asdict(said)})
        print(found[-1], flush=True)
    return found


def main(arguments: Sequence[str]) -> int:
    """Simulate and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=10_000, help="runs a second to size for")
    parser.add_argument("--seconds", type=float, default=8, help="simulated seconds of each load")
    chosen = parser.parse_args(arguments)
    measured = json.loads((FOLDER / "growth.json").read_text())
    of = costs_of(measured)
    plan = sized(chosen.rate, of)
    found = {
        "costs": asdict(of),
        "rate": chosen.rate,
        "checked": checked(measured, of, chosen.seconds),
        "plan": asdict(plan),
        "offered": offered(plan, chosen.rate, of, chosen.seconds),
        "heated": heated(plan, chosen.rate, of, chosen.seconds),
    }
    (FOLDER / "cluster.json").write_text(json.dumps(found, indent=1) + "\n")
    return capacity.main([])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
