"""Whether who asks has proved to be who they say [150]."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runfold.events.base import Record
from runfold.events.border import moment_of
from runfold.events.people.proved import Proved
from runfold.events.records.commands import Control, RunRequested
from runfold.events.wording import SENTENCES
from runfold.infra.credentials.checking import Said, Sent
from runfold.processors.engine.aggregate import Command
from runfold.processors.engine.core.inputs import Received
from runfold.processors.run.behaviour import BY_CREDENTIAL, CURRENT
from runfold.processors.run.draft import Draft
from runfold.processors.run.state import Live

UNPROVED = "unproved"
"""The code of a request that is refused because of its credential."""

Judge = Callable[[Sent, Said], Proved | None]
"""Says what a record's credential proves of in whose name it speaks."""


def prove(judge: Judge, record: Record, item: Received) -> Proved | None:
    """Return what the credential of a request or a control proves; results have none."""
    match record:
        case RunRequested():
            said = Said(record.tenant_id, record.user_id, record.roles, record.scopes)
        case Control():
            said = Said(record.tenant_id, record.actor_id, record.roles)
        case _:
            return None
    sent = Sent(item.topic, item.value or b"", item.headers, moment_of(item.time_ms))
    return judge(sent, said)


def unproved(draft: Draft, command: Command) -> str:
    """Return the code of why a command proves nothing, empty where it does or need not."""
    if draft.behaviour < BY_CREDENTIAL:
        return ""
    problem = command.proof.problem if isinstance(command.proof, Proved) else ""
    return f"{UNPROVED}_{problem}" if problem else ""


def bars(state: Any, command: Command, begins_with: int = CURRENT) -> str | None:
    """Return why a command of a run may not be decided, where its behaviour knows no credentials.

    The run's own facts cannot say it, so a dead letter does.
    """
    problem = command.proof.problem if isinstance(command.proof, Proved) else ""
    begins = state is None and isinstance(command.body, RunRequested)
    behaviour = state.behaviour if isinstance(state, Live) else begins_with if begins else CURRENT
    if not problem or behaviour >= BY_CREDENTIAL:
        return None
    return f"{UNPROVED}: {SENTENCES[f'{UNPROVED}_{problem}']}"
