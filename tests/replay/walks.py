"""Runs under a long mixed sequence of inputs, the same on every machine, to compare decisions by.

Each walk draws its inputs from a hash of its number: good answers and bad, results in and out of
turn, people, deadlines. What is decided on the way covers far more than a hand-written history.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import partial

from runfold.events.base import Fact, Record
from runfold.events.calls import Outcome
from runfold.events.contents.content import canonical_json, json_content, text
from runfold.events.records import commands
from runfold.events.values import Limits, ModelAnswer
from runfold.processors.engine.aggregate import Command, Env, Timer
from runfold.processors.run.decide import decide
from runfold.processors.run.evolve import evolve
from runfold.processors.run.lifecycle.deadlines import next_timer
from runfold.processors.run.state import Live, RoundCall, RunState
from tests.deciders.given import (
    RUN,
    answer,
    begins,
    broke,
    broken_call,
    call,
    came_back,
    control,
    could_not_begin,
    done,
    held,
    model_error,
    request,
    story,
)
from tests.spec import START

WALKS = 120
_STEPS = 30
_PRICE = Decimal("0.25")
_RESOLUTIONS = (
    commands.Resolution.HAPPENED,
    commands.Resolution.DID_NOT_HAPPEN,
    commands.Resolution.UNKNOWN,
)
_NUMBERS = (1, 2, 3, 4, 5, 6, 8, 9)

Given = Record | Timer
Choice = Callable[[], Given]


class Dice:
    """Draws that depend on a walk's number and on nothing else."""

    def __init__(self, walk: int) -> None:
        self._walk = walk
        self._drawn = 0

    def of(self, many: Sequence[Choice]) -> Given:
        """Draw one of many."""
        return many[self.number(len(many))]()

    def number(self, below: int) -> int:
        """Draw a number from 0 on."""
        self._drawn += 1
        drawn = hashlib.sha256(f"{self._walk}/{self._drawn}".encode()).digest()
        return int.from_bytes(drawn[:4], "big") % below


def facts_of(walk: int, behaviour: int, **agent_changes: object) -> list[Fact]:
    """Return everything that a walk decides, for a run of the given behaviour."""
    rules = story(**{"max_malformed": 3} | agent_changes).definitions
    return list(_walked(Dice(walk), Env(START, rules), _begun(walk), behaviour))


def digest(facts: Sequence[Fact]) -> str:
    """Return one hash of facts; optional fields that came later do not change it."""
    said = [[type(fact).__name__, _fields(fact)] for fact in facts]
    return hashlib.sha256(canonical_json(said).encode()).hexdigest()


def _fields(record: Record) -> dict[str, object]:
    """Return the fields of a record that are not at their default."""
    held = {name: getattr(record, name) for name in type(record).model_fields}
    defaults = {name: field.default for name, field in type(record).model_fields.items()}
    return {name: _plain(value) for name, value in held.items() if value != defaults[name]}


def _plain(value: object) -> object:
    match value:
        case Record():
            return _fields(value)
        case tuple():
            return [_plain(item) for item in value]
        case bytes():
            return value.hex()
        case str() | int() | None:
            return value
        case _:
            return str(value)


def _begun(walk: int) -> Record:
    limits = (
        None,
        Limits(max_cost=Decimal("0.05")),
        Limits(max_duration_ms=20_000, max_tool_calls=3),
        Limits(max_reflections=1),
    )
    return request(limits=limits[walk % len(limits)])


def _walked(dice: Dice, env: Env, begun: Record, behaviour: int) -> Iterator[Fact]:
    state: RunState | None = None
    body: Given = begun
    for step in range(_STEPS):
        for fact in decide(state, Command(body), env, behaviour):
            state = evolve(state, fact, env.now)
            yield fact
        if not isinstance(state, Live):
            return
        body = dice.of(choices(state, step))
        later = env.now + timedelta(seconds=1)
        now = max(later, body.due) if isinstance(body, Timer) else later
        env = Env(now, env.definitions)


