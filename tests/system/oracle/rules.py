"""Every rule at once; each rule takes what was seen and yields a sentence a violation."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.system.oracle import (
    rules_calls,
    rules_dead_letters,
    rules_effects,
    rules_runs,
    rules_views,
)
from tests.system.oracle.histories import Histories, histories
from tests.system.oracle.seen import Seen

Rule = Callable[[Seen, Histories], Iterator[str]]

RULES: tuple[Rule, ...] = (
    rules_runs.everything_can_be_read,
    rules_runs.seq_counts_without_a_gap,
    rules_runs.the_chain_is_intact,
    rules_runs.every_request_ends_once,
    rules_runs.every_end_is_announced_once,
    rules_runs.nobody_else_runs,
    rules_runs.a_run_stays_on_its_partition,
    rules_calls.no_start_without_permit_and_approval,
    rules_calls.one_outcome_an_attempt,
    rules_calls.attempts_count_up,
    rules_calls.nothing_begins_unwanted,
    rules_calls.outcomes_are_what_was_reported,
    rules_effects.one_execution_a_key,
    rules_effects.success_means_executed,
    rules_effects.nothing_is_done_undecided,
    rules_effects.doubt_only_where_allowed,
    rules_dead_letters.dead_letters_are_the_poison,
    rules_views.rows_equal_the_journal,
    rules_views.positions_are_at_the_end,
    rules_views.the_audit_found_nothing,
)


def violations(seen: Seen, read: Histories | None = None) -> list[str]:
    """What breaks the guarantees, each as ``rule: sentence``; empty when all is well.

    ``read`` is what ``histories`` made of it, where that is known already.
    """
    read = read or histories(seen)
    return [f"{rule.__name__}: {found}" for rule in RULES for found in rule(seen, read)]
