"""Retention by class: contents that are older than declared can be read by nobody any more.

A data key seals the contents of a while. When the next one has followed, and that is longer ago
than the class is kept, the key is destroyed, and with it every copy of what it sealed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from runfold.events.definitions.tenancy.tenants import WrappedKey
from runfold.projections.queries.operating import oldest_live_run
from runfold.projections.queries.scope import TenantViews
from runfold.surfaces.application.errors import InvalidError
from runfold.surfaces.application.governing.erasing import Beside, Step, rebuilt
from runfold.surfaces.application.governing.evidence import (
    Evidence,
    demanded_by,
    evidence_under,
)
from runfold.surfaces.application.governing.sealing import CLASSES, Keeping, superseded

GENERAL = "general"
"""How the key is called that seals what has no key of its own."""

_SHARE = 10
"""A class's key is followed by the next after this part of the time that it is kept."""

_LEAST = timedelta(days=1)
_LONGEST_DAYS = 36_500
_DAYS = re.compile("[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Kept:
    """How long the contents of each class are kept; ``""`` is what the general key seals."""

    of: Mapping[str, timedelta]

    @classmethod
    def read(cls, texts: list[str]) -> Kept:
        """Read ``class=days``; raises InvalidError."""
        found: dict[str, timedelta] = {}
        for text in texts:
            name, _, days = text.partition("=")
            name = "" if name == GENERAL else name
            whole = bool(_DAYS.fullmatch(days)) and 1 <= int(days) <= _LONGEST_DAYS
            if (name and name not in CLASSES) or not whole or name in found:
                raise InvalidError(
                    f"{text!r} says no time: write CLASS=DAYS once for each of {GENERAL}, "
                    f"{', '.join(CLASSES)}, with 1 to {_LONGEST_DAYS} days."
                )
            found[name] = timedelta(days=int(days))
        if not found:
            raise InvalidError(f"Say how long what is kept, such as --keep {GENERAL}=365.")
        return cls(found)


def retain(
    keeping: Keeping, tenant: str, kept: Kept, connection: Connection, beside: Beside
) -> Iterator[Step]:
    """Destroy what is older than declared and yield each step; to be done daily.

    A run that has not ended keeps what was sealed since it began, and one that is evidence what was
    sealed while it went on. Raises InvalidError for a tenant that is held or was never sealed.
    """
    known, now = keeping.known(), keeping.clock()
    keeping.need_no_hold(tenant)
    if known.sealing_key(tenant) is None:
        raise InvalidError(f"Tenant {tenant} is not sealed: `runfold tenant seal {tenant}`.")
    for data_class, span in kept.of.items():
        key = known.sealing_key(tenant, data_class)
        assert key is not None
        if key.data_class != data_class or now - key.made_at >= max(span / _SHARE, _LEAST):
            name = keeping.seal(tenant, data_class)
            yield Step("keys", f"{name} seals {data_class or GENERAL} from now on")
    before = {data_class: now - span for data_class, span in kept.of.items()}
    views = TenantViews(connection, tenant)
    oldest = oldest_live_run(views)
    if oldest is not None:
        before = {data_class: min(at, oldest) for data_class, at in before.items()}
    demanded = demanded_by(keeping.reader, tenant)
    spared: list[Evidence] = []

    def is_evidence(key: WrappedKey, until: datetime) -> bool:
        held = evidence_under(views, key, until, demanded)
        if held is not None and held.until > now:
            spared.append(held)
            return True
        return False

    done = keeping.retire(tenant, before, is_evidence)
    if spared:
        longest = max(spared, key=lambda each: each.until)
        yield Step("evidence", f"{len(spared)} keys are kept for {longest}")
    yield Step("keys", f"{len(done.keys)} destroyed", done.left)
    if done.keys:
        yield rebuilt(beside)
    waiting = len(superseded(keeping.known(), tenant))
    yield Step("keys", f"{waiting} older ones are still kept")