def choices(run: Live, step: int) -> list[Choice]:
    """Return what may come next."""
    out, timer = run.loop.model_call, next_timer(run)
    choices: list[Choice] = list(_from_people(run, step))
    if timer is not None:
        choices.append(lambda: timer)
    if out is not None:
        n = int(out.call_id.rpartition(".")[2])
        choices += [partial(make, n, out.attempt) for make in _ANSWERS * 2]
    for each in run.loop.round:
        n = int(each.call_id.rpartition(".")[2])
        choices += _results(n, each.attempt or 1) * 2
    return [*choices, *_beginnings(run)] if run.behaviour >= 6 else choices


def _beginnings(run: Live) -> Iterator[Choice]:
    """Since behaviour 6: calls that ask to begin, by one and by another, and that cannot."""
    for each in run.loop.calls:
        n, attempt = int(each.call_id.rpartition(".")[2]), each.attempt or 1
        yield partial(begins, n, attempt)
        yield partial(begins, n, attempt, "pool-2")
        if isinstance(each, RoundCall):
            yield partial(could_not_begin, n, attempt)
        else:
            yield partial(held, n, attempt)


def _answered(*calls: object) -> Callable[[int, int], Record]:
    return lambda n, attempt: answer(*calls, n=n, attempt=attempt)  # type: ignore[arg-type]


_ANSWERS: list[Callable[[int, int], Record]] = [
    _answered(call("look")),
    _answered(call("look"), call("write", {"path": "b"}, "c2")),
    _answered(call("write")),
    _answered(call("write", {"path": 7})),
    _answered(call("send")),
    _answered(call("fly"), broken_call("look", "c2")),
    _answered(call("ask_human", {"question": "which?", "options": ["a"]})),
    _answered(call("ask_human", {})),
    _answered(call("update_plan", {"steps": [{"id": "1", "description": "a", "status": "done"}]})),
    _answered(call("update_plan", {"steps": []}), call("look", id="c2")),
    _answered(call("complete_task", {"summary": " "})),
    _answered(call("look"), call("complete_task", {"summary": "all"}, "c2")),
    _answered(),
    lambda n, attempt: answer(
        n=n, attempt=attempt, answer=ModelAnswer(text=text("and"), finish_reason="length")
    ),
    model_error,
    lambda n, attempt: answer(call("look"), n=n, attempt=attempt, cost=None),
    lambda n, attempt: done(n=n) if n > 6 else answer(call("send"), n=n, attempt=attempt),
]


def _results(n: int, attempt: int) -> list[Choice]:
    return [
        partial(came_back, n, attempt=attempt, cost=_PRICE),
        partial(came_back, n, {"artifact": "file-1", "excerpt": "…"}, attempt=attempt),
        partial(broke, n, attempt),
        partial(broke, n, attempt, retryable=False),
        partial(came_back, n, attempt=attempt, outcome=Outcome.UNCERTAIN, result=None, effect=True),
        partial(came_back, n, attempt=attempt, outcome=Outcome.FAILED, result=None, effect=True),
        partial(came_back, n, attempt=attempt, repeated=True, effect=True),
    ]


def _from_people(run: Live, step: int) -> Iterator[Choice]:
    n = _NUMBERS[step % len(_NUMBERS)]
    about = f"{RUN}.{n}"
    for each in (*run.loop.round, None):
        target = each.call_id if each else about
        edited = json_content({"path": "edited" if step % 2 else 3})
        yield partial(control, commands.ApproveToolCall, f"a{step}", call_id=target)
        yield partial(
            control, commands.ApproveToolCall, f"e{step}", call_id=target, arguments=edited
        )
        yield partial(control, commands.DenyToolCall, f"d{step}", call_id=target, reason="no")
        yield partial(
            control, commands.AnswerQuestion, f"q{step}", question_id=target, content=text("a")
        )
        for how in _RESOLUTIONS:
            yield partial(
                control, commands.ResolveToolCall, f"r{step}{how}", call_id=target, resolution=how
            )
    yield partial(control, commands.PauseRun, f"p{step}", reason="wait")
    yield partial(control, commands.ResumeRun, f"s{step}")
    if run.idle.paused:
        yield partial(control, commands.ResumeRun, f"t{step}")
        yield partial(control, commands.ResumeRun, f"u{step}")
    yield partial(control, commands.SendMessage, f"m{step}", content=text("mind"))
    yield partial(control, commands.EditInstructions, f"i{step}", content=text("be brief"))
    if step > 20:
        yield partial(control, commands.CancelRun, f"c{step}", reason="enough")
