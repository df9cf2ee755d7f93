"""Whatever a policy server answers, and whenever: no call begins but in the decision that hears it
permitted, under the policies of that moment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache

from runfold.events import run as j
from runfold.events.base import Record
from runfold.events.calls import Outcome, PolicyResult, ServerAnswer
from runfold.events.definitions import PolicyServer
from runfold.events.values import ErrorInfo
from runfold.processors.engine.aggregate import Timer
from runfold.processors.run.state import CallStatus, Live, PolicyCall
from tests.deciders.given import RUN, request
from tests.deciders.governed import SENDS, announced, policy
from tests.deciders.test_governed import after
from tests.properties.test_policies_hold import Governed, _ruled
from tests.replay.walks import Dice, choices

WALKS, STEPS = 160, 60
_SERVED = {
    "holds": PolicyServer(path="one"),
    "denies": PolicyServer(path="two", when_unavailable="deny", from_level=1),
}


class Served(Governed):
    """A run under which policies that name a server come and go as well."""

    permits = Governed.permits | frozenset(_SERVED)

    def __init__(self) -> None:
        super().__init__()
        made = [
            policy(SENDS, name).model_copy(update={"server": server})
            for name, server in _SERVED.items()
        ]
        known = after(self.story.definitions, *announced(*made))
        for name in _SERVED:
            known = _ruled(known, name, retired=True)
        self.use(known)

    def give(self, body: Record | Timer) -> None:
        super().give(body)
        for fact in self.story.said:
            if isinstance(fact, j.ToolCallStarted):
                self._heard(fact)

    def _heard(self, started: j.ToolCallStarted) -> None:
        proposed = next(
            f
            for f in self.story.facts
            if isinstance(f, j.ToolCallProposed) and f.call_id == started.call_id
        )
        asked = {
            f"{name}@1.0"
            for name, server in _SERVED.items()
            if name in self.in_force and proposed.risk_level >= server.from_level
        }
        digest = self.story.definitions.policies("acme")
        heard = {
            fact.policy_ids[0]
            for fact in self.story.said
            if isinstance(fact, j.PolicyDecided)
            and fact.server is not None
            and fact.call_id == started.call_id
            and fact.effect is j.PolicyEffect.PERMIT
            and digest is not None
            and fact.policy_digest == digest.digest
        }
        assert asked <= heard


def answers(call: PolicyCall, dice: Dice) -> list[Callable[[], Record]]:
    """What a process may report of a question, rightly or wrongly."""

    def said(attempt: int, *how: bool, asks: bool = False, cut: int = 9) -> PolicyResult:
        found = tuple(
            ServerAnswer(policy=each.policy, permitted=how[n % len(how)], asks_person=asks)
            for n, each in enumerate(call.questions)
        )
        return PolicyResult(
            run_id=RUN,
            call_id=call.call_id,
            attempt=attempt,
            outcome=Outcome.SUCCEEDED,
            latency_ms=1,
            answers=found[:cut],
            input_digest=call.input.digest,
        )

    def silent(outcome: Outcome) -> PolicyResult:
        error = ErrorInfo(error_type="policy_server", message="away", retryable=True)
        return said(call.attempt, True).model_copy(
            update={"outcome": outcome, "answers": (), "input_digest": None, "error": error}
        )

    now = call.attempt
    permits = [lambda: said(now, True)] * 4
    return [
        *permits,
        lambda: said(now, True, asks=True),
        lambda: said(now, False),
        lambda: said(now, True, False),
        lambda: said(now, True, cut=0),
        lambda: said(now - 1, True),
        lambda: silent(Outcome.HELD),
        lambda: silent(Outcome.FAILED),
    ]


@cache
def _walked() -> Counter[str]:
    found: Counter[str] = Counter()
    names = [*_SERVED, "sends", "asks", "no-looking"]
    for walk in range(WALKS):
        run, dice = Served(), Dice(20_000 + walk)
        run.toggle("sends")
        run.toggle(names[walk % 2])
        run.give(request())
        for step in range(STEPS):
            state = run.story.state
            if not isinstance(state, Live):
                break
            if step % 7 == 3:
                run.toggle(names[dice.number(len(names))])
            out = [
                call
                for call in state.loop.calls
                if isinstance(call, PolicyCall) and call.status is CallStatus.RUNNING
            ]
            if out and dice.number(2):
                run.give(dice.of(answers(out[dice.number(len(out))], dice)))
            else:
                run.give(dice.of(choices(state, step)))
        found.update(type(fact).__name__ for fact in run.story.facts)
    return found


def test_nothing_begins_that_the_servers_of_its_moment_have_not_permitted() -> None:
    assert _walked()


def test_the_walks_reach_what_servers_decide() -> None:
    found = _walked()
    for name in ("PolicyAsked", "PolicyAnswered", "PolicyUnanswered", "ToolCallStarted"):
        assert found[name] > 10, found
