"""Simulate: what other policies would have said of the calls that are on record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from runfold.events import topics
from runfold.events.definitions import (
    Definition,
    Definitions,
    PoliciesInForce,
    PolicyDefinition,
    Published,
)
from runfold.events.probe import PROBE_TENANT
from runfold.events.run import Event
from runfold.events.values import Pin
from runfold.producers.log.port import LogReader
from runfold.surfaces.application import shapes
from runfold.surfaces.application.governing.policies.recorded import (
    Judgement,
    RunReader,
    decided_again,
)
from runfold.surfaces.audit.definitions import DefinitionHistory

_Change = tuple[str, str, str, str, tuple[str, ...]]


def simulate(
    reader: LogReader,
    history: DefinitionHistory,
    now: Definitions,
    offered: Sequence[Definition] = (),
    *,
    since: datetime | None = None,
    tenant: str | None = None,
) -> shapes.PolicySimulation:
    """Return how many calls would be decided otherwise by the policies of now and those offered.

    A policy that is offered stands in the place of the published one of its name. Each call
    counts once, as it was decided when it was proposed, with the agent and the contract that its
    run has pinned. With ``tenant`` only its runs count, and what is offered is taken for its own.
    """
    policies = [each for each in offered if isinstance(each, PolicyDefinition)]
    counted = _Counted()
    for judgement in _first(_recorded(reader)):
        meta = judgement.event.meta
        if meta.tenant_id == PROBE_TENANT or tenant not in {None, meta.tenant_id}:
            continue
        if since is not None and meta.time < since:
            continue
        in_force = with_offered(now.policies(meta.tenant_id), policies, tenant)
        found = decided_again(judgement, history.at(meta.definitions or 0), in_force)
        if found is not None:
            counted.add(judgement, found.answer)
    return counted.result(since)


def with_offered(
    known: PoliciesInForce | None, offered: Sequence[PolicyDefinition], tenant: str | None
) -> PoliciesInForce | None:
    """Return policies with those offered among them, each in the place of its name."""
    names = {each.name for each in offered}
    kept = [
        each
        for each in (known.policies if known else ())
        if each.tenant != tenant or each.definition.name not in names
    ]
    for each in offered:
        pin = Pin(name=each.name, version=each.version, digest=each.digest())
        kept.append(Published(0, each, pin, tenant, "", None))
    return PoliciesInForce(tuple(kept)) if kept else None


@dataclass(slots=True)
class _Counted:
    calls: int = 0
    unchanged: int = 0
    changes: dict[_Change, list[str]] = field(default_factory=dict)

    def add(self, judgement: Judgement, would: shapes.PolicyAnswer) -> None:
        self.calls += 1
        was, becomes = _said(judgement.answer), _said(would)
        if was == becomes:
            self.unchanged += 1
            return
        agent = judgement.run.agent.name
        change = (agent, judgement.call.tool, was, becomes, would.policies)
        self.changes.setdefault(change, []).append(judgement.call.call_id)

    def result(self, since: datetime | None) -> shapes.PolicySimulation:
        def many(*pairs: tuple[str, str]) -> int:
            return sum(len(ids) for c, ids in self.changes.items() if (c[2], c[3]) in pairs)

        return shapes.PolicySimulation(
            since=since,
            calls=self.calls,
            unchanged=self.unchanged,
            denied=many(("permit", "forbid"), ("ask", "forbid")),
            permitted=many(("forbid", "permit"), ("forbid", "ask")),
            asked=many(("permit", "ask")),
            unasked=many(("ask", "permit")),
            changes=tuple(
                shapes.PolicyChange(
                    agent=agent,
                    tool=tool,
                    was=was,
                    becomes=becomes,
                    policies=policies,
                    calls=len(ids),
                    call_id=ids[0],
                )
                for (agent, tool, was, becomes, policies), ids in sorted(self.changes.items())
            ),
        )


def _said(answer: shapes.PolicyAnswer) -> str:
    return "ask" if answer.effect == "permit" and answer.approval else answer.effect


def _recorded(reader: LogReader) -> Iterator[Judgement]:
    """Yield the decisions on all calls; what cannot be folded is the audit's to tell."""
    runs: dict[str, RunReader | None] = {}
    for found in reader.read(topics.EVENTS, ends=reader.ends(topics.EVENTS)):
        event = found.record
        if not isinstance(event, Event):
            continue
        run = runs.setdefault(event.meta.run_id, RunReader())
        if run is None:
            continue
        try:
            judgement = run.take(event)
        except Exception:  # noqa: BLE001 - a history that nobody could have written
            runs[event.meta.run_id] = None
            continue
        if judgement is not None:
            yield judgement
        if run.ended:
            del runs[event.meta.run_id]


def _first(found: Iterable[Judgement]) -> Iterator[Judgement]:
    """Yield the first decision on each call: nothing had judged it before."""
    for each in found:
        if each.call.status == "proposed":
            yield each
