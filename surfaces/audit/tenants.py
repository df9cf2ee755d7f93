"""Verifying tenants straight from their journal: chain, sequence, every decision made again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from runfold.events import topics
from runfold.events.records.operations import PositionNoted
from runfold.events.run import GENESIS
from runfold.events.tenant import TenantEvent
from runfold.processors.tenant.evolve import evolve
from runfold.processors.tenant.replay import difference
from runfold.processors.tenant.state import Tenant
from runfold.producers.log.port import LogReader
from runfold.surfaces.audit.definitions import DefinitionHistory
from runfold.surfaces.audit.verifier import Fault, Verdict


def verify_tenants(reader: LogReader, history: DefinitionHistory) -> Iterator[Verdict]:
    """Yield what is found of every tenant that has a journal, under ``tenant <id>``."""
    found: dict[str, TenantVerifier] = {}
    for each in reader.read(topics.TENANT_EVENTS):
        if isinstance(each.record, PositionNoted):
            continue
        key = (each.key or b"").decode("utf-8", "replace")
        verifier = found.setdefault(key, TenantVerifier(key, history))
        if isinstance(each.record, TenantEvent) and each.value is not None:
            verifier.take(each.value, each.record)
        else:
            verifier.refuse(f"{each.place} cannot be read as an event")
    for verifier in found.values():
        yield verifier.verdict()


class TenantVerifier:
    """Takes a tenant's events in order; after a break nothing is decided again."""

    def __init__(self, tenant_id: str, history: DefinitionHistory) -> None:
        self._tenant_id = tenant_id
        self._history = history
        self._faults: list[Fault] = []
        self._events = self._decisions = 0
        self._digest = GENESIS
        self._state: Tenant | None = None
        self._open: list[TenantEvent] = []
        self._judges = True

    def take(self, value: bytes, event: TenantEvent) -> None:
        """Check the next event, given with the bytes that are its value."""
        if self._open and self._open[0].meta.cause != event.meta.cause:
            self._close()
        meta, expected = event.meta, self._events + 1
        if meta.tenant_id != self._tenant_id:
            self._fault(meta.seq, "key", f"it names the tenant {meta.tenant_id}")
        if meta.seq != expected:
            self._fault(meta.seq, "sequence", f"it stands where {expected} must follow")
        if meta.prev_hash != self._digest:
            self._fault(meta.seq, "chain", "its prev_hash is not the hash of the event before it")
        self._events += 1
        self._digest = hashlib.sha256(value).digest()
        self._open.append(event)

    def refuse(self, reason: str) -> None:
        """Note a record among the tenant's events that cannot be read as one."""
        self._fault(self._events, "unreadable", reason)

    def verdict(self) -> Verdict:
        """Return what was found; no event is taken after it."""
        self._close()
        name = f"tenant {self._tenant_id}"
        return Verdict(name, self._events, self._decisions, False, tuple(self._faults))

    def _close(self) -> None:
        decision, self._open = self._open, []
        if not decision or not self._judges:
            return
        self._decisions += 1
        first = decision[0].meta
        try:
            differs = difference(self._state, decision, self._history.at(first.definitions))
            for event in decision:
                self._state = evolve(self._state, event.fact, event.meta.time)
        except Exception as error:  # noqa: BLE001 - a forged history may break anything
            differs = f"cannot be decided again: {type(error).__name__}: {error}"
        if differs is not None:
            self._fault(first.seq, "decision", differs)

    def _fault(self, seq: int, kind: str, reason: str) -> None:
        self._faults.append(Fault(seq, kind, f"event {seq}: {reason}"))
        self._judges = False
