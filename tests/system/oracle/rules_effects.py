"""Side effects: at most once a key, exactly once where the journal says so, never undecided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from runfold.events import run as j
from tests.system.oracle.histories import Histories
from tests.system.oracle.seen import Seen


def one_execution_a_key(seen: Seen, read: Histories) -> Iterator[str]:
    for key, count in Counter(seen.ledger).items():
        if count > 1:
            yield f"{key}: executed {count} times"


def success_means_executed(seen: Seen, read: Histories) -> Iterator[str]:
    done = Counter(seen.ledger)
    for run_id in read.runs:
        keys = {f.call_id: f.idempotency_key for f in read.facts(run_id, j.ToolCallProposed)}
        for fact in read.facts(run_id, j.ToolCallSucceeded):
            times = done[keys.get(fact.call_id, "")]
            if fact.tool == seen.tool and times != 1:
                yield f"{fact.call_id}: succeeded, executed {times} times"


def nothing_is_done_undecided(seen: Seen, read: Histories) -> Iterator[str]:
    started = {
        fact.idempotency_key
        for run_id in read.runs
        for fact in read.facts(run_id, j.ToolCallStarted)
    }
    for key in sorted(set(seen.ledger) - started):
        yield f"{key}: executed, and no committed event says that it started"


def doubt_only_where_allowed(seen: Seen, read: Histories) -> Iterator[str]:
    if seen.may_be_uncertain:
        return
    for run_id in read.runs:
        for fact in read.facts(run_id, j.ToolCallUncertain):
            yield f"{fact.call_id}: uncertain, though nothing died that ran it: {fact.reason}"
