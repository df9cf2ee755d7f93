"""Tenants as they are shown: who runs, who waits, what is left."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import WithJsonSchema

from runfold.surfaces.application.shapes.base import SHAPE, Shape

Amount = Annotated[Decimal, WithJsonSchema({"type": "number"})]
"""So much of a unit; US dollars where the unit is ``usd``."""


class TenantRun(Shape):
    """A run that a tenant has admitted, or that waits; ``position`` is its place, 1 the next."""

    run_id: str
    user_id: str
    agent: str
    feature: str | None
    since: datetime
    position: int | None = None


class TenantBudget(Shape):
    """A budget of the policy in force for one of its scope, in the period that lasts.

    ``of`` and ``name`` say whose use it counts; ``used`` is of runs that have ended, ``reserved``
    of those that run, ``left`` what a run may still ask for. It begins again at ``ends_at``.
    """

    of: str
    name: str
    unit: str
    period: str
    began_at: datetime
    ends_at: datetime | None
    used: Amount
    reserved: Amount
    left: Amount
    limit: Amount
    soft: Amount | None


class TenantBudgetRow(TenantBudget):
    """A budget of some tenant, as the views have it."""

    shape: Literal[2] = SHAPE
    tenant_id: str


class TenantContents(Shape):
    """How a tenant's contents are kept.

    ``sealed_since`` is when its first data key was made that is not destroyed, None where it is
    not sealed; ``keys`` counts these keys, ``classes`` those classes with a key of their own.
    ``held_since``, ``held_by`` and ``held_for`` are of the legal hold that is on; ``erased_at`` and
    ``erased_by`` of the last time that keys were destroyed.
    """

    sealed_since: datetime | None
    keys: int
    classes: tuple[str, ...]
    held_since: datetime | None = None
    held_by: str | None = None
    held_for: str | None = None
    erased_at: datetime | None = None
    erased_by: str | None = None


class TenantRow(Shape):
    """A tenant whose runs asked to be admitted, as the views have it.

    ``alerts`` counts budgets, of any period, that reached their soft limit.
    """

    shape: Literal[2] = SHAPE
    tenant_id: str
    running: int
    waiting: int
    waiting_since: datetime | None
    refused: int
    returned: int
    alerts: int


class TenantDetail(Shape):
    """What a tenant's own journal says: who runs, who waits, and what its budgets have left.

    ``contents`` is what the registry says of its keys.
    """

    shape: Literal[2] = SHAPE
    tenant: str
    policy: str | None
    running: tuple[TenantRun, ...]
    waiting: tuple[TenantRun, ...]
    budgets: tuple[TenantBudget, ...]
    contents: TenantContents
