"""Policies that come and go while a run is under way hold at every beginning of a call."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache
from typing import TypeGuard

from runfold.events import run as j
from runfold.events.base import Fact, Record
from runfold.events.definitions import DefinitionRetired, Definitions, ToolContract
from runfold.processors.engine.aggregate import Timer
from runfold.processors.run.state import Live
from tests.deciders.given import LOOK, SEND, WRITE, agent, definitions, request
from tests.deciders.governed import NO_X, SENDS, announced, policy
from tests.deciders.policies.test_governed import about, after
from tests.properties.test_redecided import RedecidedRun
from tests.replay.walks import Dice, choices

WALKS, STEPS = 200, 60
_POLICIES = {
    "asks": policy('@approval("always")' + SENDS, "asks"),
    "broken": policy(
        'forbid(principal, action == Action::"tool.call", resource == Tool::"write")'
        " when { context.nothing };",
        "broken",
    ),
    "models": policy(NO_X.format("other:model"), "models"),
    "no-looking": policy(
        'forbid(principal, action == Action::"tool.call", resource == Tool::"look");', "no-looking"
    ),
    "sends": policy(SENDS, "sends"),
}


class Governed(RedecidedRun):
    """A run under which policies are published and retired; every decision is made again."""

    permits = frozenset({"sends", "asks"})
    """The policies that permit to send."""

    def __init__(self, *tools: ToolContract) -> None:
        super().__init__()
        plain = definitions(*(tools or (LOOK, WRITE, SEND)), agent(max_malformed=3))
        known = after(plain, *announced(*_POLICIES.values()))
        for name in _POLICIES:
            known = _ruled(known, name, retired=True)
        self.story = replace(self.story, definitions=known)
        self.in_force: set[str] = set()

    def use(self, known: Definitions) -> None:
        self.story = replace(self.story, definitions=known)

    def toggle(self, name: str) -> None:
        known = _ruled(self.story.definitions, name, retired=name in self.in_force)
        self.in_force ^= {name}
        self.story = replace(self.story, definitions=known)

    def give(self, body: Record | Timer) -> None:
        super().give(body)
        for fact in self.story.said:
            if isinstance(fact, j.ToolCallStarted) or self.begins(fact):
                self._may_begin(fact.call_id)

    def begins(self, fact: Fact) -> TypeGuard[j.CallBegun]:
        """Whether a fact permits a tool call that was handed out to begin.

        Whoever asks after another was permitted has found its work without a result.
        """
        if not isinstance(fact, j.CallBegun) or fact.kind != "tool":
            return False
        begun = (f for f in self.story.facts if isinstance(f, j.CallBegun))
        this = (fact.call_id, fact.attempt)
        return next(f for f in begun if (f.call_id, f.attempt) == this) is fact

    def _may_begin(self, call_id: str) -> None:
        about_it = [f for f in self.story.facts if getattr(f, "call_id", None) == call_id]
        decided = [f for f in about_it if isinstance(f, j.PolicyDecided)]
        assert decided[-1].effect is j.PolicyEffect.PERMIT
        if not self.in_force:
            return
        tool = next(f.tool for f in about_it if isinstance(f, j.ToolCallProposed))
        assert {"look": "no-looking", "write": "broken"}.get(tool) not in self.in_force
        if tool == "send":
            assert self.in_force & self.permits
        if tool == "send" and "asks" in self.in_force:
            assert any(isinstance(f, j.ToolCallApproved) and f.request_id for f in about_it)


def _ruled(known: Definitions, name: str, *, retired: bool) -> Definitions:
    return after(known, DefinitionRetired(**about("policy", name), retired=retired))


@cache
def _walked() -> Counter[str]:
    """Walk, checking on the way, and return how often each kind of fact followed."""
    found: Counter[str] = Counter()
    for walk in range(WALKS):
        run, dice = Governed(), Dice(10_000 + walk)
        run.give(request())
        for step in range(STEPS):
            if not isinstance(run.story.state, Live):
                break
            if step % 3 == 0:
                run.toggle(sorted(_POLICIES)[dice.number(len(_POLICIES))])
            run.give(dice.of(choices(run.story.state, step)))
        found.update(type(fact).__name__ for fact in run.story.facts)
    return found


def test_nothing_begins_that_the_policies_of_its_moment_forbid() -> None:
    assert _walked()


def test_the_walks_reach_what_policies_decide() -> None:
    found = _walked()
    assert found["ToolCallStarted"] > 30
    assert found["ToolCallDenied"] > 30
    assert found["CallBegun"] > 30
