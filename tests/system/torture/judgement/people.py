"""What must hold of what people say: each word has one outcome, and counts once.

The controls are read from their own topic: what the journal says of them is what is judged.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from runfold.events import run as j
from runfold.events import topics
from runfold.events.calls import ToolWork
from runfold.events.people.approvals import HoldsFor
from runfold.events.records import commands as c
from runfold.events.records.operations import DeadLetter
from tests.system.oracle import Place, Raw
from tests.system.oracle.histories import CODEC, Histories
from tests.system.torture.judgement.scan import Scanned
from tests.system.torture.simulation.governed import SEND, TENANTS
from tests.system.torture.simulation.noise import POISON

Controls = Mapping[str, Sequence[tuple[Place, c.Control]]]
"""What people said by request: more than once where it was said again."""


def read_controls(records: Sequence[Scanned]) -> Controls:
    """Return the controls among the records of their topic, without the poison."""
    found: dict[str, list[tuple[Place, c.Control]]] = defaultdict(list)
    for each in records:
        if each.mark != POISON and each.value:
            said = CODEC.decode(topics.CONTROLS, each.value)
            assert isinstance(said, c.Control)
            found[said.request_id].append((each.place, said))
    return found


def every_control_has_an_outcome(
    controls: Controls, read: Histories, letters: Sequence[Raw]
) -> Iterator[str]:
    """A run that lives says what became of it, once; what comes after its end is set aside."""
    aside: set[Place] = set()
    for raw in letters:
        letter = CODEC.decode(topics.DEAD_LETTERS, raw.value)
        if isinstance(letter, DeadLetter):
            aside.add(Place(letter.topic, letter.partition, letter.offset))
    causes: dict[str, set[str]] = defaultdict(set)
    for entries in read.runs.values():
        for entry in entries:
            request = getattr(entry.event.fact, "request_id", None)
            if request is not None:
                causes[request].add(entry.event.meta.cause)
    for request, said in controls.items():
        if len(causes[request]) > 1:
            yield f"{request}: has {len(causes[request])} outcomes"
        if not causes[request]:
            yield from (
                f"{request}: nothing became of it" for place, _ in said if place not in aside
            )


def approvals_are_of_people(controls: Controls, read: Histories) -> Iterator[str]:
    """What is approved was approved by so many persons as it needs, as it was shown, once each."""
    for entries in read.runs.values():
        asks: dict[str, j.ApprovalRequested] = {}
        spent: Counter[str] = Counter()
        requester = ""
        for entry in entries:
            match entry.event.fact:
                case j.RunCreated(request=request):
                    requester = request.user_id
                case j.ApprovalRequested() as asked:
                    asks[asked.call_id] = asked
                case (
                    j.ToolCallApproved(request_id=str(request))
                    | j.ApprovalGiven(request_id=request)
                ) as fact:
                    spent[request] += 1
                    if spent[request] > 1:
                        yield f"{request}: is an approval {spent[request]} times"
                    said = [each for _, each in controls.get(request, ())]
                    if any(isinstance(each, c.ResolveToolCall) for each in said):
                        # Who says that it did not happen lets it go on as it was approved.
                        continue
                    yield from _as_said(fact, said, asks.get(fact.call_id))
                    yield from _by_enough(fact, asks.get(fact.call_id), controls, requester)
                case _:
                    pass


_Approval = j.ToolCallApproved | j.ApprovalGiven


def _as_said(
    fact: _Approval, said: Sequence[c.Control], asked: j.ApprovalRequested | None
) -> Iterator[str]:
    for each in said:
        if not isinstance(each, c.ApproveToolCall) or each.call_id != fact.call_id:
            continue
        if asked is None:
            yield f"{fact.call_id}: was approved, and nobody had been asked"
        elif each.shown_digest not in {None, asked.shown_digest}:
            yield f"{fact.call_id}: was approved by what was shown for something else"
        if fact.approvers and fact.approvers[-1].id != each.actor_id:
            yield f"{fact.call_id}: was approved by {each.actor_id}, on record {fact.approvers}"
        if fact.arguments != each.arguments:
            yield f"{fact.call_id}: was approved with other arguments than on record"
        return
    yield f"{fact.call_id}: was approved, and nobody said so ({fact.request_id})"


def _by_enough(
    fact: _Approval, asked: j.ApprovalRequested | None, controls: Controls, requester: str
) -> Iterator[str]:
    terms = asked.terms if asked is not None else None
    if terms is None:
        return
    people = {each.id for each in fact.approvers}
    if len(people) < len(fact.approvers):
        yield f"{fact.call_id}: one person counts twice among {fact.approvers}"
    if isinstance(fact, j.ToolCallApproved) and len(people) < terms.approvers:
        yield f"{fact.call_id}: {len(people)} of {terms.approvers} persons approved it"
    if not terms.requester and requester in people:
        yield f"{fact.call_id}: was approved by {requester}, who asked for the run"
    spoke = {
        said.actor_id
        for each in controls.values()
        for _, said in each
        if isinstance(said, c.ApproveToolCall) and said.call_id == fact.call_id
    }
    if people - spoke:
        yield f"{fact.call_id}: {sorted(people - spoke)} never approved it"


@dataclass
class _Grant:
    """An approval that holds for more calls of its run."""

    tool: str
    level: int
    any_tool: bool
    left: int
    calls: set[str] = field(default_factory=set)


def only_who_may(controls: Controls, read: Histories) -> Iterator[str]:
    """What somebody says who has no right to it, changes nothing where policies give rights."""
    for run_id, entries in read.runs.items():
        if entries[0].event.meta.tenant_id not in TENANTS:
            continue
        tools = {fact.call_id: fact.tool for fact in read.facts(run_id, j.ToolCallProposed)}
        for entry in entries:
            fact = entry.event.fact
            request = getattr(fact, "request_id", None)
            if request is None or isinstance(fact, j.RequestIgnored):
                continue
            for _, said in controls.get(request, ())[:1]:
                if not _may(said, tools):
                    yield f"{request}: {said.actor_id} may not, and it became {entry.event.type}"


def _may(said: c.Control, tools: Mapping[str, str]) -> bool:
    if isinstance(said, c.ApproveToolCall):
        # The rule of who approves is about one tool.
        return "approver" in said.roles or tools.get(said.call_id) != SEND
    return "operator" in said.roles


def grants_are_spent_once(read: Histories) -> Iterator[str]:
    """An approval permits no more calls than it holds for, of its tool or up to its level."""
    for entries in read.runs.values():
        grants: dict[str, _Grant] = {}
        calls: dict[str, j.ToolCallProposed] = {}
        for entry in entries:
            match entry.event.fact:
                case j.ToolCallProposed(call_id=call) as proposed:
                    calls[call] = proposed
                case j.ToolCallApproved(grant_id=str(name), call_id=call):
                    yield from _spent(grants.get(name), calls[call])
                case j.ToolCallApproved(request_id=str(request), holds=holds, call_id=call) if (
                    holds is not None and holds.scope in {HoldsFor.RUN, HoldsFor.TOOL}
                ):
                    by, whole = calls[call], holds.scope is HoldsFor.RUN
                    grants[request] = _Grant(by.tool, by.risk_level, whole, holds.times - 1)
                case _:
                    pass


def _spent(grant: _Grant | None, call: j.ToolCallProposed) -> Iterator[str]:
    if grant is None:
        yield f"{call.call_id}: was permitted by an approval that holds for nothing more"
        return
    if call.call_id in grant.calls:
        yield f"{call.call_id}: spent an approval twice"
    grant.calls.add(call.call_id)
    if len(grant.calls) > grant.left:
        yield f"{call.call_id}: is call {len(grant.calls)} of an approval for {grant.left} more"
    if call.risk_level > grant.level or not (grant.any_tool or call.tool == grant.tool):
        yield f"{call.call_id}: {call.tool} is beyond an approval of {grant.tool}"


def what_is_done_was_approved(works: Sequence[Scanned], read: Histories) -> Iterator[str]:
    """A pool is given the arguments that were proposed, or those that a person gave instead."""
    meant: dict[tuple[str, int], bytes] = {}
    for entries in read.runs.values():
        now: dict[str, bytes] = {}
        for entry in entries:
            match entry.event.fact:
                case j.ToolCallProposed(call_id=call, arguments=arguments):
                    now[call] = arguments.digest
                case (
                    j.ToolCallApproved(call_id=call, arguments=arguments)
                    | j.ApprovalGiven(call_id=call, arguments=arguments)
                ) if arguments is not None:
                    now[call] = arguments.digest
                case j.ToolCallStarted(call_id=call, attempt=attempt):
                    meant[call, attempt] = now[call]
                case _:
                    pass
    for each in works:
        work = CODEC.decode(topics.TOOL_CALLS, each.value) if each.value else None
        if isinstance(work, ToolWork):
            wanted = meant.get((work.call_id, work.attempt))
            if work.arguments.digest != wanted:
                yield f"{work.call_id}: {work.tool} was given other arguments than were approved"
