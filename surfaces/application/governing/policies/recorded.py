"""Decisions on tool calls as they are on record, each with the run's state before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from runfold.events import run as j
from runfold.events.definitions import Definitions, PoliciesInForce, ToolContract
from runfold.events.run import Event
from runfold.events.wording import plain
from runfold.processors.run.behaviour import CURRENT
from runfold.processors.run.evolve import evolve
from runfold.processors.run.policy import rules as built_in
from runfold.processors.run.policy import verdict
from runfold.processors.run.policy.cedar.engine import parsed_set
from runfold.processors.run.policy.cedar.request import Circumstances
from runfold.processors.run.policy.judging import decision_on
from runfold.processors.run.policy.verdict import Verdict
from runfold.processors.run.state import Live, RoundCall, RunState
from runfold.surfaces.application import shapes
from runfold.surfaces.application.governing.policies.persons_asked import obliged


@dataclass(frozen=True, slots=True)
class Judgement:
    """A decision on a call, and what was known when it was made."""

    event: Event
    fact: j.PolicyDecided
    run: Live
    call: RoundCall

    @property
    def answer(self) -> shapes.PolicyAnswer:
        """What is on record."""
        return answer_of(self.fact)


def answer_of(decision: j.PolicyDecided) -> shapes.PolicyAnswer:
    """Return a decision as it is shown."""
    return shapes.PolicyAnswer(
        effect=decision.effect.value,
        approval=built_in.NEEDS_APPROVAL in decision.obligations,
        policies=tuple(each for each in decision.policy_ids if not _built_in(each)),
        reason=plain(decision.reason),
        persons=_persons(decision.obligations),
        terms=obliged(decision.obligations),
    )


class RunReader:
    """Folds one run's events and yields each decision on a tool call as it comes."""

    def __init__(self) -> None:
        self._state: RunState | None = None

    def take(self, event: Event) -> Judgement | None:
        """Take the next event; return the decision on a call that it is, if it is one."""
        found = self._judgement(event)
        self._state = evolve(self._state, event.fact, event.meta.time)
        return found

    @property
    def ended(self) -> bool:
        """Whether the run is over."""
        return self._state is not None and not isinstance(self._state, Live)

    def _judgement(self, event: Event) -> Judgement | None:
        fact, run = event.fact, self._state
        if not isinstance(fact, j.PolicyDecided) or not isinstance(run, Live):
            return None
        call = run.loop.call(fact.call_id or "")
        return Judgement(event, fact, run, call) if isinstance(call, RoundCall) else None


def judgements(events: Iterable[Event]) -> Iterator[Judgement]:
    """Yield the decisions on a run's tool calls, in order."""
    reader = RunReader()
    for event in events:
        if (found := reader.take(event)) is not None:
            yield found


@dataclass(frozen=True, slots=True)
class Again:
    """A decision made again: the answer, and what policies said where they were asked."""

    answer: shapes.PolicyAnswer
    verdict: Verdict | None = None


def decided_again(
    judgement: Judgement, definitions: Definitions, policies: PoliciesInForce | None
) -> Again | None:
    """Return what is decided of a call by policies; None where its agent is not known any more.

    ``definitions`` hold the agent and the contract that the run has pinned.
    """
    run, call = judgement.run, judgement.call
    agent = definitions.agent(run.agent.name, run.agent.version, run.tenant_id)
    if agent is None:
        return None
    contract = contract_of(run, definitions, call.tool)
    decision = built_in.judge(run, agent, contract, call.tool, call.call_id)
    permitted = decision.effect is j.PolicyEffect.PERMIT
    if policies is None or contract is None or not permitted:
        return Again(answer_of(decision))
    parsed = parsed_set(policies)
    now = Circumstances(run.request, run.counters, judgement.event.meta.time, run.loop.taint)
    said = verdict.on_call(parsed, agent, contract, call.arguments, now)
    return Again(answer_of(decision_on(CURRENT, contract, decision, parsed, said)), said)


def contract_of(run: Live, definitions: Definitions, tool: str) -> ToolContract | None:
    """Return the contract that a run has pinned under a tool's name."""
    pin = next((pin for pin in run.pinned.tools if pin.name == tool), None)
    return definitions.tool(pin.name, pin.version, run.tenant_id) if pin else None


def _persons(obligations: tuple[str, ...]) -> int:
    """Return how many must approve: one where a decision names no other number."""
    if built_in.NEEDS_APPROVAL not in obligations:
        return 0
    said = [each.partition(":")[2] for each in obligations if each.startswith("approvers:")]
    return int(said[0]) if said else 1


def _built_in(policy_id: str) -> bool:
    return policy_id in {built_in.ALLOW_LIST, built_in.APPROVAL, built_in.SCOPES}
