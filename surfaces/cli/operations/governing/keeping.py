"""Questions before a tenant's contents are sealed, held or exported: is everything as it seems?"""

from __future__ import annotations

from runfold.events import topics
from runfold.events.run import Event
from runfold.infra.settings.declared.variables import KEYS
from runfold.stack.settings import Settings
from runfold.surfaces.application.errors import InvalidError, NotFoundError
from runfold.surfaces.cli.context import Context


def need_keys_in_parts(settings: Settings) -> None:
    """Raise InvalidError where parts of the stack that runs here have other keys, or none.

    What they cannot unwrap they wait for, and with it a whole lane, other tenants' runs too.
    """
    from runfold.stack import control
    from runfold.stack.restarting import changed
    from runfold.surfaces.processes import PROCESSES

    known = control.status(settings)
    found = changed(settings, known, PROCESSES) if known is not None else ()
    parts = sorted({part for each in found if each.change.name == KEYS.name for part in each.parts})
    if parts:
        raise InvalidError(
            f"{KEYS.name} is not what {', '.join(parts)} of this stack run with: what is sealed "
            "now would wait there, and others' runs behind it. Say `runfold restart` first."
        )


def need_known(context: Context, tenant: str) -> None:
    """Raise NotFoundError where nothing is on record of a tenant."""
    if not is_known(context, tenant):
        raise NotFoundError(
            f"Nothing is on record of a tenant {tenant}: no run, no definition, no key. "
            "`runfold costs --by tenant` lists the tenants that had runs."
        )


def is_known(context: Context, tenant: str) -> bool:
    """Return whether any run or definition on the log names a tenant."""
    from runfold.events.definitions import StoreRecord

    for each in context.reader.read(topics.REGISTRY):
        record = each.record
        # A hold names whom it is to protect, and that alone makes nobody known.
        if isinstance(record, StoreRecord) and record.tenant == tenant and not _holds(record):
            return True
    return any(
        isinstance(each.record, Event) and each.record.meta.tenant_id == tenant
        for each in context.reader.read(topics.EVENTS)
    )


def _holds(record: object) -> bool:
    from runfold.events.definitions import TenantHeld

    return isinstance(record, TenantHeld)
