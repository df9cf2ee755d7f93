"""The rules of the governing half together: tenants, switches, policies and people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from runfold.events import topics
from runfold.stack.settings import Settings
from tests.system.oracle import Raw
from tests.system.oracle.histories import Histories
from tests.system.torture.judgement import money, people, persons_waited_for, switches, tenants
from tests.system.torture.judgement.scan import Scanned, scan


class Governed(NamedTuple):
    """What came of the governing half: the sentences of every rule, and how much was tried."""

    found: list[str]
    admitted: int
    refused: int
    waited: int
    stopped: int
    tried: dict[str, int]


def govern(
    settings: Settings, read: Histories, controls: Sequence[Scanned], letters: Sequence[Raw]
) -> Governed:
    """Judge it all."""
    books = tenants.read_tenants(settings)
    stops = [*switches.read_switches(settings), *switches.read_revocations(settings)]
    gates = switches.read_gates(settings)
    said = people.read_controls(controls)
    works = list(scan(settings, topics.TOOL_CALLS))
    rules: tuple[tuple[str, Iterator[str]], ...] = (
        ("books_are_exact", tenants.books_are_exact(books, read)),
        ("admitted_means_granted", tenants.admitted_means_granted(books, read)),
        ("settled_is_what_was_spent", money.settled_is_what_was_spent(read)),
        ("nobody_spends_more_than_was_set_aside", money.within_what_was_set_aside(books)),
        ("nothing_begins_that_is_stopped", switches.nothing_begins_that_is_stopped(stops, read)),
        ("permits_are_of_the_moment", switches.permits_are_of_the_moment(gates, read)),
        ("what_was_read_stays_read", switches.what_was_read_stays_read(read)),
        (
            "every_control_has_an_outcome",
            people.every_control_has_an_outcome(said, read, letters),
        ),
        ("approvals_are_of_people", people.approvals_are_of_people(said, read)),
        ("only_who_may", people.only_who_may(said, read)),
        ("grants_are_spent_once", people.grants_are_spent_once(read)),
        ("what_is_done_was_approved", people.what_is_done_was_approved(works, read)),
        ("people_are_waited_for", persons_waited_for.people_are_waited_for(read)),
        ("deadlines_are_kept", persons_waited_for.deadlines_are_kept(read)),
    )
    counted = tenants.counts(books)
    return Governed(
        [f"{name}: {sentence}" for name, sentences in rules for sentence in sentences],
        admitted=counted["AdmissionGranted"],
        refused=counted["AdmissionRefused"],
        waited=counted["AdmissionQueued"],
        stopped=switches.denied(read),
        tried=tried(read),
    )


_TRIED = (
    *("ApprovalRequested", "ApprovalGiven", "ToolCallApproved", "ToolCallDenied", "RequestIgnored"),
    *("WaitEscalated", "RunTakenOver", "PersonReplied", "RunHandedBack", "BrakeApplied"),
    *("ExtensionRequested", "ExtensionAwaited", "RunExtended", "ExtensionRefused", "RunPaused"),
)


def tried(read: Histories) -> dict[str, int]:
    """Return how often what is governed happened, by fact: what never happened was not tried."""
    found = dict.fromkeys(_TRIED, 0)
    for entries in read.runs.values():
        for entry in entries:
            if (name := entry.event.type) in found:
                found[name] += 1
            if getattr(entry.event.fact, "grant_id", None) is not None:
                found["by an earlier approval"] = found.get("by an earlier approval", 0) + 1
    return {name: count for name, count in found.items() if count}
