"""Audit: what the journal itself says, every decision made again."""

from __future__ import annotations

from runfold.processors.definitions.permits import Unpermitted
from runfold.producers.log.port import LogReader
from runfold.surfaces.application import shapes
from runfold.surfaces.application.errors import NotFoundError
from runfold.surfaces.audit import registry
from runfold.surfaces.audit.journal import definitions, verify
from runfold.surfaces.audit.parallel import Progress, Source, verify_all
from runfold.surfaces.audit.tenants import verify_tenants


def audit(
    reader: LogReader,
    run_id: str | None = None,
    source: Source | None = None,
    jobs: int = 0,
    progress: Progress | None = None,
) -> shapes.AuditReport:
    """Return what is found of one run or of all; raises NotFoundError for a run without events.

    Where all is asked for, the journals of tenants are verified too, and whether the definition
    store holds only what policies permitted. It reads whole topics, of every tenant: an operator's
    use case. With a ``source`` a long journal is read by ``jobs``
    processes, as many as there are processors unless said.
    """
    verdicts = list(
        verify(reader, run_id) if run_id else verify_all(reader, source, jobs, progress)
    )
    if run_id is not None and not verdicts:
        raise NotFoundError(f"Run {run_id} has no events on the journal.")
    tenants = [] if run_id else list(verify_tenants(reader, definitions(reader)))
    store = [] if run_id else registry.unpermitted_records(reader)
    return shapes.AuditReport(
        sound=not store and not any(verdict.faults for verdict in (*verdicts, *tenants)),
        runs=len(verdicts),
        probes=sum(verdict.probe for verdict in verdicts),
        ended=sum(verdict.ended for verdict in verdicts),
        events=sum(verdict.events for verdict in verdicts),
        decisions=sum(verdict.decisions for verdict in verdicts),
        faults=tuple(
            shapes.AuditFault(
                run_id=verdict.run_id, seq=fault.seq, kind=fault.kind, reason=fault.reason
            )
            for verdict in (*verdicts, *tenants)
            for fault in verdict.faults
        )
        + tuple(map(_fault_of, store)),
        tenants=len(tenants),
        erased=sum(verdict.shut == "erased" for verdict in verdicts),
        unreadable=sum(verdict.shut == "key_lost" for verdict in verdicts),
    )


def _fault_of(found: Unpermitted) -> shapes.AuditFault:
    reason = f"{found.what} by {found.by}: {found.why}"
    return shapes.AuditFault(
        run_id=registry.NAME, seq=found.offset, kind=registry.KIND, reason=reason
    )
