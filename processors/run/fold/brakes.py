"""The fold of a brake: its evidence is used up, the model reads what it is to think about."""

from __future__ import annotations

from datetime import datetime

from runfold.events import run as j
from runfold.events.calls import Message, Role
from runfold.events.trusted import trusted
from runfold.processors.run.brakes import memory
from runfold.processors.run.fold.rolling_back import goes_on, rolled_back
from runfold.processors.run.fold.turns import with_messages
from runfold.processors.run.state import Live, loop_changed


def applied(run: Live, fact: j.BrakeApplied, at: datetime) -> Live:
    """No brake is applied a second time for what it was applied for."""
    if run.loop.watch is None:
        return run
    run = loop_changed(run, watch=memory.after_brake(run.loop.watch, fact.pattern, fact.due))
    if fact.kept_messages is not None:
        run = rolled_back(run, fact.kept_messages)
    if fact.notice is not None:
        message = trusted(Message)(role=Role.USER, content=fact.notice)
        said = (("notice", f"{fact.pattern}/{fact.times or 1}", message),)
        run = loop_changed(run, transcript=with_messages(run.loop.transcript, said))
    return run if fact.kept_messages is None else goes_on(run)
