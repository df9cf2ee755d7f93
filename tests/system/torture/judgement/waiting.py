"""That waiting is not failing: what must hold of calls that queue, are held, or are withdrawn."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from runfold.events import run as j
from runfold.events.values import Placement
from runfold.processors.tool import contract_of
from tests.system.oracle.histories import Entry, Histories
from tests.system.torture.judgement.recovery import percentile
from tests.system.torture.judgement.scan import Scanned
from tests.system.torture.judgement.tenants import REFUSALS
from tests.system.torture.simulation.ledger import ACTED, BEGAN, Execution
from tests.system.torture.simulation.tools import TOOLS

SLOW, QUICK = "world.slow", "world.quick"
"""The tool with the long queue, and the one beside it."""

_WAITS_FOR = frozenset(
    {"claims_unavailable", "circuit_open", "rate_limited", "no_room", "not_ready"}
)
"""Why a call cannot begin: none of these is a failure of it."""

_SILENT = frozenset({"world.hang", "world.twice"})
"""Tools that do not write to the ledger."""

_SAYS_ACTED = frozenset({"world.look", "world.fetch", "world.peek"})
"""Tools that write to the ledger once: that they have acted."""

_CUT_OFF = frozenset({"process_died", "timeout"})
"""How a call may fail before its tool was entered though it was made."""

_BEGINS_S = 3.0
"""What may lie between the moment at which a call may begin and the first line of its tool."""

_QUEUE = 10
"""So many calls of the slow tool are open while a call of the quick one counts as beside it."""

_WARM_S, _ALONE_S = 3.0, 8.0
"""Calls of the quick tool count as alone from so long after the first one, and for so long."""

_NOTICEABLE_S = 0.25
_FACTOR = 2
MEASURED = 20


def nothing_after_the_end(
    rows: Sequence[Execution],
    events: Sequence[Scanned],
    read: Histories,
    harmed: Collection[int],
) -> Iterator[str]:
    """No effect after the end of its run was committed, unless it had begun before.

    In a pool each entry of a tool needs a permission of its run, each for one process, so that what
    comes again needs another one. What runs in the run processor itself begins when its turn
    comes; a process that stood still meanwhile may be late.
    """
    written = {one.place: one.at for one in events}
    ended = {
        run_id: written[entry.raw.place]
        for run_id, entries in read.runs.items()
        for entry in entries
        if entry.is_end
    }
    pooled, permitted = _permissions(read)
    entered: Counter[tuple[str, int]] = Counter()
    for row in rows:
        key, end = (row.call_id, row.attempt), ended.get(row.run_id)
        if row.phase != (ACTED if row.tool in _SAYS_ACTED else BEGAN):
            continue
        entered[key] += 1
        if end is None or row.at <= end + _BEGINS_S:
            continue
        again = entered[key] > permitted[key]
        if again if key in pooled else row.pid not in harmed:
            late = row.at - end
            yield f"{row.call_id}: {row.tool} was entered {late:.1f} s after the end of its run"


def _permissions(read: Histories) -> tuple[set[tuple[str, int]], Counter[tuple[str, int]]]:
    """Return the attempts that were handed to pools, and how often each was permitted to begin."""
    pooled: set[tuple[str, int]] = set()
    permitted: Counter[tuple[str, int]] = Counter()
    for entries in read.runs.values():
        for entry in entries:
            fact = entry.event.fact
            if isinstance(fact, j.CallBegun):
                permitted[fact.call_id, fact.attempt] += 1
            elif isinstance(fact, j.ToolCallStarted) and fact.placement is Placement.POOL:
                pooled.add((fact.call_id, fact.attempt))
    return pooled, permitted


def no_attempt_that_was_not_made(rows: Sequence[Execution], read: Histories) -> Iterator[str]:
    """What counts as a try, or is in doubt, had begun; who gives up has tried as often as it may.

    A failure is that of a tool that was entered, and what a run says it has used are calls that
    were made.
    """
    contracts = [contract_of(tool) for tool in TOOLS]
    most = {contract.name: contract.retry.max_attempts for contract in contracts}
    entered = {(row.call_id, row.attempt) for row in rows}
    for run_id, entries in read.runs.items():
        yield from _not_begun(entries)
        made: Counter[str] = Counter()
        for number, entry in enumerate(entries):
            failed = entry.event.fact
            if not isinstance(failed, j.ToolCallFailed) or failed.request_id is not None:
                continue
            call, attempt = failed.call_id, failed.attempt
            if (call, attempt) not in entered and _enters(failed):
                yield f"{call}: attempt {attempt} failed, and its tool was never entered"
            made[call] += 1
            tries, allowed = made[call], most.get(failed.tool, 1)
            if failed.error.retryable and tries < allowed and _given_up(entries, number):
                yield f"{call}: given up after {tries} of {allowed} tries"
        yield from _usage(run_id, entries)


def _not_begun(entries: Sequence[Entry]) -> Iterator[str]:
    out: set[tuple[str, int]] = set()
    begun: set[tuple[str, int]] = set()
    for entry in entries:
        match entry.event.fact:
            case j.ToolCallStarted(call_id=call, attempt=attempt, placement=placement):
                out.add((call, attempt))
                if placement is Placement.LOCAL:
                    begun.add((call, attempt))
            case j.CallBegun(call_id=call, attempt=attempt):
                begun.add((call, attempt))
            case (
                j.ToolCallUncertain(call_id=call, attempt=attempt)
                | j.ToolCallFailed(call_id=call, attempt=attempt, request_id=None)
            ):
                if (call, attempt) in out - begun:
                    yield f"{call}: attempt {attempt} failed or is in doubt, and had never begun"
            case _:
                pass


def _enters(failed: j.ToolCallFailed) -> bool:
    """Whether a tool that failed so says in the ledger that it was entered."""
    return failed.tool not in _SILENT and failed.error.error_type not in _CUT_OFF


def _usage(run_id: str, entries: Sequence[Entry]) -> Iterator[str]:
    fact = entries[-1].event.fact
    if not isinstance(fact, j.RunCompleted | j.RunFailed | j.RunCancelled):
        return
    used = fact.exit.usage
    calls = {e.event.fact.call_id for e in entries if isinstance(e.event.fact, j.ToolCallStarted)}
    if used.tool_calls > len(calls):
        yield f"{run_id}: used {used.tool_calls} tool calls, and made {len(calls)}"


def _given_up(entries: Sequence[Entry], failed: int) -> bool:
    """Whether no further attempt follows a failure, though the run goes on."""
    fact = entries[failed].event.fact
    assert isinstance(fact, j.ToolCallFailed)
    later = [entry.event.fact for entry in entries[failed + 1 :]]
    again = any(isinstance(f, j.RetryScheduled) and f.call_id == fact.call_id for f in later)
    cancelled = bool(later) and isinstance(later[-1], j.RunCancelled)
    return not again and not cancelled


def only_away(read: Histories) -> Iterator[str]:
    """No run, and no call, fails for what was only away: nothing here is too much for its limits.

    Every script ends with the completion of its task.
    """
    for run_id, entries in read.runs.items():
        for entry in entries:
            match entry.event.fact:
                case j.RunFailed(error=error) if error.error_type not in REFUSALS.get(
                    entry.event.meta.tenant_id, ()
                ):
                    yield f"{run_id}: failed ({error.error_type}: {error.message[:80]})"
                case (
                    j.ToolCallFailed(call_id=call, error=error)
                    | j.ModelFailed(call_id=call, error=error)
                ) if error.error_type in _WAITS_FOR:
                    yield f"{call}: failed, and only waits ({error.error_type})"
                case _:
                    pass


def waits(
    rows: Sequence[Execution], events: Sequence[Scanned], read: Histories
) -> dict[str, list[float]]:
    """Return how long calls of the quick tool waited, in s: alone, and beside a long queue."""
    written = {one.place: one.at for one in events}
    entered: dict[str, float] = {}
    for row in rows:
        if row.phase == BEGAN:
            entered.setdefault(row.call_id, row.at)
    asked: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for entries in read.runs.values():
        for entry in entries:
            fact = entry.event.fact
            # From the first time that it was handed out: being held is waiting, too.
            if not isinstance(fact, j.ToolCallStarted) or fact.attempt > 1:
                continue
            if fact.call_id in entered:
                asked[fact.tool].append((written[entry.raw.place], entered[fact.call_id]))
    slow = asked[SLOW]
    if not slow:
        return {}
    first = min(began for began, _ in slow)
    # What comes while the processes start waits for them, and for what came meanwhile.
    warm = max(min((at for _, at in asked[QUICK]), default=first) + _WARM_S, first - _ALONE_S)
    found: dict[str, list[float]] = {"alone": [], "beside": []}
    for began, at in sorted(asked[QUICK]):
        queue = sum(since <= began < until for since, until in slow)
        if warm <= began < first:
            found["alone"].append(at - began)
        elif queue >= _QUEUE:
            found["beside"].append(at - began)
    return found


def neighbours_are_independent(waited: Mapping[str, Sequence[float]]) -> Iterator[str]:
    """The waiting of one tool's calls is within twice what it is alone, whatever another's queue.

    Less than a quarter of a second is the machine's noise.
    """
    alone, beside = waited.get("alone", ()), waited.get("beside", ())
    if not waited:
        return
    if min(len(alone), len(beside)) < MEASURED:
        yield f"only {len(alone)} and {len(beside)} calls were measured"
        return
    before, after = percentile(list(alone), 95), percentile(list(beside), 95)
    if after > _FACTOR * max(before, _NOTICEABLE_S):
        yield f"a quick tool waits {after:.2f} s beside a slow one, and {before:.2f} s alone (p95)"
