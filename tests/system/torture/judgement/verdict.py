"""The judgement of one round: every rule on everything that is left, and the figures."""

from __future__ import annotations

import gc
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from runfold.events import topics
from runfold.events.run import CallHeld, RunCancelled, ToolCallUncertain
from runfold.infra.settings.declared.variables import TOOL_DEATHS
from tests.system import oracle
from tests.system.oracle.histories import Histories, histories
from tests.system.torture.faults.plan import kinds_of
from tests.system.torture.game import Left
from tests.system.torture.judgement import rules, waiting
from tests.system.torture.judgement.governing import govern
from tests.system.torture.judgement.recovery import recoveries
from tests.system.torture.judgement.scan import Scanned, scan
from tests.system.torture.judgement.surfaces import judge_surfaces
from tests.system.torture.simulation import load
from tests.system.torture.simulation.ledger import ACTED, DIES, Execution, Ledger
from tests.system.torture.simulation.noise import INPUTS, POISON
from tests.system.torture.simulation.people import LEDGER
from tests.system.torture.simulation.tools import ONCE

BROKEN = "broken.txt"
"""In a round's folder: what the journal says of runs with which something is wrong."""

_PROJECTOR_FENCED = 3
_RUN_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TOLD = 5
# The deaths of a call are counted together by all pools; each of two pools may make it once more,
# where they begin it at the same moment, or are killed before they have counted.
_POOLS = 2
_MOST_DEATHS = TOOL_DEATHS.default + _POOLS
_VIEWS = (
    "positions_rise",
    "rows_equal_the_journal",
    "positions_are_at_the_end",
    "the_audit_found_nothing",
)
_WRITES = ("seq_counts_without_a_gap", "the_chain_is_intact", "a_run_stays_on_its_partition")


@dataclass
class Verdict:
    """What a round came to; ``violations`` is empty where every invariant held."""

    violations: list[str]
    runs: int = 0
    acknowledged: int = 0
    inputs: int = 0
    events: int = 0
    kills: int = 0
    suppressed: int = 0
    poison: int = 0
    deadly: int = 0
    calls_held: int = 0
    cancelled: int = 0
    uncertain: int = 0
    admitted: int = 0
    refused: int = 0
    waited: int = 0
    stopped: int = 0
    acts: int = 0
    zombies_refused: int = 0
    views_compared: int = 0
    settled_s: float = 0.0
    faults: dict[str, int] = field(default_factory=dict)
    ends: dict[str, int] = field(default_factory=dict)
    recovery_s: dict[str, list[float]] = field(default_factory=dict)
    waits_s: dict[str, list[float]] = field(default_factory=dict)
    tried: dict[str, int] = field(default_factory=dict)
    surfaces: dict[str, int] = field(default_factory=dict)
    restores: list[tuple[int, float]] = field(default_factory=list)
    timeline: list[tuple[float, int]] = field(default_factory=list)
    marks: list[tuple[float, str]] = field(default_factory=list)

    @property
    def lost(self) -> int:
        """Acknowledged requests without an end, or whose end nobody was told."""
        return self._count("has 0 ends", "announced 0 times", "did not end in time")

    @property
    def doubled(self) -> int:
        """Things that happened twice: ends, acts, announcements, dead letters."""
        return self._count(
            "acted",
            "executed",
            r"has [2-9]\d* ends",
            r"announced [2-9]",
            "[2-9] dead",
            "effect [2-9]",
        )

    @property
    def unequal_views(self) -> int:
        """Rows that differ from the journal."""
        return sum(v.startswith(_VIEWS) for v in self.violations)

    @property
    def zombie_writes(self) -> int:
        """Events that stand where they may not."""
        return sum(v.startswith(_WRITES) for v in self.violations)

    def _count(self, *told: str) -> int:
        return sum(any(re.search(word, v) for word in told) for v in self.violations)

    def as_dict(self) -> dict[str, object]:
        """For the report."""
        more = {
            name: getattr(self, name)
            for name in ("lost", "doubled", "unequal_views", "zombie_writes")
        }
        return asdict(self) | more


