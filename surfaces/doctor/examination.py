"""All checks in order: servers first, and what needs a server that is away is not tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from confluent_kafka import KafkaException

from runfold.producers.errors import translated
from runfold.surfaces.doctor import (
    alerts,
    clocks,
    code,
    concurrency,
    database,
    keys,
    left_alone,
    machine,
    permits,
    runs,
    schemas,
    tool_modules,
    webhooks,
)
from runfold.surfaces.doctor.deployment import Deployment
from runfold.surfaces.doctor.finding import Finding, note, wrong
from runfold.surfaces.doctor.log import broker, consumers, positions, transactions

Explain = Callable[[Exception], tuple[str, int]]
"""Returns the sentence for an error, and an exit code."""

_KAFKA, _POSTGRES, _TABLES, _VIEWS = "broker", "postgres", "tables", "views"


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what it is about, which servers it needs, what it does."""

    name: str
    needs: frozenset[str]
    look: Callable[[Deployment], Iterator[Finding]]


def _check(name: str, look: Callable[[Deployment], Iterator[Finding]], *needs: str) -> Check:
    return Check(name, frozenset(needs), look)


CHECKS: tuple[Check, ...] = (
    _check("processes", machine.check_processes),
    _check("tools", tool_modules.check),
    _check("left alone", left_alone.check),
    _check(_KAFKA, broker.check),
    _check(_POSTGRES, database.check),
    _check("schemas", schemas.check),
    _check("code", code.check, _KAFKA),
    _check("keys", keys.check, _KAFKA),
    _check("lanes", consumers.check_lanes, _KAFKA),
    _check("positions", positions.check_inputs, _KAFKA),
    _check("positions", positions.check_views, _KAFKA, _POSTGRES, _TABLES),
    _check("positions", positions.check_pools, _KAFKA),
    _check("transactions", transactions.check, _KAFKA),
    _check("permits", permits.check, _KAFKA),
    _check("pools", consumers.check_pools, _KAFKA),
    _check("pools", concurrency.check, _KAFKA),
    _check(_VIEWS, consumers.check_views, _KAFKA, _POSTGRES, _TABLES),
    _check("views", database.check_passed_by, _POSTGRES, _TABLES),
    _check("audit", database.check_audit, _POSTGRES, _TABLES, _VIEWS),
    _check("runs", runs.check_stuck, _KAFKA, _POSTGRES, _TABLES),
    _check("alerts", alerts.check, _KAFKA),
    _check("approvals", runs.check_approvals, _POSTGRES, _TABLES),
    _check("claims", database.check_claims, _POSTGRES),
    _check("dead letters", database.check_dead_letters, _POSTGRES, _TABLES),
    _check("webhooks", webhooks.check, _KAFKA, _POSTGRES),
    _check("clocks", clocks.check_postgres, _POSTGRES),
    _check("clocks", clocks.check_broker, _KAFKA),
    _check("disk", machine.check_disk),
)
"""In the order in which they are made and shown."""

_TODO = {
    _KAFKA: "`runfold status`; start it with `runfold up`, or check KAFKA_BOOTSTRAP_SERVERS",
    _POSTGRES: "`runfold status`; start it with `runfold up`, or check DATABASE_URL",
}


def examine(deployment: Deployment, explain: Explain) -> Iterator[Finding]:
    """Yield every finding as it is made; no failure of a check keeps the others from theirs."""
    away: set[str] = set()
    for check in CHECKS:
        lacking = sorted(check.needs & away)
        if lacking:
            yield note(check.name, f"not checked, because these are away: {', '.join(lacking)}")
            continue
        try:
            for found in check.look(deployment):
                if found.check == _TABLES:
                    away.add(_TABLES)
                yield found
        except Exception as error:  # noqa: BLE001 - a check may meet anything in a broken system
            away |= {check.name, _TABLES} if check.name == _POSTGRES else {check.name}
            known = translated(error, "looking") if isinstance(error, KafkaException) else error
            sentence, _ = explain(known)
            todo = _TODO.get(check.name, "repair what is wrong above, then run the doctor again")
            yield wrong(check.name, sentence, todo)


def servers_away(findings: list[Finding]) -> bool:
    """Return whether a server that everything needs did not answer."""
    return any(each.level == "wrong" and each.check in _TODO for each in findings)
