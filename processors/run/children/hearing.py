"""How a child begins, and what follows from a word of its parent."""

from __future__ import annotations

from runfold.events import run as j
from runfold.events.calls.children import ChildRequested, ParentSaid, ParentWord
from runfold.events.records.commands import RunRequested
from runfold.processors.run.agent import checkpoints
from runfold.processors.run.agent.next_step import proceed
from runfold.processors.run.children import telling
from runfold.processors.run.draft import Draft
from runfold.processors.run.lifecycle import admission, endings


def begin(draft: Draft, asked: ChildRequested, traceparent: str | None) -> None:
    """Begin a run that another one asked for, or refuse it on record."""
    request = RunRequested(**dict(asked.request))
    admission.admit(draft, request, traceparent, asked.lineage)


def hear(draft: Draft, said: ParentSaid) -> None:
    """Do what the parent says; only the parent of this run is heard, and each word once."""
    run = draft.run
    ours = said.tenant_id == run.tenant_id and said.parent_run_id == run.request.parent_run_id
    if not ours or run.pinned.lineage is None or said.request_id in run.controls:
        return
    draft.say(j.ParentHeard(word=said.word, request_id=said.request_id, reason=said.reason))
    match said.word:
        case ParentWord.CANCEL:
            endings.cancel(draft, said.request_id, said.reason)
        case ParentWord.PAUSE if not run.idle.paused:
            draft.say(j.RunPaused(request_id=said.request_id, reason=said.reason))
            telling.tell(draft, ParentWord.PAUSE, said.request_id, said.reason)
            checkpoints.write(draft)
        case ParentWord.RESUME if run.idle.paused:
            draft.say(j.RunResumed(request_id=said.request_id, reason=said.reason))
            telling.tell(draft, ParentWord.RESUME, said.request_id, said.reason)
        case _:
            pass
    proceed(draft)
