"""Alerts, dead letters and audits as they are shown."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from runfold.surfaces.application.shapes.base import SHAPE, Shape
from runfold.surfaces.application.shapes.runs import Approval


class Alert(Shape):
    """What the monitor raised about a subject; ``open`` while its condition holds.

    ``value`` and ``threshold`` are in the rule's own unit, ``run_ids`` runs that prove it, the
    newest first. ``waits_for`` is what these wait for, with all that is needed to decide.
    """

    shape: Literal[2] = SHAPE
    alert_id: str
    open: bool
    severity: str
    rule: str
    subject: str
    summary: str
    value: str
    threshold: str
    window_ms: int
    raised_at: datetime
    cleared_at: datetime | None
    cleared_because: str | None
    run_ids: tuple[str, ...]
    waits_for: tuple[Approval, ...]


class DeadLetter(Shape):
    """An input that could not be used; ``no`` counts from the oldest and never changes."""

    shape: Literal[2] = SHAPE
    no: int
    time: datetime
    place: str
    code: str
    reason: str
    size: int
    key: str | None


class DeadLetterHeader(Shape):
    """A header of a dead letter; what is not UTF-8 in ``value`` is replaced."""

    key: str
    value: str | None


class DeadLetterDetail(DeadLetter):
    """A dead letter with its headers and its bytes; None where it has no bytes."""

    headers: tuple[DeadLetterHeader, ...]
    value_base64: str | None


class ReadOnRecord(Shape):
    """A read: when, by which login of Postgres, and what the command said of itself.

    ``claimed`` is the tenant and user of its token; ``tenant`` and ``run_id`` are empty for a read
    across tenants, and for one that is not of a run.
    """

    shape: Literal[2] = SHAPE
    at: datetime
    login: str
    os_user: str
    host: str
    token_id: str
    claimed: str
    tenant: str
    run_id: str
    what: str
    purpose: str


class AuditFault(Shape):
    """Something that is not as it must be: in which run, after which event, of what kind."""

    run_id: str
    seq: int
    kind: str
    reason: str


class AuditReport(Shape):
    """What reading the journal itself found: how much was read, and every fault.

    ``probes`` of the ``runs`` are those by which Runfold sees that runs complete. ``tenants`` are
    those that have a journal of their own; a fault of one names it in ``run_id``. ``erased`` counts
    the runs whose contents were erased, ``unreadable`` those whose key is lost: their chains were
    verified, their decisions could not be made again.
    """

    shape: Literal[2] = SHAPE
    sound: bool
    runs: int
    probes: int
    ended: int
    events: int
    decisions: int
    faults: tuple[AuditFault, ...]
    tenants: int = 0
    erased: int = 0
    unreadable: int = 0
