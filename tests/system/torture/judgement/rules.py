"""What must hold beyond the oracle's own rules: acknowledgements, the ledger, justified doubt."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from runfold.events import run as j
from runfold.events.values import Placement
from tests.system.oracle.histories import Histories
from tests.system.torture.judgement.scan import Scanned
from tests.system.torture.simulation.ledger import ACTED, DIES, LEFT, Execution
from tests.system.torture.simulation.load import Asked
from tests.system.torture.simulation.tools import ONCE, UNRELIABLE

_LOST = "no result came back"
_PASSING = ("Another process still runs", "PermissionError")
_CLOCK_S = 0.002
"""Time stamps of the log are whole milliseconds."""

_FIGHT_S = 5.0
_OPENINGS = 8


def acknowledged_means_ended(asked: Asked, read: Histories) -> Iterator[str]:
    """Acknowledged: exactly one end. Sent without an answer: none or one."""
    for run_id in sorted(asked.sent | set(read.runs)):
        ends = sum(entry.is_end for entry in read.runs.get(run_id, ()))
        if run_id in asked.acknowledged and ends != 1:
            yield f"{run_id}: acknowledged, has {ends} ends"
        if ends > 1:
            yield f"{run_id}: has {ends} ends"
        if run_id not in asked.sent:
            yield f"{run_id}: was never sent"


def acted_once(rows: Sequence[Execution]) -> Iterator[str]:
    """No key of a tool that is not idempotent is acted on twice."""
    acted = Counter((row.tool, row.key) for row in rows if row.phase == ACTED)
    for (tool, key), count in sorted(acted.items()):
        if tool in ONCE and count > 1:
            yield f"{key}: {tool} acted {count} times"


def success_is_true(rows: Sequence[Execution], read: Histories) -> Iterator[str]:
    """What the journal calls a success of such a tool has happened."""
    acted = Counter(row.key for row in rows if row.phase == ACTED)
    for run_id in read.runs:
        keys = _keys(read, run_id)
        for fact in read.facts(run_id, j.ToolCallSucceeded):
            if fact.tool in ONCE and acted[keys.get(fact.call_id, "")] != 1:
                yield f"{fact.call_id}: {fact.tool} succeeded, the ledger has no such act"


def nothing_undecided(
    rows: Sequence[Execution], events: Sequence[Scanned], read: Histories
) -> Iterator[str]:
    """A tool is entered only after its run had permitted it, by a record that was written.

    A pool is told so of each attempt; what a run processor does itself, it had handed out.
    """
    written = {one.place: one.at for one in events}
    permitted: dict[tuple[str, int], float] = {}
    for entries in read.runs.values():
        for entry in entries:
            fact = entry.event.fact
            if isinstance(fact, j.CallBegun) or (
                isinstance(fact, j.ToolCallStarted) and fact.placement is Placement.LOCAL
            ):
                permitted.setdefault((fact.call_id, fact.attempt), written[entry.raw.place])
    for row in rows:
        decided = permitted.get((row.call_id, row.attempt))
        if decided is None:
            yield f"{row.call_id}: attempt {row.attempt} of {row.tool} was never permitted"
        elif row.at < decided - _CLOCK_S:
            early = decided - row.at
            yield f"{row.call_id}: {row.tool} was entered {early:.3f} s before its permission"


def doubt_is_justified(
    rows: Sequence[Execution], read: Histories, harmed: Collection[int], *, excused: bool
) -> Iterator[str]:
    """A call is uncertain only if its tool failed halfway or its process died or stood still.

    ``excused`` allows calls that were given up because no answer came in time: the clock was
    stepped, or the broker stood still.
    """
    entered: dict[tuple[str, int], list[Execution]] = defaultdict(list)
    for row in rows:
        entered[row.call_id, row.attempt].append(row)
    for run_id in read.runs:
        for fact in read.facts(run_id, j.ToolCallUncertain):
            if fact.tool == "world.tell" and not fact.reason.startswith((_LOST, *_PASSING)):
                yield f"{fact.call_id}: {fact.tool} could have been asked ({fact.reason})"
                continue
            if fact.tool in UNRELIABLE or (excused and fact.reason.startswith(_LOST)):
                continue
            if fact.tool not in ONCE:
                yield f"{fact.call_id}: {fact.tool} may be repeated, and was called uncertain"
                continue
            seen = entered[fact.call_id, fact.attempt]
            if not seen and harmed:
                continue
            if not any(row.pid in harmed for row in seen):
                done = any(row.phase == LEFT for row in seen)
                told = "its tool returned" if done else "its tool ran"
                yield f"{fact.call_id}: uncertain ({fact.reason}), but {told} unharmed"


def poison_ends_alone(
    rows: Sequence[Execution], read: Histories, *, most: int, excused: bool
) -> Iterator[str]:
    """A call that ends its process is made ``most`` times at most, and fails for that reason.

    ``excused`` allows calls that were given up because no answer came in time.
    """
    died = Counter(row.call_id for row in rows if row.phase == DIES)
    failed: set[str] = set()
    for run_id in read.runs:
        for fact in read.facts(run_id, j.ToolCallFailed):
            if fact.call_id in died and fact.error.error_type == "process_died":
                failed.add(fact.call_id)
        for succeeded in read.facts(run_id, j.ToolCallSucceeded):
            if succeeded.call_id in died:
                yield f"{succeeded.call_id}: succeeded, though it ends whatever runs it"
    for call_id, times in sorted(died.items()):
        if times > most:
            yield f"{call_id}: ended its process {times} times"
        if call_id not in failed and not excused:
            yield f"{call_id}: ended its process, and did not fail for that"


def owners_do_not_fight(openings: Mapping[int, Sequence[float]]) -> Iterator[str]:
    """No partition is opened again and again; two owners would fence each other in turn.

    ``openings`` are the times, in epoch seconds, at which each partition's lane was open.
    """
    for partition, times in openings.items():
        for first, later in zip(times, times[_OPENINGS:], strict=False):
            if later - first < _FIGHT_S:
                yield f"partition {partition} was opened {_OPENINGS} times in {_FIGHT_S:.0f} s"
                break


def _keys(read: Histories, run_id: str) -> dict[str, str]:
    return {f.call_id: f.idempotency_key for f in read.facts(run_id, j.ToolCallProposed)}
