"""The fold of a roll-back: the transcript of an earlier turn, and what people said since."""

from __future__ import annotations

from collections.abc import Iterator

from runfold.events.calls import Message, Role
from runfold.events.run.lifecycle import MessageKind
from runfold.events.trusted import trusted
from runfold.processors.run.brakes import memory
from runfold.processors.run.fold.turns import Said, with_messages
from runfold.processors.run.state import Live, Transcript, changed, loop_changed

_PEOPLES = frozenset({MessageKind.GOAL.value, MessageKind.MESSAGE.value})
_ASKS = "ask_human"


def rolled_back(run: Live, kept: int) -> Live:
    """Return the run with the first ``kept`` messages, and with what people said after them.

    An answer that the model had asked a person for stays as the person's message. The run's counts,
    its plan, its taint and all that its calls did are as they were.
    """
    before = run.loop.transcript
    said = [*zip(before.names, before.messages, strict=True)]
    first = [(kind, name, message) for (kind, name), message in said[:kept]]
    transcript = with_messages(Transcript(), (*first, *_of_people(said[kept:])))
    run = loop_changed(run, transcript=transcript, selection=None)
    if (watch := run.loop.watch) is None:
        return run
    marks = tuple([mark for mark in watch.marks if mark.messages <= kept])
    return loop_changed(run, watch=changed(watch, marks=marks))


def goes_on(run: Live) -> Live:
    """Return the run whose present turn begins where it was rolled back to."""
    watch = run.loop.watch
    if watch is None:
        return run
    return loop_changed(run, watch=memory.marked(watch, run, len(run.loop.transcript.messages)))


def _of_people(said: list[tuple[tuple[str, str], Message]]) -> Iterator[Said]:
    asked: set[str] = set()
    for (kind, name), message in said:
        if message.tool_calls:
            asked = {call.id for call in message.tool_calls if call.name == _ASKS}
        if kind in _PEOPLES:
            yield kind, name, message
        elif kind == "reply" and message.call_id in asked and not message.is_error:
            answer = trusted(Message)(role=Role.USER, content=message.content)
            yield MessageKind.MESSAGE.value, name, answer
