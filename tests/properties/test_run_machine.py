"""Whatever happens to a run, in any order, its history stays a legal one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, get_args

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from runfold.events import run as j
from runfold.events.base import Fact, Record
from runfold.events.calls import BeginRequested, ModelResult, Outcome, Role, ToolResult
from runfold.events.catalogue import TERMINAL_FACTS
from runfold.events.contents.content import json_content, text
from runfold.events.definitions import ModelChoice, RetryPolicy
from runfold.events.records import commands
from runfold.events.values import Limits
from runfold.processors.engine.aggregate import Timer
from runfold.processors.run.agent.calls.beginnings import answer as answer_to
from runfold.processors.run.evolve import evolve
from runfold.processors.run.fold.open_calls import Out
from runfold.processors.run.lifecycle.deadlines import next_timer
from runfold.processors.run.state import CallStatus, ContextCall, Ended, Live
from tests.deciders.given import (
    RUN,
    answer,
    broke,
    broken_call,
    call,
    came_back,
    chosen,
    control,
    request,
)
from tests.deciders.given import story as a_story

NAMES = st.sampled_from(
    ["look", "write", "send", "fly", "ask_human", "complete_task", "fail_task", "update_plan"]
)
ARGUMENTS = st.sampled_from(
    [
        {"path": "a"},
        {"path": "b"},
        {"path": 1},
        {},
        {"summary": "s", "reason": "r", "question": "q", "steps": []},
        {"steps": [{"id": "1", "description": "d", "status": "done"}]},
    ]
)
OUTCOMES = st.sampled_from([Outcome.SUCCEEDED, Outcome.FAILED, Outcome.UNCERTAIN, Outcome.HELD])
CONTROLS = st.sampled_from(
    [commands.PauseRun, commands.ResumeRun, commands.SendMessage, commands.EditInstructions]
)


class Run(RuleBasedStateMachine):
    """One run under any sequence of inputs; the last command is repeated at will."""

    BRAKES: Mapping[str, Any] = MappingProxyType({})

    def __init__(self) -> None:
        super().__init__()
        # Small enough that a run of some steps asks for a selection of its context.
        small = ModelChoice(name="scripted:x", retry=RetryPolicy(max_attempts=2), context_tokens=40)
        self.story = a_story(
            brakes=dict(self.BRAKES),
            model=small,
            limits=Limits(
                max_model_calls=8, max_tool_calls=8, max_identical_calls=4, max_duration_ms=600_000
            ),
        )
        self.count = 0
        self.last: Record | Timer | None = None

    def give(self, body: Record | Timer) -> None:
        self.last = body
        self.story = self.story.when(body)

    @property
    def live(self) -> Live | None:
        return self.story.state if isinstance(self.story.state, Live) else None

    @property
    def choosing(self) -> ContextCall | None:
        calls = self.live.loop.calls if self.live else ()
        return next((call for call in calls if isinstance(call, ContextCall)), None)

    def person(self, kind: type[commands.Control], **fields: Any) -> commands.Control:
        self.count += 1
        return control(kind, f"r{self.count}", **fields)

    @initialize()
    def begin(self) -> None:
        self.give(request())

    @precondition(lambda self: self.live and self.live.loop.model_call)
    @rule(names=st.lists(st.tuples(NAMES, ARGUMENTS, st.booleans()), max_size=3))
    def model_answers(self, names: list[tuple[str, object, bool]]) -> None:
        assert self.live
        assert self.live.loop.model_call
        calls = [
            broken_call(name, f"c{n}") if broken else call(name, arguments, f"c{n}")
            for n, (name, arguments, broken) in enumerate(names)
        ]
        out = self.live.loop.model_call
        self.give(answer(*calls, call_id=out.call_id, attempt=out.attempt))

    @precondition(lambda self: self.live and self.live.loop.model_call)
    @rule(retryable=st.booleans())
    def model_fails(self, retryable: bool) -> None:
        assert self.live
        assert self.live.loop.model_call
        out = self.live.loop.model_call
        error = broke(1, retryable=retryable).error
        self.give(
            answer(
                call_id=out.call_id,
                attempt=out.attempt,
                outcome=Outcome.FAILED,
                answer=None,
                error=error,
            )
        )

    @precondition(lambda self: self.choosing)
    @rule(outcome=OUTCOMES, retryable=st.booleans(), off=st.integers(0, 1))
    def context_is_chosen(self, outcome: Outcome, retryable: bool, off: int) -> None:
        assert self.choosing
        out, error = self.choosing, broke(1, retryable=retryable).error
        failed = {} if outcome is Outcome.SUCCEEDED else {"content": None, "error": error}
        given = {"call_id": out.call_id, "attempt": out.attempt + off, "outcome": outcome}
        self.give(chosen(1, **given, **failed))

    @precondition(lambda self: self.live and self.live.loop.round)
    @rule(data=st.data(), outcome=OUTCOMES, retryable=st.booleans(), off=st.integers(0, 1))
    def tool_reports(
        self, data: st.DataObject, outcome: Outcome, retryable: bool, off: int
    ) -> None:
        assert self.live
        chosen = data.draw(st.sampled_from(self.live.loop.round))
        failed = broke(1, retryable=retryable).error if outcome is Outcome.FAILED else None
        self.give(
            came_back(
                1,
                call_id=chosen.call_id,
                attempt=chosen.attempt + off,
                outcome=outcome,
                error=failed,
                effect=True,
            )
        )

    @precondition(lambda self: self.live and self.live.loop.calls)
    @rule(data=st.data(), by=st.sampled_from(["a", "b"]), off=st.integers(0, 1))
    def a_pool_asks(self, data: st.DataObject, by: str, off: int) -> None:
        assert self.live
        asked = data.draw(st.sampled_from(self.live.loop.calls))
        question = BeginRequested(
            run_id=RUN, call_id=asked.call_id, attempt=asked.attempt + off, by=by
        )
        self.give(question)
        now = self.live.loop.call(asked.call_id) if self.live else None
        out = now is not None and now.status is CallStatus.RUNNING
        if answer_to(self.story.state, question).granted:
            assert out
            assert off == 0

    @precondition(lambda self: self.live and self.live.loop.round)
    @rule(data=st.data(), how=st.sampled_from(["approve", "deny", "happened", "not", "answer"]))
    def person_decides(self, data: st.DataObject, how: str) -> None:
        assert self.live
        call_id = data.draw(st.sampled_from(self.live.loop.round)).call_id
        match how:
            case "approve":
                self.give(self.person(commands.ApproveToolCall, call_id=call_id))
            case "deny":
                self.give(self.person(commands.DenyToolCall, call_id=call_id, reason="no"))
            case "answer":
                given = {"question_id": call_id, "content": text("yes")}
                self.give(self.person(commands.AnswerQuestion, **given))
            case _:
                resolution = "happened" if how == "happened" else "did_not_happen"
                given = {"call_id": call_id, "resolution": resolution, "result": json_content(1)}
                self.give(self.person(commands.ResolveToolCall, **given))

    @rule(kind=CONTROLS)
    def person_speaks(self, kind: type[commands.Control]) -> None:
        says = kind in (commands.SendMessage, commands.EditInstructions)
        self.give(self.person(kind, **({"content": text("hm")} if says else {})))

    @precondition(lambda self: self.count > 8)
    @rule()
    def person_cancels(self) -> None:
        self.give(self.person(commands.CancelRun))

    @precondition(lambda self: self.live and next_timer(self.live))
    @rule()
    def time_passes(self) -> None:
        assert self.live
        timer = next_timer(self.live)
        assert timer
        self.story = self.story.after(max(0.0, (timer.due - self.story.now).total_seconds()))
        self.give(timer)

    @precondition(lambda self: isinstance(self.last, commands.Control | commands.RunRequested))
    @rule()
    def the_last_input_comes_again(self) -> None:
        assert self.last
        assert self.story.when(self.last).said == ()

    @precondition(lambda self: isinstance(self.last, ModelResult | ToolResult))
    @rule()
    def the_last_result_comes_again(self) -> None:
        assert self.last
        before = [type(fact) for fact in self.story.facts]
        after = self.story.when(self.last).said
        assert not any(
            isinstance(fact, j.ModelResponded | j.ToolCallSucceeded) for fact in after
        ), before

    @invariant()
    def nothing_follows_the_end(self) -> None:
        ends = [n for n, f in enumerate(self.story.facts) if isinstance(f, TERMINAL_FACTS)]
        assert ends in ([], [len(self.story.facts) - 1])
        assert bool(ends) == isinstance(self.story.state, Ended)

    @invariant()
    def calls_count_up_by_one_and_none_is_answered_unasked(self) -> None:
        opened = [
            fact.call_id
            for fact in self.story.facts
            if isinstance(fact, j.ToolCallProposed | j.PlanProposed | j.PlanRevised)
            or (isinstance(fact, j.ModelCalled | j.ContextCalled) and fact.attempt == 1)
        ]
        questions = [
            fact.question_id
            for fact in self.story.facts
            if isinstance(fact, j.HumanInputRequested | j.ExtensionAwaited)
        ]
        questions += [
            fact.extension_id
            for fact in self.story.facts
            if isinstance(fact, j.ExtensionRequested) and fact.request_id is None
        ]
        questions += [
            fact.reply_id for fact in self.story.facts if isinstance(fact, j.PersonReplied)
        ]
        numbers = sorted(int(str(name).rpartition(".")[2]) for name in [*opened, *questions])
        assert numbers == list(range(1, len(numbers) + 1))

    @invariant()
    def no_call_starts_without_permit_and_approval(self) -> None:
        permitted, approved = set[str | None](), set[str]()
        for fact in self.story.facts:
            match fact:
                case j.PolicyDecided(effect=j.PolicyEffect.PERMIT):
                    permitted.add(fact.call_id)
                case j.ToolCallApproved():
                    approved.add(fact.call_id)
                case j.ToolCallStarted():
                    assert fact.call_id in permitted
                    assert fact.call_id in approved
                case _:
                    pass

    @invariant()
    def a_risky_call_starts_only_by_a_person(self) -> None:
        by_person: set[str] = set()
        for fact in self.story.facts:
            if isinstance(fact, j.ToolCallApproved) and fact.request_id:
                by_person.add(fact.call_id)
            if isinstance(fact, j.ToolCallStarted) and fact.tool == "write":
                assert fact.call_id in by_person

    @invariant()
    def only_known_tools_are_permitted(self) -> None:
        tools = {"tool/look@1.0", "tool/write@1.0", "tool/send@1.0"}
        for fact in self.story.facts:
            if isinstance(fact, j.PolicyDecided):
                assert (fact.resource in tools) == (fact.effect is j.PolicyEffect.PERMIT)

    @invariant()
    def one_that_is_paused_or_waits_for_more_begins_nothing(self) -> None:
        assert begun_in_vain(self.story.facts) == []

    @invariant()
    def attempts_are_bounded_unless_a_person_allows_another(self) -> None:
        allowed: dict[str, int] = {}
        held: Counter[str] = Counter()
        for fact in self.story.facts:
            match fact:
                case j.CallHeld():
                    held[fact.call_id] += 1
                case j.ToolCallApproved():
                    allowed[fact.call_id] = allowed.get(fact.call_id, 0) + 2
                case j.ToolCallStarted() | j.ModelCalled():
                    assert fact.attempt - held[fact.call_id] <= allowed.get(fact.call_id, 2)
                case j.ContextCalled():
                    assert fact.attempt - held[fact.call_id] <= 3
                case _:
                    pass

    @invariant()
    def no_model_is_called_while_calls_are_open(self) -> None:
        if self.live and self.live.loop.model_call:
            assert not self.live.loop.round
            assert not self.choosing

    @invariant()
    def what_is_shown_fits_or_was_chosen(self) -> None:
        if self.live and self.live.loop.model_call and not self.live.loop.selection:
            shown = [f for f in self.story.facts if isinstance(f, j.ContextHydrated)]
            assert shown[-1].token_estimate <= 40

    @invariant()
    def every_proposed_call_has_its_reply_before_the_model_speaks_again(self) -> None:
        if not (self.live and self.live.loop.model_call):
            return
        waiting: set[str] = set()
        for message in self.live.loop.transcript.messages:
            if message.role is Role.TOOL:
                assert message.content is not None
                waiting.discard(message.call_id or "")
            else:
                assert not waiting
            if message.role is Role.ASSISTANT:
                waiting = {proposed.id for proposed in message.tool_calls}
        assert not waiting

    @invariant()
    def a_live_run_is_never_forgotten(self) -> None:
        """Something is always out, or due, or asked of a person, or the run is paused."""
        run = self.live
        if run is None or run.idle.paused or run.budget.more.met is not None:
            return
        stands = {c.status for c in run.loop.calls}
        if not stands and run.loop.watch is not None:
            # A brake keeps its model from being called, until its time has come.
            timer = next_timer(run)
            assert timer is not None
            assert run.loop.watch.wait.until is not None
            return
        pace = run.entry.pace
        if stands <= {CallStatus.APPROVED, CallStatus.CLOSED} and pace and pace.until:
            # Its tenant lets it make no call yet.
            timer = next_timer(run)
            assert timer is not None
            assert timer.due <= max(pace.until.values())
            return
        assert stands & {
            CallStatus.RUNNING,
            CallStatus.HELD,
            CallStatus.AWAITING_APPROVAL,
            CallStatus.ASKED,
            CallStatus.UNCERTAIN,
        }

    @invariant()
    def the_state_is_the_fold_of_the_facts(self) -> None:
        if not self.live:
            return
        folded: Any = None
        for fact in self.story.facts:
            folded = evolve(folded, fact, self.story.now)
        assert isinstance(folded, Live)
        assert folded.loop.transcript == self.live.loop.transcript
        assert folded.loop.round == tuple(
            c if c.due is None else _same_but_due(c, folded) for c in self.live.loop.round
        )


_OPENS: dict[type[Fact], type[Fact]] = {
    j.RunPaused: j.RunResumed,
    j.ExtensionAwaited: j.RunExtended,
}
_HANDS_OUT = (*get_args(Out), j.CallHandedOutAgain)


def begun_in_vain(facts: Sequence[Fact]) -> list[Fact]:
    """Return every beginning of a call while its run was paused or waited for more.

    Who takes an attempt over that had begun before begins nothing.
    """
    shut, begun, found = set[type[Fact]](), set[tuple[str, int]](), []
    for fact in facts:
        shut -= {why for why in shut if isinstance(fact, _OPENS[why])}
        if type(fact) in _OPENS:
            shut.add(type(fact))
        if isinstance(fact, j.ExtensionRequested) and fact.request_id is None:
            shut.add(j.ExtensionAwaited)
        if isinstance(fact, j.CallBegun):
            attempt = (fact.call_id, fact.attempt)
            found += [fact] if shut and attempt not in begun else []
            begun.add(attempt)
        elif isinstance(fact, _HANDS_OUT):
            found += [fact] if shut else []
    return found


def _same_but_due(chosen: Any, folded: Live) -> Any:
    other = folded.loop.call(chosen.call_id)
    assert other
    return replace(chosen, due=other.due)


TestRun = Run.TestCase
TestRun.settings = settings(
    max_examples=150,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
