"""Whatever a policy server answers, and whenever: no call begins but by its permission.

A call is handed out in the decision that hears it permitted. Where it then waits, in a pool or in
this process, it begins only under the policies that were in force when its servers were heard.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache

import pytest

from runfold.events import run as j
from runfold.events.base import Record
from runfold.events.calls import Outcome, PolicyResult, ServerAnswer
from runfold.events.definitions import PolicyServer
from runfold.events.values import ErrorInfo, Placement
from runfold.processors.engine.aggregate import Timer
from runfold.processors.run.agent.calls.beginnings import OTHER_POLICIES
from runfold.processors.run.state import CallStatus, Live, OpenCall, PolicyCall
from tests.deciders.given import LOOK, RUN, SEND, WRITE, begins, request
from tests.deciders.governed import SENDS, announced, policy
from tests.deciders.policies.test_governed import after
from tests.properties.test_policies_hold import Governed, _ruled
from tests.replay.walks import Dice, choices

WALKS, STEPS = 80, 60
MADE = WRITE, SEND
BOTH = pytest.mark.parametrize("placement", [Placement.POOL, Placement.LOCAL])
_SERVED = {
    "holds": PolicyServer(path="one"),
    "denies": PolicyServer(path="two", when_unavailable="deny", from_level=1),
}


class Served(Governed):
    """A run under which policies that name a server come and go as well."""

    permits = Governed.permits | frozenset(_SERVED)

    def __init__(self, placement: Placement) -> None:
        super().__init__(LOOK, *(each.model_copy(update={"placement": placement}) for each in MADE))
        self.heard: dict[tuple[str, int], set[tuple[str, bytes]]] = {}
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
                self.heard[fact.call_id, fact.attempt] = self._heard(fact.call_id)
                self._is_permitted(fact)
            elif self.begins(fact):
                self._is_permitted(fact)

    def _is_permitted(self, fact: j.ToolCallStarted | j.CallBegun) -> None:
        policies = self.story.definitions.policies("acme")
        asked = self._asked(fact.call_id)
        assert policies is not None or not asked
        heard = self.heard[fact.call_id, fact.attempt]
        assert {(name, policies.digest) for name in asked if policies} <= heard

    def _asked(self, call_id: str) -> set[str]:
        """Return the policies of now that have a server asked about a call."""
        proposed = next(
            f
            for f in self.story.facts
            if isinstance(f, j.ToolCallProposed) and f.call_id == call_id
        )
        return {
            f"{name}@1.0"
            for name, server in _SERVED.items()
            if name in self.in_force and proposed.risk_level >= server.from_level
        }

    def _heard(self, call_id: str) -> set[tuple[str, bytes]]:
        """Return which servers permitted a call in this decision, under which policies."""
        return {
            (fact.policy_ids[0], fact.policy_digest)
            for fact in self.story.said
            if isinstance(fact, j.PolicyDecided)
            and fact.server is not None
            and fact.call_id == call_id
            and fact.effect is j.PolicyEffect.PERMIT
        }


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


def _stands(call: OpenCall) -> bool:
    """Whether a call is handed out and nobody has begun it."""
    return call.status is CallStatus.RUNNING and not call.beginning.by


@cache
def _walked(placement: Placement) -> Counter[str]:
    found: Counter[str] = Counter()
    names = [*_SERVED, "sends", "asks", "no-looking"]
    for walk in range(WALKS):
        run, dice = Served(placement), Dice(20_000 + walk)
        run.toggle("sends")
        run.toggle(names[walk % 2])
        run.give(request())
        for step in range(STEPS):
            state = run.story.state
            if not isinstance(state, Live):
                break
            stands = [c for c in state.loop.round if _stands(c)]
            if step % 7 == 3 or (stands and dice.number(3) == 0):
                run.toggle(names[dice.number(len(names))])
            out = [
                call
                for call in state.loop.calls
                if isinstance(call, PolicyCall) and call.status is CallStatus.RUNNING
            ]
            if stands and dice.number(2):
                at = stands[dice.number(len(stands))]
                run.give(begins(int(at.call_id.rpartition(".")[2]), at.attempt))
            elif out and dice.number(2):
                run.give(dice.of(answers(out[dice.number(len(out))], dice)))
            else:
                run.give(dice.of(choices(state, step)))
        found.update(type(fact).__name__ for fact in run.story.facts)
        found.update(f.code for f in run.story.facts if isinstance(f, j.CallHeld))
    return found


@BOTH
def test_nothing_begins_that_the_servers_of_its_moment_have_not_permitted(
    placement: Placement,
) -> None:
    assert _walked(placement)


@BOTH
def test_the_walks_reach_what_servers_decide(placement: Placement) -> None:
    found = _walked(placement)
    asked = ("PolicyAsked", "PolicyAnswered", "PolicyUnanswered")
    for name in (*asked, "ToolCallStarted", "CallBegun", OTHER_POLICIES):
        assert found[name] > 5, found
