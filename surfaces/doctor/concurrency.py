"""What a bound of executions comes to where several processes keep it, each for itself."""

from __future__ import annotations

from collections.abc import Iterator

from runfold.events.calls.kinds import TOOL
from runfold.events.definitions import State, ToolContract
from runfold.events.values import Placement
from runfold.surfaces.application.governing.definitions import read_definitions
from runfold.surfaces.doctor.deployment import Deployment
from runfold.surfaces.doctor.finding import Finding, note


def check(deployment: Deployment) -> Iterator[Finding]:
    """Find live tools whose ``max_concurrency`` is kept by more than one pool process."""
    members = deployment.log.members_of(TOOL.group)
    if members > 1:
        for each in read_definitions(deployment.reader):
            if each.state is State.ACTIVE and isinstance(each.definition, ToolContract):
                yield from _several(each.definition, members)


def _several(tool: ToolContract, members: int) -> Iterator[Finding]:
    most = tool.max_concurrency
    shared = tool.max_concurrency_total
    if most is not None and shared is None and tool.placement is Placement.POOL:
        yield note(
            "pools",
            f"tool {tool.name}@{tool.version} has max_concurrency {most}, which each process keeps "
            f"for itself: the {members} of {TOOL.group} may run {members * most} at a time",
            "say max_concurrency_total where the bound is meant for all of them",
        )
