"""What must hold of kill switches and of policies: a decision follows what it had read.

All of it is told by positions of the registry.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from runfold.events import run as j
from runfold.events import topics
from runfold.events.base import Fact
from runfold.events.calls.kinds import MODEL, TOOL
from runfold.events.definitions import DefinitionPublished, SwitchThrown
from runfold.events.json_schema import loaded
from runfold.producers.log.kafka import TopicReader
from runfold.stack.settings import Settings
from tests.system.oracle.histories import CODEC, Entry, Histories
from tests.system.torture.simulation.governed import GATE, forbidden_by

_LAST = 2**62
_STOPPED = frozenset({"stopped", "forbidden", "forbidden_model"})


class Switched(NamedTuple):
    """What was stopped for whom, between which positions of the registry."""

    kind: str
    name: str
    tenant: str | None
    first: int
    behind: int


def read_switches(settings: Settings) -> list[Switched]:
    """Return what was stopped at any time, from the registry."""
    found: list[Switched] = []
    open_: dict[tuple[str, str, str | None], int] = {}
    for each in TopicReader(settings.kafka_config(), CODEC).read(topics.REGISTRY):
        switch = each.record
        if not isinstance(switch, SwitchThrown):
            continue
        key = switch.kind, switch.name, switch.tenant
        # Whoever has read a record has a position behind it.
        position = each.place.offset + 1
        if switch.stopped:
            open_.setdefault(key, position)
        elif key in open_:
            found.append(Switched(*key, open_.pop(key), position))
    found += [Switched(*key, first, _LAST) for key, first in open_.items()]
    return found


def read_gates(settings: Settings) -> dict[str | None, list[int]]:
    """Return by tenant from which positions on another version of their policy is in force."""
    found: dict[str | None, list[int]] = defaultdict(list)
    for each in TopicReader(settings.kafka_config(), CODEC).read(topics.REGISTRY):
        said = each.record
        if isinstance(said, DefinitionPublished) and (said.kind, said.name) == ("policy", GATE):
            found[said.tenant].append(each.place.offset + 1)
    return found


def permits_are_of_the_moment(
    gates: Mapping[str | None, Sequence[int]], read: Histories
) -> Iterator[str]:
    """A tool's call begins by a permit of the policies in force where it begins, never of older."""
    for entries in read.runs.values():
        since = gates.get(entries[0].event.meta.tenant_id, ())
        permitted: dict[str, int] = {}
        begun: set[tuple[str, int]] = set()
        for entry in entries:
            fact, position = entry.event.fact, entry.event.meta.definitions or 0
            version = bisect_right(since, position)
            match fact:
                case j.PolicyDecided(effect=j.PolicyEffect.PERMIT, call_id=str(call)):
                    permitted[call] = version
                case j.CallBegun(kind=TOOL.name) if (fact.call_id, fact.attempt) in begun:
                    continue
                case j.ToolCallStarted(call_id=call) | j.CallBegun(kind=TOOL.name, call_id=call):
                    if isinstance(fact, j.CallBegun):
                        begun.add((call, fact.attempt))
                    if since and permitted.get(call) != version:
                        yield (
                            f"{call}: {type(fact).__name__} under version {version} of its"
                            f" policies, permitted by version {permitted.get(call)}"
                        )
                case _:
                    pass


def read_revocations(settings: Settings) -> list[Switched]:
    """Return what policies of governed tenants forbade at any time, as if a switch had done it."""
    found: list[Switched] = []
    open_: dict[tuple[str, str, str | None], int] = {}
    for each in TopicReader(settings.kafka_config(), CODEC).read(topics.REGISTRY):
        said = each.record
        if not isinstance(said, DefinitionPublished) or (said.kind, said.name) != ("policy", GATE):
            continue
        position = each.place.offset + 1
        forbidden = set(forbidden_by(loaded(said.body.inline or b"{}")["cedar"]))
        mine = {key for key in open_ if key[2] == said.tenant}
        over = mine - {(*each, said.tenant) for each in forbidden}
        found += [Switched(*key, open_.pop(key), position) for key in over]
        for kind, name in forbidden:
            open_.setdefault((kind, name, said.tenant), position)
    return found + [Switched(*key, first, _LAST) for key, first in open_.items()]


def nothing_begins_that_is_stopped(switches: Sequence[Switched], read: Histories) -> Iterator[str]:
    """No call is handed out, tried again or permitted by a decision that had read the switch."""
    for run_id, entries in read.runs.items():
        called: dict[str, str] = {}
        begun: set[tuple[str, int]] = set()
        for entry in entries:
            fact, meta = entry.event.fact, entry.event.meta
            if isinstance(fact, j.ToolCallProposed):
                called[fact.call_id] = fact.tool
            if isinstance(fact, j.ModelCalled):
                called[fact.call_id] = fact.model
            if isinstance(fact, j.CallBegun):
                if (fact.call_id, fact.attempt) in begun:
                    # It may have happened already: whoever asks again is told so, and looks.
                    continue
                begun.add((fact.call_id, fact.attempt))
            kind = _begins(fact)
            if kind is None:
                continue
            position = meta.definitions or 0
            names = {"agent": _agent(entries), "tenant": meta.tenant_id}
            names[kind] = called.get(getattr(fact, "call_id", ""), "")
            for each in switches:
                if (
                    names.get(each.kind) == each.name
                    and each.tenant in {None, meta.tenant_id}
                    and each.first <= position < each.behind
                ):
                    yield (
                        f"{run_id}: {type(fact).__name__} at position {position}, where "
                        f"{each.kind}/{each.name} was stopped from {each.first} to {each.behind}"
                    )


def _begins(fact: Fact) -> str | None:
    """Return of what kind the call is that a fact begins, None where it begins none."""
    match fact:
        case j.ToolCallStarted() | j.CallBegun(kind=TOOL.name):
            return "tool"
        case j.ModelCalled() | j.CallBegun(kind=MODEL.name):
            return "model"
        case j.CallBegun(kind=kind):
            return kind
        case _:
            return None


def denied(read: Histories) -> int:
    """Return how many calls were denied, and how many runs ended, by a switch or a policy."""
    return sum(
        (isinstance(fact, j.ToolCallDenied) and fact.code in {"withdrawn", "forbidden"})
        or (isinstance(fact, j.RunFailed) and fact.error.error_type in _STOPPED)
        for entries in read.runs.values()
        for fact in (entry.event.fact for entry in entries)
    )


def what_was_read_stays_read(read: Histories) -> Iterator[str]:
    """No lane decides with older definitions than it had before, so a switch holds once read."""
    lanes: dict[int, list[Entry]] = defaultdict(list)
    for entries in read.runs.values():
        for entry in entries:
            lanes[entry.raw.place.partition].append(entry)
    for partition, entries in lanes.items():
        newest = 0
        for entry in sorted(entries, key=lambda each: each.raw.place.offset):
            position = entry.event.meta.definitions or 0
            if position < newest:
                yield f"lane {partition}: decides at position {position} after {newest}"
            newest = max(newest, position)


def _agent(entries: Sequence[Entry]) -> str:
    first = entries[0].event.fact
    return first.agent.name if isinstance(first, j.RunCreated) else ""
