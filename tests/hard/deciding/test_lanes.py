"""A lane goes on, whatever a result, a request or a control holds, and each leaves its outcome."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from queue import SimpleQueue
from typing import Any

import pytest

from runfold.events import run as j
from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.base import Record
from runfold.events.calls import ModelResult, ModelWork, Outcome, ToolResult
from runfold.events.contents.content import content, json_content, text
from runfold.events.records import commands
from runfold.events.records.operations import DeadLetter
from runfold.events.run import Event
from runfold.events.values import ErrorInfo, Limits, ModelAnswer, ProposedCall, Usage
from runfold.processors.definitions.fixed import FixedDefinitions
from runfold.processors.effects.kinds import Served
from runfold.processors.effects.local import LocalEffects
from runfold.processors.engine.memory import MemoryEngine
from runfold.processors.model.kind import MODEL_CALL
from runfold.processors.run.aggregate import RUNS, runs_that_begin_with
from runfold.processors.run.replay import decisions
from runfold.processors.tool.kind import TOOL_CALL
from tests.deciders.given import (
    LOOK,
    RUN,
    SEND,
    WRITE,
    agent,
    answer,
    call,
    came_back,
    control,
    definitions,
    done,
    request,
)
from tests.spec import START

HALF = "\ud83d"
CODEC = Codec(LockRegistry())
KNOWN = definitions(LOOK, WRITE, SEND, agent(approval_from_level=1))
Make = Callable[[Any], Record]


class Lane:
    """A lane in memory whose calls pass the same border as those of a process."""

    def __init__(self, model: Make, tool: Make = lambda work: came_back(2)) -> None:
        self._effects = LocalEffects(
            Served(MODEL_CALL, self._made(model)), Served(TOOL_CALL, self._made(tool))
        )
        self.engine = MemoryEngine(RUNS, CODEC, FixedDefinitions(KNOWN), self._work, now=START)

    @staticmethod
    def _made(make: Make) -> Callable[[Any], Any]:
        async def handler(work: Any) -> Record:
            made = make(work)
            return made.model_copy(update={"call_id": work.call_id, "attempt": work.attempt})

        return handler

    def _work(self, work: Record) -> Record | None:
        found: SimpleQueue[Record] = SimpleQueue()
        self._effects.submit(work, found.put)
        return found.get(timeout=60)

    def put(self, topic: str, record: Record) -> Lane:
        self.engine.put(topic, RUN, CODEC.encode(topic, record))
        self.engine.settle()
        return self

    def close(self) -> None:
        self._effects.close(0)

    @property
    def events(self) -> list[Event]:
        found = [CODEC.decode(e_topic, e.value or b"") for e_topic, e in self._journal()]
        return [event for event in found if isinstance(event, Event)]

    def _journal(self) -> list[tuple[str, Any]]:
        return [(topics.EVENTS, entry) for entry in self.engine.entries(topics.EVENTS)]

    @property
    def letters(self) -> list[DeadLetter]:
        found = self.engine.entries(topics.DEAD_LETTERS)
        return [CODEC.decode(topics.DEAD_LETTERS, e.value or b"") for e in found]  # type: ignore[misc]

    @property
    def facts(self) -> list[str]:
        return [type(event.fact).__name__ for event in self.events]


def once(first: ModelResult) -> Make:
    """A model that says this, and completes the task when it is asked again."""
    return lambda work: first if len(work.messages) == 1 else done()


def error(**changes: Any) -> ErrorInfo:
    return ErrorInfo(error_type="bad", message="no", retryable=False).model_copy(update=changes)


def failing(**changes: Any) -> ModelResult:
    return answer(outcome=Outcome.FAILED, answer=None, error=error(**changes))


def proposing(**changes: Any) -> ModelResult:
    return answer(call("look").model_copy(update=changes))


def escaped(name: str, arguments: bytes) -> ModelResult:
    said = content(arguments, "application/json")
    return answer(ProposedCall(id="c", name=name, arguments=said))


HUGE = Decimal(10) ** 30
ANSWERS: dict[str, ModelResult] = {
    "half a character in an error": failing(message=HALF),
    "half a character in an error's type": failing(error_type=HALF),
    "half a character in what to do": failing(suggested_next_action=HALF),
    "a pause beyond all time": failing(retryable=True, retry_after_ms=10**15),
    "a pause of more than 64 bits": failing(retryable=True, retry_after_ms=2**70),
    "half a character in a call's id": proposing(id=HALF),
    "half a character in a tool's name": proposing(name=HALF),
    "half a character in what is wrong": proposing(problem=HALF),
    "a tool's name of 6,000 letters": proposing(name="x" * 6_000),
    "half a character in the response's id": answer(call("look"), response_id=HALF),
    "half a character in the model's name": answer(call("look"), model=HALF),
    "half a character in the finish reason": answer(
        answer=ModelAnswer(finish_reason=HALF, tool_calls=(call("look"),))
    ),
    "a count of 2^63": answer(call("look"), usage=Usage(input_tokens=2**63)),
    "counts that do not fit together": answer(
        call("look"), usage=Usage(input_tokens=2**63 - 1, output_tokens=2**63 - 1)
    ),
    "a latency below all": answer(call("look"), latency_ms=-(2**70)),
    "a cost beyond all money": answer(call("look")).model_copy(update={"cost": HUGE}),
    "half a character escaped in a plan": escaped(
        "update_plan", b'{"steps":[{"id":"\\ud83d","description":"d","status":"done"}]}'
    ),
    "half a character escaped in a question": escaped("ask_human", b'{"question":"\\ud83d"}'),
    "half a character escaped in an option": escaped(
        "ask_human", b'{"question":"q","options":["\\ud83d"]}'
    ),
    "half a character escaped in a reason": escaped("fail_task", b'{"reason":"\\ud83d"}'),
    "half a character escaped in a summary": escaped("complete_task", b'{"summary":"\\ud83d"}'),
    "a number that no double can hold": escaped(
        "complete_task", b'{"summary":"s","result":{"x":1e400}}'
    ),
    "a number of 5,000 digits": escaped(
        "complete_task", b'{"summary":"s","result":{"x":' + b"1" * 5_000 + b"}}"
    ),
    "a cost of twenty places": answer(call("look")).model_copy(
        update={"cost": Decimal("0.12345678901234567890")}
    ),
    "a cost below zero": answer(call("look")).model_copy(update={"cost": Decimal(-1000)}),
    "an answer of 9 MB": answer(
        answer=ModelAnswer(text=text("x" * 9_000_000), finish_reason="stop")
    ),
    "arguments 3,000 deep": escaped("look", b'{"path":' + b"[" * 3_000 + b"]" * 3_000 + b"}"),
    "a digest that is another's": proposing(
        arguments=json_content({"path": "a"}).model_copy(update={"digest": b"x" * 32})
    ),
}

TOOLS: dict[str, ToolResult] = {
    "half a character": came_back(2, outcome=Outcome.FAILED, error=error(message=HALF)),
    "a pause beyond all time": came_back(
        2, outcome=Outcome.FAILED, error=error(retryable=True, retry_after_ms=10**15)
    ),
    "bytes that begin like an excerpt": came_back(
        2, result=content(b'{"artifact":"x', "application/json")
    ),
    "an excerpt that is a number": came_back(
        2, result=content(b'{"artifact":"\\ud83d"}', "application/json")
    ),
    "a cost beyond all money": came_back(2).model_copy(update={"cost": HUGE}),
    "a result of 9 MB": came_back(2, "x" * 9_000_000),
    "a result that lies elsewhere and is larger than all": came_back(
        2, result=text("x").model_copy(update={"inline": None, "ref": "r", "size": 2**63 - 1})
    ),
    "a message of a megabyte": came_back(
        2, outcome=Outcome.FAILED, error=error(message="é" * 1_000_000)
    ),
}


@pytest.fixture
def lanes() -> Any:
    made: list[Lane] = []

    def make(*given: Make) -> Lane:
        made.append(Lane(*given))
        return made[-1]

    yield make
    for lane in made:
        lane.close()


def check(lane: Lane) -> None:
    """The input led to events, none became a dead letter, and each decision is made again equal."""
    assert lane.letters == []
    state = None
    for decision in decisions.decisions(lane.events):
        assert decisions.redecide(state, decision, KNOWN) is None
        state = decisions.fold(state, decision)


@pytest.mark.parametrize("name", ANSWERS)
def test_whatever_a_model_answers_is_on_record_and_the_run_goes_on(
    name: str, lanes: Callable[..., Lane]
) -> None:
    lane = lanes(once(ANSWERS[name])).put(topics.REQUESTS, request())
    check(lane)
    assert {"ModelResponded", "ModelFailed"} & set(lane.facts)
    waits = {"HumanInputRequested", "RetryScheduled"} & set(lane.facts[-4:])
    assert waits or lane.facts[-1].startswith("Run")


@pytest.mark.parametrize("name", TOOLS)
def test_whatever_a_tool_reports_is_on_record_and_the_run_goes_on(
    name: str, lanes: Callable[..., Lane]
) -> None:
    lane = lanes(once(answer(call("look"))), lambda work: TOOLS[name])
    lane.put(topics.REQUESTS, request())
    check(lane)
    assert {"ToolCallSucceeded", "ToolCallFailed"} & set(lane.facts)


def test_counts_that_fit_alone_and_not_in_sum_do_not_keep_a_run_from_its_end(
    lanes: Callable[..., Lane],
) -> None:
    most = Usage(input_tokens=2**63 - 1)
    dear = Decimal("9" * 25)
    turns = iter(range(100))

    def model(work: ModelWork) -> ModelResult:
        if next(turns) < 3:
            return answer(call("look", {"path": str(len(work.messages))}), usage=most, cost=dear)
        return done().model_copy(update={"usage": most, "cost": dear})

    lane = lanes(model, lambda work: came_back(2)).put(topics.REQUESTS, request())
    check(lane)
    last = lane.events[-1].fact
    assert isinstance(last, j.RunCompleted)
    assert last.exit.usage.total_tokens == 2**63 - 1


def test_what_costs_less_than_nothing_costs_nothing(lanes: Callable[..., Lane]) -> None:
    gift = answer(call("look")).model_copy(
        update={"cost": Decimal(-1000), "usage": Usage(input_tokens=-5)}
    )
    lane = lanes(once(gift)).put(topics.REQUESTS, request())
    check(lane)
    last = lane.events[-1].fact
    assert isinstance(last, j.RunCompleted)
    assert (last.exit.usage.cost_usd, last.exit.usage.input_tokens) == (Decimal("0.01"), 100)


@pytest.mark.parametrize("depth", [100, 940, 100_000])
def test_a_verdict_does_not_depend_on_how_deep_its_judge_is_called(
    depth: int, lanes: Callable[..., Lane]
) -> None:
    deep = content(b"[" * depth + b'"x"' + b"]" * depth, "application/json")
    said = iter([answer(call("look")), _naming("nope")])

    def model(work: ModelWork) -> ModelResult:
        return next(said, done())

    lane = lanes(model, lambda work: came_back(2, result=deep)).put(topics.REQUESTS, request())

    def judged(frames: int) -> None:
        if frames:
            judged(frames - 1)
        else:
            check(lane)

    for frames in (0, 200, 400):
        judged(frames)


def _naming(artifact: str) -> ModelResult:
    arguments = {"summary": "s", "artifacts": [artifact]}
    return answer(call("complete_task", arguments))


@pytest.mark.parametrize("milliseconds", [10**14, 2**62])
def test_a_limit_of_time_beyond_all_time_is_no_limit(
    milliseconds: int, lanes: Callable[..., Lane]
) -> None:
    limits = Limits(max_duration_ms=milliseconds)
    lane = lanes(once(done())).put(topics.REQUESTS, request(limits=limits))
    assert lane.letters == []
    assert lane.facts[-1] == "RunCompleted"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"thread_id": "x" * 6_000}, "too_long"),
        ({"user_id": "a\0"}, "invalid_text"),
        ({"goal": text("g").model_copy(update={"size": 9})}, "wrong_size"),
    ],
)
def test_a_request_that_no_table_could_hold_is_a_dead_letter_that_says_so(
    changes: dict[str, Any], code: str, lanes: Callable[..., Lane]
) -> None:
    lane = lanes(once(done())).put(topics.REQUESTS, request(**changes))
    (letter,) = lane.letters
    assert letter.code == code
    assert next(iter(changes)) in letter.reason
    assert lane.put(topics.REQUESTS, request()).facts[-1] == "RunCompleted"


def test_a_control_with_a_false_digest_is_a_dead_letter_and_the_next_one_applies(
    lanes: Callable[..., Lane],
) -> None:
    lane = lanes(once(answer(call("ask_human", {"question": "q"})))).put(topics.REQUESTS, request())
    said = text("yes")
    for n, digest in enumerate((b"x" * 32, said.digest)):
        given = {"question_id": f"{RUN}.2", "content": said.model_copy(update={"digest": digest})}
        lane.put(topics.CONTROLS, control(commands.AnswerQuestion, f"q{n}", **given))
    assert [letter.code for letter in lane.letters] == ["wrong_digest"]
    assert lane.facts[-1] == "RunCompleted"


def test_a_dead_letter_of_what_cannot_be_encoded_is_written_all_the_same() -> None:
    # A behaviour whose undecided commands have no other outcome.
    engine = MemoryEngine(runs_that_begin_with(3), CODEC, FixedDefinitions(KNOWN), now=START)
    engine.put(topics.REQUESTS, RUN, CODEC.encode(topics.REQUESTS, request()))
    engine.settle()
    # A process that let it pass: the last net must hold alone.
    engine.give(failing(message=HALF).model_copy(update={"model": HALF}))
    engine.settle()
    (entry,) = engine.entries(topics.DEAD_LETTERS)
    letter = CODEC.decode(topics.DEAD_LETTERS, entry.value or b"")
    assert isinstance(letter, DeadLetter)
    assert letter.code == "decider_failed"
    assert b"ModelResult" in (letter.value or b"")
