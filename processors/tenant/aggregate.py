"""The tenant as the engine sees it: how it behaves, and where it stands on the log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from runfold.events import tenant as t
from runfold.events import topics
from runfold.events.base import Fact, Record
from runfold.events.border import fault_of
from runfold.events.definitions import Definitions
from runfold.events.trusted import trusted
from runfold.events.values import Actor, ActorKind
from runfold.processors.engine.aggregate import Aggregate, Command, Send, Work
from runfold.processors.engine.spec import AggregateSpec, AggregateTopics
from runfold.processors.tenant.decide import conclude, decide, next_timer
from runfold.processors.tenant.evolve import evolve
from runfold.processors.tenant.metrics import measure
from runfold.processors.tenant.state import Tenant

_TENANT = Actor(kind=ActorKind.SYSTEM, id="tenant-processor")


def _actor(_fact: Fact, _command: Command, _state: Tenant) -> Actor:
    return _TENANT


def _no_work(*_: object) -> Sequence[Work]:
    return ()


_make_meta = trusted(t.TenantMeta)


def _meta(  # noqa: PLR0913, PLR0917 - an event has so much meta
    key: str,
    seq: int,
    tenant_id: str,  # noqa: ARG001 - it is the key
    time: datetime,
    status: object,
    cause: str,
    actor: Actor,
    traceparent: str,
    prev_hash: bytes,
    definitions: int,
) -> t.TenantMeta:
    return _make_meta(
        tenant_id=key,
        seq=seq,
        time=time,
        status=status,  # type: ignore[arg-type] # a tenant's state shows a TenantStatus
        cause=cause,
        actor=actor,
        traceparent=traceparent,
        prev_hash=prev_hash,
        definitions=definitions,
    )


def _key_of(record: Record) -> str:
    return str(getattr(record, "tenant_id", ""))


def _screen(record: Record, _appended_at: datetime) -> str | None:
    fault = fault_of(record)
    return f"{fault.code}: {fault.reason}" if fault else None


def _begins(_record: Record) -> bool:
    return True


def _not_live(_record: Record, _key: str) -> str | None:
    return None


def _lacks(_record: Record, _definitions: Definitions) -> bool:
    return False


def _parked(tenant_id: str, values: tuple[bytes, ...]) -> t.ParkedTenant:
    return t.ParkedTenant(tenant_id=tenant_id, values=values)


def _queued(_meta: t.TenantMeta, fact: t.AdmissionQueued) -> Sequence[Send]:
    return _answer(
        t.AdmissionAnswered(
            run_id=fact.waiting.asks.run_id,
            verdict=t.Verdict.QUEUED,
            reason=fact.reason,
            position=fact.position,
        )
    )


def _granted(_meta: t.TenantMeta, fact: t.AdmissionGranted) -> Sequence[Send]:
    return _answer(
        t.AdmissionAnswered(
            run_id=fact.admission.asks.run_id,
            verdict=t.Verdict.GRANTED,
            reserved=fact.admission.reserved,
            cheaper=fact.cheaper,
            rates=fact.rates,
        )
    )


def _refused(_meta: t.TenantMeta, fact: t.AdmissionRefused) -> Sequence[Send]:
    return _answer(
        t.AdmissionAnswered(
            run_id=fact.asks.run_id,
            verdict=t.Verdict.REFUSED,
            code=fact.code,
            reason=fact.reason,
            retry_after_ms=fact.retry_after_ms,
        )
    )


def _extended(_meta: t.TenantMeta, fact: t.ReservationExtended) -> Sequence[Send]:
    return _answer(
        t.ExtensionAnswered(
            run_id=fact.run_id,
            extension_id=fact.extension_id,
            verdict=t.Verdict.GRANTED,
            added=fact.added,
        )
    )


def _declined(_meta: t.TenantMeta, fact: t.ExtensionDeclined) -> Sequence[Send]:
    return _answer(
        t.ExtensionAnswered(
            run_id=fact.run_id,
            extension_id=fact.extension_id,
            verdict=t.Verdict.REFUSED,
            added=fact.added,
            code=fact.code,
            reason=fact.reason,
            retry_after_ms=fact.retry_after_ms,
        )
    )


def _answer(said: t.AdmissionAnswered | t.ExtensionAnswered) -> Sequence[Send]:
    return (Send(topics.RESULTS, said.run_id, said),)


TENANT: Aggregate[Tenant] = Aggregate(
    decide=decide,
    evolve=evolve,
    actor=_actor,
    dispatch=_no_work,
    reopen=_no_work,
    next_timer=next_timer,
    conclude=conclude,
)
"""How a tenant behaves."""

TENANTS: AggregateSpec[Tenant] = AggregateSpec(
    name="tenants",
    topics=AggregateTopics(
        requests=topics.TENANT_REQUESTS,
        journal=topics.TENANT_EVENTS,
        restore=topics.TENANT_RESTORE,
        parked=topics.TENANT_PARKED,
    ),
    aggregate=TENANT,
    meta=_meta,
    terminal=frozenset(),
    work_topics={},
    key_of=_key_of,
    name_of=_key_of,
    begins=_begins,
    screen=_screen,
    not_live=_not_live,
    lacks=_lacks,
    parked=_parked,
    outbox={
        t.AdmissionQueued: _queued,
        t.AdmissionGranted: _granted,
        t.AdmissionRefused: _refused,
        t.ReservationExtended: _extended,
        t.ExtensionDeclined: _declined,
    },
    sends_to=(topics.RESULTS,),
    carries=frozenset({t.BooksOpened}),
    source="runfold/tenant-processor",
    label="tenants/",
    measure=measure,
)
"""What the engine knows of tenants."""
