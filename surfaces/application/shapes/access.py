"""What calls of a tool ask for, and the review of who can do what."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from runfold.surfaces.application.shapes.base import SHAPE, Shape


class ToolTerms(Shape):
    """What calls of a tool by an agent ask for, and why, one reason a line.

    ``persons`` is how many must approve at the most, and ``persons_least`` at the least, 0 for
    none; ``permit`` whether a policy must permit.
    """

    shape: Literal[2] = SHAPE
    agent: str
    tool: str
    version: str
    level: int
    level_name: str
    approval: bool
    persons: int
    dry_run: bool
    claim: bool
    permit: bool
    logged: str
    kept: str
    why: tuple[str, ...]
    persons_least: int = 0


class ToolAccess(Shape):
    """Whether an agent may call a tool: ``yes``, ``no``, ``depends``; how often it did.

    ``calls`` counts those that began, since the review's beginning; ``last_used`` is the last of
    all that the views have.
    """

    tenant: str
    agent: str
    version: str
    tool: str
    level: int
    answer: str
    approval: bool
    policies: tuple[str, ...]
    reason: str
    calls: int
    last_used: datetime | None
    findings: tuple[str, ...]


class StartAccess(Shape):
    """Whether somebody who started runs of an agent may start one now, and how often they did."""

    tenant: str
    user: str
    agent: str
    answer: str
    policies: tuple[str, ...]
    runs: int
    last_run: datetime
    findings: tuple[str, ...]


class AgentAccess(Shape):
    """An agent, and when it last ran."""

    tenant: str
    agent: str
    version: str
    tools: int
    runs: int
    last_run: datetime | None
    findings: tuple[str, ...]


class RuleAccess(Shape):
    """A rule that is in force, and how many decisions it was behind."""

    tenant: str
    rule: str
    policy: str
    effect: str
    actions: tuple[str, ...]
    decisions: int
    last_used: datetime | None
    findings: tuple[str, ...]


class SwitchAccess(Shape):
    """A kill switch that stops something, who threw it, and why."""

    tenant: str | None
    kind: str
    name: str
    reason: str
    thrown_by: str
    thrown_at: datetime | None
    findings: tuple[str, ...]


class AccessReview(Shape):
    """Who can do what since a moment, as definitions and policies are now.

    ``complete`` is False where more pairs of agents and tools are there than were looked at.
    """

    shape: Literal[2] = SHAPE
    since: datetime
    reviewed_at: datetime
    definitions: int
    tenants: tuple[str, ...]
    complete: bool
    findings: int
    tools: tuple[ToolAccess, ...]
    starts: tuple[StartAccess, ...]
    agents: tuple[AgentAccess, ...]
    rules: tuple[RuleAccess, ...]
    switches: tuple[SwitchAccess, ...]
