"""Whatever happens to a run that people take over, its history stays a legal one."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from runfold.events import run as j
from runfold.events.contents.content import json_content, text
from runfold.events.records import commands
from runfold.processors.run.lifecycle.deadlines import next_timer
from runfold.processors.run.state import CallStatus, Ended
from tests.deciders.given import call
from tests.properties.test_run_machine import ARGUMENTS, NAMES, Run

WHO = st.sampled_from(["ann", "bob"])


class Held(Run):
    """A run under any sequence of inputs that two people take over and hand back."""

    def by(self, kind: type[commands.Control], who: str, **fields: Any) -> None:
        self.give(self.person(kind, actor_id=who, **fields))

    @precondition(lambda self: self.live)
    @rule(who=WHO)
    def takes_over(self, who: str) -> None:
        assert self.live
        before = self.live.idle.held
        self.by(commands.TakeOverRun, who)
        assert self.live
        held = self.live.idle.held
        assert held is not None
        assert held.by == (before.by if before else who)

    @precondition(lambda self: self.live and self.live.idle.held)
    @rule(who=WHO, calls=st.lists(st.tuples(NAMES, ARGUMENTS), max_size=3), words=st.booleans())
    def replies(self, who: str, calls: list[tuple[str, object]], words: bool) -> None:
        proposed = tuple(call(name, given, f"c{n}") for n, (name, given) in enumerate(calls))
        self.by(commands.ReplyAsModel, who, calls=proposed, text=text("so") if words else None)

    @precondition(lambda self: self.live and self.live.loop.round)
    @rule(data=st.data(), who=WHO, failed=st.booleans())
    def gives_a_result(self, data: st.DataObject, who: str, failed: bool) -> None:
        assert self.live
        chosen = data.draw(st.sampled_from(self.live.loop.round))
        given = {"call_id": chosen.call_id, "result": json_content(1), "failed": failed}
        self.by(commands.GiveResult, who, **given)

    @precondition(lambda self: self.live and self.live.idle.held)
    @rule()
    def hands_back(self) -> None:
        """It is always possible, whatever is open."""
        assert self.live
        held = self.live.idle.held
        assert held is not None
        self.by(commands.HandBackRun, held.by)
        assert isinstance(self.story.said[0], j.RunHandedBack)
        assert isinstance(self.story.state, Ended) or self.live.idle.held is None

    @invariant()
    def a_held_run_calls_no_model(self) -> None:
        held: str | None = None
        for fact in self.story.facts:
            match fact:
                case j.RunTakenOver(by=by):
                    assert held is None
                    held = by
                case j.RunHandedBack():
                    held = None
                case j.ModelCalled() | j.ContextCalled() | j.ModelResponded():
                    assert held is None
                case j.PersonReplied(by=by) | j.ResultGiven(by=by):
                    assert by == held
                case _:
                    pass

    @invariant()
    def nothing_is_answered_twice(self) -> None:
        answered = Counter(
            fact.call_id
            for fact in self.story.facts
            if isinstance(fact, j.ToolCallSucceeded | j.ResultGiven | j.ToolCallDenied)
        )
        answered.update(
            fact.reply_id for fact in self.story.facts if isinstance(fact, j.PersonReplied)
        )
        assert all(count == 1 for count in answered.values())

    @invariant()
    def nothing_of_a_person_costs(self) -> None:
        if self.live:
            models = sum(isinstance(f, j.ModelCalled) for f in self.story.facts)
            # A held attempt is taken back.
            assert self.live.counters.model_calls <= models

    @invariant()
    def a_live_run_is_never_forgotten(self) -> None:
        run = self.live
        if run is None or run.idle.paused:
            return
        if run.idle.held is not None:
            timer = next_timer(run)
            assert timer is not None
            assert timer.due <= run.idle.held.until
            return
        stands = {c.status for c in run.loop.calls} - {CallStatus.CLOSED}
        assert stands


TestHeld = Held.TestCase
TestHeld.settings = settings(
    max_examples=100,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
