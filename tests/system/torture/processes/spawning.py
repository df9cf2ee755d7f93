"""What a process of a round is started with: its module, its arguments, its environment."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from runfold.infra.process.failpoints import VARIABLE
from runfold.stack.settings import Settings
from tests.system.torture.faults.plan import (
    CALLERS,
    CLASSIC,
    DELIVERY,
    FIXED,
    GATEWAY,
    LOAD,
    PEOPLE,
    PROJECTOR,
    RUNS,
    TOOLS,
)
from tests.system.torture.processes import clocked
from tests.system.torture.processes.keeper import Kept
from tests.system.torture.round import Rules

_NOTING = {LOAD, CALLERS}
"""Those whose own log is what they note."""

_SIMULATION = "tests.system.torture.simulation"


def made(
    name: str,
    number: int,
    partitions: Sequence[int],
    rules: Rules,
    folder: Path,
    settings: Settings,
    through_proxy: str,
    *,
    more: Mapping[str, str],
) -> Kept:
    """Return the process of a kind with that number; it is not started yet.

    ``through_proxy`` is where lanes find the broker, ``more`` its own variables.
    """
    env = _env(name, number, rules, folder, settings)
    if rules.ownership == FIXED:
        env["RUNFOLD_FIXED_PARTITIONS"] = ",".join(map(str, partitions))
    else:
        env |= {"RUNFOLD_OWNERSHIP": "group", "RUNFOLD_GROUP_PROTOCOL": rules.ownership}
    if name == TOOLS:
        env["RUNFOLD_GROUP_PROTOCOL"] = CLASSIC
    if name == RUNS:
        env["KAFKA_BOOTSTRAP_SERVERS"] = through_proxy
    env |= more
    log = folder / f"{name}{'.out' if name in _NOTING else ''}.log"
    arguments = _arguments(name, rules, folder)
    return Kept(name, ("-m", *arguments), env, rules.tree, log, tuple(partitions))


def _env(name: str, number: int, rules: Rules, folder: Path, settings: Settings) -> dict[str, str]:
    through = rules.pooled(settings.database_url)
    reached = settings.at(settings.bootstrap_servers, through)
    return {
        **reached.to_env(),
        **rules.env,
        VARIABLE: "",
        "PYTHONPATH": str(rules.tree / "src"),
        "RUNFOLD_TOOL_MODULES": f"{_SIMULATION}.tools",
        "RUNFOLD_CLAIM_LEASE_S": str(rules.lease_s),
        "RUNFOLD_INSTANCE": f"pool-{number}",
        clocked.VARIABLE: f"{folder}/clock",
        clocked.ENGINE: json.dumps(rules.engine),
    }


def _arguments(name: str, rules: Rules, folder: Path) -> tuple[str, ...]:
    return {
        RUNS: ("tests.system.torture.processes.clocked", "runfold.processors.run"),
        TOOLS: ("runfold.processors.tool",),
        PROJECTOR: ("runfold.projections",),
        PEOPLE: (f"{_SIMULATION}.people", str(folder), rules.seed, str(rules.late_s)),
        LOAD: (
            f"{_SIMULATION}.load",
            str(folder),
            rules.seed,
            str(rules.runs_per_s),
            rules.shapes,
        ),
        GATEWAY: ("tests.system.torture.processes.gateway",),
        DELIVERY: ("runfold.processors.delivery",),
        CALLERS: (
            "tests.system.torture.surfaces.callers",
            str(folder),
            rules.seed,
            str(rules.calls_per_s),
            rules.shapes,
        ),
        "noise": (f"{_SIMULATION}.noise", rules.seed, str(rules.again), str(rules.poisoned)),
    }[name]