def judge(left: Left, *, ownership: str) -> Verdict:
    """Read all there is and judge it."""
    # Millions of objects that all live to the end: looking for garbage among them costs half.
    gc.disable()
    try:
        return _judge(left, ownership)
    finally:
        gc.enable()


def _judge(left: Left, ownership: str) -> Verdict:
    records = {topic: list(scan(left.settings, topic)) for topic in INPUTS}
    poison = {one.place for found in records.values() for one in found if one.mark == POISON}
    rows = Ledger(left.folder / LEDGER).rows()
    seen = oracle.read_all(left.settings, poison=poison, may_be_uncertain=True)
    seen = replace(
        seen,
        tool="world.pay",
        ledger=tuple(row.key for row in rows if row.phase == ACTED and row.tool in ONCE),
        late_inputs=True,
    )
    read = histories(seen)
    surfaces = judge_surfaces(left.folder, load.read_log(left.folder), read, seen, left.sizes)
    asked = surfaces.asked
    excused = any(fault.kind == "clock" or fault.seconds > 20 for _, fault in left.injector.done)
    events = list(scan(left.settings, topics.EVENTS))
    found = oracle.violations(seen, read)
    harmed, waited = _harmed(left, rows), waiting.waits(rows, events, read)
    governed = govern(left.settings, read, records[topics.CONTROLS], seen.dead_letters)
    found += governed.found + surfaces.found
    for name, sentences in (
        ("acknowledged_means_ended", rules.acknowledged_means_ended(asked, read)),
        ("acted_once", rules.acted_once(rows)),
        ("success_is_true", rules.success_is_true(rows, read)),
        ("nothing_undecided", rules.nothing_undecided(rows, events, read)),
        (
            "doubt_is_justified",
            rules.doubt_is_justified(rows, read, harmed, excused=excused),
        ),
        (
            "nothing_after_the_end",
            waiting.nothing_after_the_end(rows, events, read, harmed),
        ),
        ("no_attempt_that_was_not_made", waiting.no_attempt_that_was_not_made(rows, read)),
        ("only_away", waiting.only_away(read)),
        ("neighbours_are_independent", waiting.neighbours_are_independent(waited)),
        ("nobody_else_on_these_topics", left.strangers),
    ):
        found += [f"{name}: {sentence}" for sentence in sentences]
    found += [
        f"poison_ends_alone: {said}"
        for said in rules.poison_ends_alone(rows, read, most=_MOST_DEATHS, excused=excused)
    ]
    found += [f"owners_do_not_fight: {said}" for said in rules.owners_do_not_fight(_openings(left))]
    found += [f"told to stop: {name} ended with {code}" for name, code in left.drained if code]
    (left.folder / BROKEN).write_text("\n\n".join(_stories(found, read)))
    again, twice = repeats(records, read)
    found += [f"a_repeat_changes_nothing: {said}" for said in twice]
    found += [f"positions_rise: {said}" for said in left.regressions]
    found += [f"settled: {run_id} did not end in time" for run_id in left.missing]
    return Verdict(
        violations=found,
        runs=len(asked.sent),
        acknowledged=len(asked.acknowledged),
        inputs=sum(map(len, records.values())) + _work(left),
        events=len(seen.events),
        kills=_kills(left),
        suppressed=again,
        poison=len(poison),
        deadly=len({row.call_id for row in rows if row.phase == DIES}),
        calls_held=sum(len(read.facts(run_id, CallHeld)) for run_id in read.runs),
        cancelled=sum(len(read.facts(run_id, RunCancelled)) for run_id in read.runs),
        waits_s={name: [round(each, 3) for each in found] for name, found in waited.items()},
        uncertain=sum(len(read.facts(run_id, ToolCallUncertain)) for run_id in read.runs),
        admitted=governed.admitted,
        refused=governed.refused,
        waited=governed.waited,
        stopped=governed.stopped,
        tried=governed.tried,
        surfaces=surfaces.figures,
        acts=sum(row.phase == ACTED for row in rows),
        zombies_refused=sum(1 for _ in _said(left, "lane fenced")) + _overtaken(left),
        restores=[(one["records"], one["seconds"]) for one in _said(left, "lane restored")],
        views_compared=len(seen.tables.runs) if seen.tables else 0,
        settled_s=round(left.settled_s, 2),
        faults=kinds_of([fault for _, fault in left.injector.done]),
        ends=dict(Counter(f"{d.name}: {d.cause} ({d.code})" for d in left.keeper.deaths)),
        recovery_s=recoveries(left, records, events, ownership),
        timeline=_timeline(left, events),
        marks=[
            (at - left.began, f"{f.kind} {f.target} {f.detail}") for at, f in left.injector.done
        ],
    )


