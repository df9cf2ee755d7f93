"""Evidence by safety level: what retention by class must not destroy yet [92].

A run is evidence of the calls that it made. For each of their levels its contents are kept for so
many days after its end: those of ``LEVELS``, or those of the tenant's policy in force.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from runfold.events.definitions import TenantPolicy
from runfold.events.definitions.levels import LEVELS
from runfold.events.definitions.tenancy.tenant_policy import IN_FORCE, evidence_days
from runfold.events.definitions.tenancy.tenants import WrappedKey
from runfold.producers.log.port import LogReader
from runfold.projections.queries.operating import evidence_of
from runfold.projections.queries.scope import Views
from runfold.surfaces.application.governing.definitions import read_definitions

_LATE = timedelta(hours=1)
"""How long a process may go on with a key that another has followed."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a key may not be destroyed yet: calls of a level, and until when."""

    level: int
    until: datetime

    def __str__(self) -> str:
        """Return it in words."""
        return (
            f"calls of level {self.level} ({LEVELS[self.level].name}) until {self.until:%Y-%m-%d}"
        )


def demanded_by(reader: LogReader, tenant: str) -> tuple[int, ...]:
    """Return by level for how many days a tenant keeps evidence at least."""
    found = read_definitions(reader).resolve("tenant_policy", IN_FORCE, None, tenant)
    return evidence_days(found.definition(TenantPolicy))


def evidence_under(
    views: Views, key: WrappedKey, superseded: datetime, demanded: Sequence[int]
) -> Evidence | None:
    """Return the evidence that a data key holds for the longest, None where it holds none.

    The general key seals artifacts and results of claims of every class.
    """
    levels = evidence_of(views, key.made_at, superseded + _LATE, key.data_class or None)
    # A level that this release does not know is no lower than the highest that it knows.
    known = [(min(level, len(demanded) - 1), ended) for level, ended in levels.items()]
    held = [
        Evidence(level, ended + timedelta(days=demanded[level]))
        for level, ended in known
        if demanded[level]
    ]
    return max(held, key=lambda each: each.until, default=None)
