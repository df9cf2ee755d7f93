"""A run that its tenant admits and that meets its limits, asks for more, is extended or refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from runfold.events import run as j
from runfold.events.definitions import ModelChoice, RetryPolicy
from runfold.events.definitions.agents.agent import WhenSpent
from runfold.events.records import commands
from runfold.events.tenant import (
    AdmissionAnswered,
    Amount,
    CallRates,
    ExtensionAnswered,
    Verdict,
)
from runfold.events.values import Limits
from runfold.processors.run.lifecycle.deadlines import next_timer
from tests.deciders.given import (
    LOOK,
    RUN,
    SEND,
    WRITE,
    agent,
    answer,
    call,
    definitions,
    request,
)
from tests.properties.test_redecided import RedecidedRun
from tests.spec import Story
from tests.tenant.given import policy

MORE = {"usd": Decimal("0.02"), "model_calls": 1, "tool_calls": 1}
VERDICTS = st.sampled_from([Verdict.GRANTED, Verdict.REFUSED, Verdict.UNKNOWN])


class Extended(RedecidedRun):
    """The same run, with a tenant, narrow limits and a slow pace."""

    ACTION = "ask"
    MODEL_CALLS = TOOL_CALLS = 2
    RATES: CallRates | None = CallRates(model_calls=1, tool_calls=2)

    def __init__(self) -> None:
        super().__init__()
        worker = agent(
            model=ModelChoice(
                name="scripted:x", retry=RetryPolicy(max_attempts=2), context_tokens=40
            ),
            limits=Limits(
                max_model_calls=self.MODEL_CALLS,
                max_tool_calls=self.TOOL_CALLS,
                max_identical_calls=4,
                max_cost=Decimal("0.02"),
            ),
            when_spent=WhenSpent(action=self.ACTION, more=MORE, times=2),  # type: ignore[arg-type]
        )
        known = definitions(LOOK, WRITE, SEND, worker)
        self.story = Story(known.plus("tenant_policy", policy().body(), 100))
        self.asked: list[str] = []

    @initialize()
    def begin(self) -> None:
        self.give(request())
        self.give(
            AdmissionAnswered(
                run_id=RUN,
                verdict=Verdict.GRANTED,
                reserved=(Amount(unit="retries", amount=Decimal(1)),),
                rates=self.RATES,
            )
        )

    @rule(unit=st.sampled_from(("usd", "model_calls", "tool_calls", "tokens", "retries", "eur")))
    def person_extends(self, unit: str) -> None:
        amount = Decimal("0.03") if unit == "usd" else Decimal(2)
        added = (Amount(unit=unit, amount=amount),)
        self.give(self.person(commands.ExtendRun, added=added))

    @rule()
    def person_denies(self) -> None:
        self.give(self.person(commands.DenyExtension))

    @precondition(lambda self: self.live and self.live.budget.more.pending)
    @rule(verdict=VERDICTS, data=st.data())
    def the_tenant_answers(self, verdict: Verdict, data: st.DataObject) -> None:
        assert self.live
        name = data.draw(st.sampled_from([*self.live.budget.more.pending]))
        asked = [f for f in self.story.facts if isinstance(f, j.ExtensionRequested)]
        (added,) = [fact.added for fact in asked if fact.extension_id == name]
        said = {"run_id": RUN, "extension_id": name, "verdict": verdict, "added": added}
        answer = ExtensionAnswered.model_validate(said)
        self.give(answer)
        assert self.story.when(answer).said == ()

    @invariant()
    def nothing_is_used_beyond_what_was_given(self) -> None:
        if not self.live:
            return
        used, limits = self.live.counters, self.live.limits
        given = self._given()
        assert limits.max_cost == Decimal("0.02") + given["usd"]
        assert limits.max_model_calls == self.MODEL_CALLS + given["model_calls"]
        assert limits.max_retries == 1 + given["retries"]
        assert used.tool_calls <= self.TOOL_CALLS + given["tool_calls"]
        assert used.model_calls <= limits.max_model_calls + used.retries
        assert used.retries <= limits.max_retries
        assert min(self.live.budget.reservations.values(), default=Decimal(0)) >= 0

    @invariant()
    def one_that_waits_asks_once(self) -> None:
        waits = False
        for fact in self.story.facts:
            match fact:
                case j.ExtensionAwaited():
                    assert not waits
                    waits = True
                case j.RunExtended() | j.LimitReached():
                    waits = False
                case _:
                    pass

    @invariant()
    def no_deadline_that_has_passed_stands(self) -> None:
        timer = next_timer(self.live) if self.live else None
        assert timer is None or timer.due > self.story.now or not timer.kind.startswith("pace")

    def _given(self) -> dict[str, Any]:
        found: dict[str, Any] = dict.fromkeys(
            ("usd", "tokens", "tool_calls", "model_calls", "retries"), Decimal(0)
        )
        for fact in self.story.facts:
            for each in fact.added if isinstance(fact, j.RunExtended) else ():
                found[each.unit] += each.amount
        return found


class Extending(Extended):
    """The same, but the run asks its tenant by itself."""

    ACTION = "extend"


class Crowded(Extended):
    """The same, but it meets its limit while other calls of the round are still open."""

    MODEL_CALLS = 9
    RATES = None

    @initialize()
    def begin(self) -> None:
        super().begin()
        paths = ("a", "b", "c")
        calls = [call("send", {"path": path}, f"c{n}") for n, path in enumerate(paths)]
        self.give(answer(*calls))
        assert self.live
        assert self.live.budget.more.met is not None


TestExtended = Extended.TestCase
TestExtending = Extending.TestCase
TestCrowded = Crowded.TestCase
TestExtended.settings = TestExtending.settings = TestCrowded.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
