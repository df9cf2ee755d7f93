"""Whoever decides whatever in any order: no call begins with fewer persons than policies demand.

The facts are judged by an oracle of their own, which knows nothing of the decider's state.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from runfold.events import run as j
from runfold.events.base import Record
from runfold.events.contents.content import Content, json_content
from runfold.events.definitions import DefinitionRetired, Definitions
from runfold.events.people.approvals import Approver, ArgumentBound, Holds, HoldsFor
from runfold.events.records import commands
from runfold.processors.engine.aggregate import Timer
from runfold.processors.run.state import CallStatus, Live, RoundCall
from tests.deciders.given import agent, answer, call, control, request, tool
from tests.deciders.governed import announced, policy
from tests.deciders.policies.test_governed import about, after, published
from tests.properties.test_redecided import RedecidedRun
from tests.replay.walks import Dice, choices

WALKS, STEPS = 60, 90
PAY = tool("pay", risk_level=4, input_schema={"type": "object"}, idempotent=True)
NOTE = tool("note", risk_level=1, input_schema={"type": "object"})
CALLS = 'permit(principal, action == Action::"tool.call", resource);'
_POLICIES = {
    "base": policy(CALLS, "base"),
    "three": policy('@id("3") @approvers("3") ' + CALLS, "three"),
    "others": policy('@id("o") @requester("never") ' + CALLS, "others"),
    "no-ann": policy(
        'forbid(principal == User::"ann", action == Action::"tool.approve", resource);', "no-ann"
    ),
    "ops": policy(
        'permit(principal in Role::"ops", action == Action::"run.control", resource);', "ops"
    ),
}
PERSONS = ("ann", "Ann ", "bob", "eve", "user-1", "USER-1")
"""Names as they are written; the oracle below knows which of them are one person."""
HOLDS = (
    None,
    None,
    Holds(scope=HoldsFor.TOOL, times=2),
    Holds(scope=HoldsFor.RUN, times=3),
    Holds(scope=HoldsFor.PATTERN, times=3, where=(ArgumentBound(pointer="/amount", at_most="2"),)),
    Holds(scope=HoldsFor.TOOL, times=0),
)


class Approved(RedecidedRun):
    """A run with a call of level 4 on offer, approved by whoever, under policies that change."""

    def __init__(self) -> None:
        super().__init__()
        limits = {"max_model_calls": 60, "max_tool_calls": 60}
        made = agent(tools=("pay", "note"), limits=limits, max_malformed=9)
        known = after(published(PAY, NOTE, made), *announced(*_POLICIES.values()))
        for name in set(_POLICIES) - {"base"}:
            known = _ruled(known, name, retired=True)
        self.story = replace(self.story, definitions=known)
        self.in_force = {"base"}
        self.digests: list[bytes] = []
        self.sent_by: dict[str, str] = {}

    def toggle(self, name: str) -> None:
        known = _ruled(self.story.definitions, name, retired=name in self.in_force)
        self.in_force ^= {name}
        self.story = replace(self.story, definitions=known)

    def give(self, body: Record | Timer) -> None:
        if isinstance(body, commands.Control):
            self.sent_by.setdefault(body.request_id, body.actor_id)
        super().give(body)
        for fact in self.story.said:
            match fact:
                case j.ApprovalRequested(shown_digest=bytes(digest)):
                    self.digests.append(digest)
                case j.ToolCallStarted():
                    self._may_begin(fact.call_id)
                case j.ToolCallApproved() | j.ApprovalGiven():
                    self._was_shown(fact)
                case _:
                    pass
        self._no_grant_is_spent_twice()

    def _may_begin(self, call_id: str) -> None:
        facts = [f for f in self.story.facts if getattr(f, "call_id", None) == call_id]
        judged = [f for f in facts if isinstance(f, j.PolicyDecided)][-1]
        assert judged.effect is j.PolicyEffect.PERMIT
        if "approval" not in judged.obligations:
            return
        named = [text for text in judged.obligations if text.startswith("approvers:")]
        needed = int(named[0].partition(":")[2]) if named else 1
        proposed = next(f for f in facts if isinstance(f, j.ToolCallProposed))
        if proposed.tool == "pay" and self.in_force & {"base", "three", "others"}:
            assert needed >= 2
        approvals = [f for f in facts if isinstance(f, j.ToolCallApproved | j.ApprovalGiven)]
        last = [f for f in approvals if isinstance(f, j.ToolCallApproved) and f.approvers]
        persons = set(map(_person, last[-1].approvers)) if last else set()
        if "requester:never" in judged.obligations:
            persons -= {"user-1"}
            needed = max(needed, 1)
        if needed > 1 or "requester:never" in judged.obligations:
            assert len(persons) >= needed
        assert persons <= set(self._said_yes(facts))

    def _said_yes(self, facts: list[object]) -> Iterator[str]:
        """Those who approved the call with its last arguments, or a grant that permitted it."""
        sets = j.ToolCallProposed | j.ToolCallApproved | j.ApprovalGiven
        used, since = b"", 0
        for n, fact in enumerate(facts):
            put = fact.arguments if isinstance(fact, sets) else None
            if put is not None and put.digest != used:
                used, since = put.digest, n
        for fact in facts[since:]:
            if isinstance(fact, j.ToolCallApproved | j.ApprovalGiven):
                yield self.sent_by.get(fact.request_id or "", "").strip().lower()
            if isinstance(fact, j.ToolCallApproved) and fact.grant_id is not None:
                given = [f for f in self.story.facts if isinstance(f, j.ToolCallApproved)]
                grant = next(f for f in given if f.request_id == fact.grant_id)
                yield from map(_person, grant.approvers)

    def _was_shown(self, fact: j.ToolCallApproved | j.ApprovalGiven) -> None:
        """A decision that names what was shown names the question that was open."""
        if fact.shown_digest is None:
            return
        place = self.story.facts.index(fact)
        asked = [
            f
            for f in self.story.facts[:place]
            if isinstance(f, j.ApprovalRequested) and f.call_id == fact.call_id
        ]
        assert asked[-1].shown_digest == fact.shown_digest

    def _no_grant_is_spent_twice(self) -> None:
        given = [f for f in self.story.facts if isinstance(f, j.ToolCallApproved)]
        used = Counter(f.grant_id for f in given if f.grant_id)
        for fact in given:
            if fact.request_id in used:
                assert fact.holds is not None
                assert used[fact.request_id] < fact.holds.times


def _person(approver: Approver) -> str:
    return approver.id.strip().lower()


def _ruled(known: Definitions, name: str, *, retired: bool) -> Definitions:
    return after(known, DefinitionRetired(**about("policy", name), retired=retired))


def _decides(run: Approved, live: Live, dice: Dice, step: int) -> Record | None:
    """Return what somebody says of a call that waits for approval, None where none does."""
    waits = [each for each in live.loop.round if each.status is CallStatus.AWAITING_APPROVAL]
    if not waits:
        return None
    waiting = waits[0]
    who = PERSONS[dice.number(len(PERSONS))]
    return control(
        commands.ApproveToolCall,
        f"by-{who}-{step}",
        call_id=waiting.call_id,
        actor_id=who,
        roles=("ops",) if dice.number(2) else (),
        shown_digest=_digest(run, waiting, dice),
        holds=HOLDS[dice.number(len(HOLDS))],
        arguments=_edited(dice),
    )


def _digest(run: Approved, waiting: RoundCall, dice: Dice) -> bytes | None:
    match dice.number(6):
        case 0:
            return None
        case 1:
            return run.digests[dice.number(len(run.digests))]
        case _:
            return waiting.consent.shown


def _edited(dice: Dice) -> Content | None:
    return json_content({"amount": dice.number(4)}) if dice.number(5) == 0 else None


def _proposes(live: Live, dice: Dice) -> Record | None:
    out = live.loop.model_call
    if out is None or out.status is not CallStatus.RUNNING:
        return None
    name = ("pay", "pay", "note")[dice.number(3)]
    made = call(name, {"amount": dice.number(4)})
    return answer(made, call_id=out.call_id, attempt=out.attempt)


@cache
def _walked() -> Counter[str]:
    """Walk, checking on the way, and return how often each kind of thing followed."""
    found: Counter[str] = Counter()
    for walk in range(WALKS):
        run, dice = Approved(), Dice(20_000 + walk)
        run.give(request())
        for step in range(STEPS):
            live = run.story.state
            if not isinstance(live, Live):
                break
            if step % 7 == 0:
                run.toggle(sorted(_POLICIES)[dice.number(len(_POLICIES))])
            said = _decides(run, live, dice, step) or _proposes(live, dice)
            run.give(said if said and dice.number(8) else dice.of(choices(live, step)))
        found.update(type(fact).__name__ for fact in run.story.facts)
        found.update(
            f"ignored: {fact.code}"
            for fact in run.story.facts
            if isinstance(fact, j.RequestIgnored)
        )
        found["by a grant"] += sum(
            isinstance(fact, j.ToolCallApproved) and fact.grant_id is not None
            for fact in run.story.facts
        )
    return found


def test_no_call_begins_without_the_persons_that_policies_demand() -> None:
    assert _walked()


def test_the_walks_reach_what_is_to_be_shown() -> None:
    found = _walked()
    assert found["ApprovalGiven"] > 100
    assert found["by a grant"] > 20
    assert found["ToolCallStarted"] > 100
    for code in ("stale", "forbidden", "not_shown", "already_approved", "invalid_holds"):
        assert found[f"ignored: {code}"] > 20, code
