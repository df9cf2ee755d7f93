"""Folds of a run's own life: its beginning, what is said to it, pause and resume."""

from __future__ import annotations

import hashlib
from datetime import datetime

from runfold.events import run as j
from runfold.events.run.lifecycle import MessageKind
from runfold.events.values import RunRequest, RunStatus
from runfold.processors.run.behaviour import BY_TAINT, known
from runfold.processors.run.state import (
    AgentLoop,
    Ended,
    Live,
    Pinned,
    Waiting,
    Watch,
    changed,
    loop_changed,
)

ATTACHMENT = "attachment"
"""What a run's taint says of attachments that are declared untrusted, beside the names of tools."""


def traceparent_of(request: RunRequest) -> str:
    """Return the W3C trace context that a run's id gives: one trace a run, on any machine."""
    trace = request.run_id.replace("-", "")
    span = hashlib.sha256(request.run_id.encode()).hexdigest()[:16]
    return f"00-{trace}-{span}-01"


def created(fact: j.RunCreated, at: datetime) -> Live:
    """A run begins; raises BehaviourError for one that a newer release began."""
    return Live(
        status=RunStatus.CREATED,
        pinned=Pinned(
            request=fact.request,
            agent=fact.agent,
            tools=fact.tools,
            prompt_version=fact.prompt_version,
            model=fact.model,
            limits=fact.limits,
            created_at=at,
            traceparent=traceparent_of(fact.request),
            behaviour=known(fact.behaviour),
            profile=fact.profile,
            lineage=fact.lineage,
        ),
        body=AgentLoop(taint=_brought(fact)),
    )


def model_resolved(run: Live, fact: j.ModelResolved, at: datetime) -> Live:
    """What the run's model stands for is known, to its end."""
    return changed(run, pinned=changed(run.pinned, stands_for=fact.stands_for))


def _brought(fact: j.RunCreated) -> tuple[str, ...]:
    """Return what strangers' words the request itself brings into the run, from behaviour 7 on."""
    brings = any(each.untrusted for each in fact.request.attachments)
    above = fact.lineage.taint if fact.lineage else ()
    return (*above, ATTACHMENT) if brings and fact.behaviour >= BY_TAINT else above


def refused(fact: j.RunRefused, at: datetime) -> Ended:
    """A run is over before it began."""
    request = fact.request
    return Ended(RunStatus.FAILED, request.tenant_id, traceparent_of(request))


def started(run: Live, fact: j.RunStarted, at: datetime) -> Live:
    """A run is admitted."""
    return changed(run, entry=changed(run.entry, started=True))


def queued(run: Live, fact: j.RunQueued, at: datetime) -> Live:
    """The run has asked its tenant, and waits."""
    return changed(run, entry=changed(run.entry, asked=True))


def watched(run: Live, fact: j.BrakesSet, at: datetime) -> Live:
    """From now on what the detectors need is remembered."""
    return loop_changed(run, watch=Watch(fact.detectors))


def message_received(run: Live, fact: j.UserMessageReceived, at: datetime) -> Live:
    """The goal and messages wait for the next context; edited instructions replace the old ones."""
    run = noted(run, fact.request_id)
    if fact.kind is MessageKind.INSTRUCTIONS:
        return loop_changed(run, instructions=fact.content)
    waiting = Waiting(fact.message_id, fact.kind.value, fact.content)
    return changed(run, inbox=(*run.inbox, waiting))


def paused(run: Live, fact: j.RunPaused, at: datetime) -> Live:
    """Nothing new is begun."""
    return changed(noted(run, fact.request_id), idle=changed(run.idle, paused=True))


def resumed(run: Live, fact: j.RunResumed, at: datetime) -> Live:
    """Things go on."""
    return changed(noted(run, fact.request_id), idle=changed(run.idle, paused=False))


def control_noted(run: Live, fact: j.RequestIgnored, at: datetime) -> Live:
    """A control that did not apply is still remembered, so that its repeat says nothing new."""
    return noted(run, fact.request_id)


def noted(run: Live, request_id: str | None) -> Live:
    """Return the run with a request that was applied, so that its repeat changes nothing."""
    if request_id is None:
        return run
    return changed(run, controls=run.controls | {request_id})
