"""What was used, as the views tell it to a review."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from runfold.projections.queries import Views
from runfold.projections.queries.access import rules_used, runs_started, tools_used


@dataclass(frozen=True, slots=True)
class Used:
    """How often something was used since the review's beginning, and when last of all."""

    times: int = 0
    last: datetime | None = None


UNUSED = Used()


@dataclass(frozen=True, slots=True)
class Usage:
    """Use by tenant, and then agent and tool, user and agent, or rule."""

    tools: Mapping[tuple[str, str, str], Used] = field(default_factory=dict)
    starts: Mapping[tuple[str, str, str], Used] = field(default_factory=dict)
    rules: Mapping[tuple[str, str], Used] = field(default_factory=dict)

    @property
    def tenants(self) -> set[str]:
        """The tenants that had runs."""
        return {tenant for tenant, _, _ in self.starts}

    def of_agent(self, tenant: str, agent: str) -> Used:
        """Return the runs of an agent, whoever asked for them."""
        found = [used for (t, _, a), used in self.starts.items() if (t, a) == (tenant, agent)]
        last = max((used.last for used in found if used.last is not None), default=None)
        return Used(sum(used.times for used in found), last)


def usage_of(views: Views, since: datetime) -> Usage:
    """Return what was used in the scope of the views."""
    return Usage(
        tools={
            (row["tenant_id"], row["agent"], row["tool_name"]): Used(row["calls"], row["last_used"])
            for row in tools_used(views, since)
        },
        starts={
            (row["tenant_id"], row["user_id"], row["agent"]): Used(row["runs"], row["last_run"])
            for row in runs_started(views, since)
        },
        rules={
            (row["tenant_id"], row["rule"]): Used(row["decisions"], row["last_used"])
            for row in rules_used(views, since)
        },
    )