def repeats(records: dict[str, list[Scanned]], read: Histories) -> tuple[int, list[str]]:
    """How many inputs said again what had been said and changed nothing; those that did."""
    causes = {entry.event.meta.cause for run in read.runs.values() for entry in run}
    copies: Counter[tuple[str, bytes]] = Counter()
    took: Counter[tuple[str, bytes]] = Counter()
    for topic, found in records.items():
        for one in found:
            if one.mark == POISON or not one.value:
                continue
            key = (topic, one.value)
            copies[key] += 1
            took[key] += "/".join(map(str, one.place)) in causes
    twice = [
        f"{topic}: one and the same input took effect {count} times: {value[:60]!r}"
        for (topic, value), count in took.items()
        if count > 1
    ]
    return sum(count - 1 for count in copies.values()) - sum(took[k] > 1 for k in took), twice


def _work(left: Left) -> int:
    """How many records the pools were given."""
    return sum(1 for _ in scan(left.settings, topics.TOOL_CALLS))


def _stories(found: list[str], read: Histories) -> Iterator[str]:
    """The journal of the first runs that a violation names."""
    named = dict.fromkeys(run for said in found for run in _RUN_ID.findall(said))
    for run_id in list(named)[:_TOLD]:
        yield "\n".join(
            [run_id, *(f"{entry.raw.place} {entry.event!r}" for entry in read.runs.get(run_id, ()))]
        )


def _kills(left: Left) -> int:
    failed = sum(d.cause.startswith("failpoint") for d in left.keeper.deaths)
    return left.injector.kills + failed


def _harmed(left: Left, rows: Sequence[Execution]) -> set[int]:
    """Processes that were killed or frozen, ended by a tool, or late as if they had been killed.

    Their workers too: one ends with its pool, and one whose pool stood still was waited for by
    nobody.
    """
    lapsed = _said(left, "the lease had lapsed: others may", "tools")
    ended = {row.pid for row in rows if row.phase == DIES}
    harmed = left.keeper.harmed | ended | {said["pid"] for said in lapsed}
    workers = _said(left, "a worker was started for", "tools")
    return harmed | {said["child"] for said in workers if said["pid"] in harmed}


def _said(left: Left, message: str, kind: str = "runs") -> Iterator[dict[str, Any]]:
    """What processes of a kind logged under a message, or one that begins so."""
    for path in left.folder.glob(f"{kind}.log*"):
        for line in path.read_text(errors="replace").splitlines():
            if f'"{message}' in line and line.startswith("{") and line.endswith("}"):
                yield json.loads(line)


def _openings(left: Left) -> dict[int, list[float]]:
    found: dict[int, list[float]] = defaultdict(list)
    for said in _said(left, "lane open"):
        found[said["partition"]].append(datetime.fromisoformat(said["time"]).timestamp())
    return {partition: sorted(times) for partition, times in found.items()}


def _overtaken(left: Left) -> int:
    """How many projectors stopped because another one had taken over."""
    return sum(code == _PROJECTOR_FENCED for code in left.injector.buried)


def _timeline(left: Left, events: list[Scanned]) -> list[tuple[float, int]]:
    seconds: dict[int, int] = defaultdict(int)
    for one in events:
        seconds[int(one.at - left.began)] += 1
    return [(float(second), seconds[second]) for second in sorted(seconds)]
