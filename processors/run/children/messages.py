"""The messages of a tree of runs: by which facts, to whom, and whose words they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from runfold.events import run as j
from runfold.events import topics
from runfold.events.base import Fact
from runfold.events.calls.children import ChildEnded, ChildRequested, ParentSignal, TreeUsed
from runfold.events.run.lifecycle import Ending
from runfold.events.values import Actor, ActorKind, ErrorInfo, Exit
from runfold.processors.engine.aggregate import Send


def sender_of(said: ChildRequested | ChildEnded | ParentSignal) -> Actor:
    """Return whose words a message of the tree are: the requester's, the child's, the parent's."""
    match said:
        case ChildRequested():
            return Actor(kind=ActorKind.CLIENT, id=said.request.user_id)
        case ChildEnded():
            return Actor(kind=ActorKind.SYSTEM, id=f"run:{said.child_run_id}")
        case ParentSignal():
            return Actor(kind=ActorKind.SYSTEM, id=f"run:{said.parent_run_id}")


def _asks(meta: j.Meta, fact: j.ChildRunRequested) -> tuple[Send, ...]:
    asked = ChildRequested(
        run_id=fact.request.run_id,
        tenant_id=meta.tenant_id,
        request=fact.request,
        lineage=fact.lineage,
    )
    return (Send(topics.RESULTS, asked.run_id, asked),)


def _says(meta: j.Meta, fact: j.ChildRunSignalled) -> tuple[Send, ...]:
    said = ParentSignal(
        run_id=fact.child_run_id,
        tenant_id=meta.tenant_id,
        parent_run_id=meta.run_id,
        request_id=fact.request_id,
        signal=fact.signal,
        reason=fact.reason,
    )
    return (Send(topics.RESULTS, said.run_id, said),)


def _ends(meta: j.Meta, fact: Ending) -> tuple[Send, ...]:
    error = fact.error if isinstance(fact, j.RunFailed) else None
    call, attempt = fact.parent_call_id, fact.parent_attempt
    return _ended(meta, fact.parent_run_id, call, attempt, fact.exit, fact.tree, error)


def _refused(meta: j.Meta, fact: j.RunRefused) -> tuple[Send, ...]:
    error = ErrorInfo(error_type=fact.code, message=fact.reason, retryable=False)
    asked, attempt = fact.request, fact.lineage.attempt if fact.lineage else None
    return _ended(meta, asked.parent_run_id, asked.parent_call_id, attempt, fact.exit, None, error)


def _ended(
    meta: j.Meta,
    parent: str | None,
    call: str | None,
    attempt: int | None,
    exit_: Exit,
    tree: TreeUsed | None,
    error: ErrorInfo | None,
) -> tuple[Send, ...]:
    # A client may name a parent; it is nobody's child for that.
    if not parent or not call or attempt is None:
        return ()
    ended = ChildEnded(
        run_id=parent,
        tenant_id=meta.tenant_id,
        call_id=call,
        attempt=attempt,
        child_run_id=meta.run_id,
        exit=exit_,
        tree=tree,
        error=error,
    )
    return (Send(topics.RESULTS, parent, ended),)


OUTBOX: Mapping[type[Fact], Callable[[Any, Any], tuple[Send, ...]]] = {
    j.ChildRunRequested: _asks,
    j.ChildRunSignalled: _says,
    j.RunCompleted: _ends,
    j.RunFailed: _ends,
    j.RunCancelled: _ends,
    j.RunRefused: _refused,
}
"""The facts of which a child or a parent must learn."""
