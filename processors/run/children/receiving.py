"""How a child begins, and what follows from a signal of its parent."""

from __future__ import annotations

from runfold.events import run as j
from runfold.events.calls.children import ChildRequested, ParentSignal, RunSignal
from runfold.events.records.commands import RunRequested
from runfold.processors.run.agent.next_step import proceed
from runfold.processors.run.draft import Draft
from runfold.processors.run.lifecycle import admission, endings, pausing


def begin(draft: Draft, asked: ChildRequested, traceparent: str | None) -> None:
    """Begin a run that another one asked for, or refuse it on record."""
    request = RunRequested(**dict(asked.request))
    admission.admit(draft, request, traceparent, asked.lineage)


def hear(draft: Draft, said: ParentSignal) -> None:
    """Do what the parent signals; only the parent of this run is heard.

    A repeat is known by its number, before it is decided.
    """
    run = draft.run
    ours = said.tenant_id == run.tenant_id and said.parent_run_id == run.request.parent_run_id
    if not ours or run.pinned.lineage is None:
        return
    draft.say(j.ParentSignalled(signal=said.signal, request_id=said.request_id, reason=said.reason))
    match said.signal:
        case RunSignal.CANCEL:
            endings.cancel(draft, said.request_id, said.reason)
        case RunSignal.PAUSE if not run.idle.paused:
            pausing.pause(draft, said.request_id, said.reason)
        case RunSignal.RESUME if run.idle.paused:
            pausing.resume(draft, said.request_id, said.reason)
        case _:
            pass
    proceed(draft)
