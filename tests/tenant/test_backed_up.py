"""A back-up holds the journals of tenants: which messages belong to it, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from runfold.events import topics
from runfold.events.records.operations import PositionNoted
from runfold.events.values import Position
from runfold.processors.engine.core.outbox import Origin
from runfold.surfaces.backup.errors import BackupError, NotABackupError
from runfold.surfaces.backup.plan import Plan
from runfold.surfaces.backup.records import Kept
from tests.support.builders.backups import Folder, kept
from tests.support.builders.history import CODEC


def noted(topic: str, **numbers: int) -> Kept:
    """A note of a lane; ``to_events`` and the like say how many messages went and came."""
    names = {
        "sent_to_tenants": f"to {topics.TENANT_REQUESTS}",
        "sent_to_runs": f"to {topics.RESULTS}",
        "of_tenants": f"from {topics.TENANT_EVENTS}",
        "of_runs": f"from {topics.EVENTS}",
        "asked": topics.TENANT_REQUESTS,
        "results": topics.RESULTS,
    }
    said = PositionNoted(
        positions=tuple(
            Position(topic=names[name], partition=0, offset=number)
            for name, number in numbers.items()
        ),
        reason="test",
    )
    return kept(0, None, CODEC.encode(topic, said))


def message(offset: int, journal: str, number: int) -> Kept:
    header = Origin(journal, 0, number, number).header()
    return kept(offset, f"{number}")._replace(headers=(header,))


def keys(plan: Plan, topic: str) -> list[bytes | None]:
    (said,) = plan.manifest.of(topic)
    return [each.key for each in plan.records(said)]


def test_messages_beyond_their_sender_s_journal_are_left_out_both_ways(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.put(topics.EVENTS, noted(topics.EVENTS, sent_to_tenants=3, of_tenants=1, results=7))
    books = noted(topics.TENANT_EVENTS, sent_to_runs=2, of_runs=1, asked=5)
    folder.put(topics.TENANT_EVENTS, books)
    runs = [message(offset, topics.EVENTS, offset - 3) for offset in (4, 5, 6, 7)]
    folder.put(topics.TENANT_REQUESTS, *runs)
    tenants = [message(offset, topics.TENANT_EVENTS, offset - 5) for offset in (6, 7, 8)]
    plan = folder.put(topics.RESULTS, *tenants).plan()
    # The first of each is decided, and the last is one that the journal has not sent.
    assert keys(plan, topics.TENANT_REQUESTS) == [b"2", b"3"]
    assert keys(plan, topics.RESULTS) == [b"2"]


@pytest.mark.parametrize(
    ("runs", "tenants", "said"),
    [
        (
            noted(topics.EVENTS, of_tenants=3),
            noted(topics.TENANT_EVENTS, sent_to_runs=2),
            "taken message 3 of lane 0 of tenants.events",
        ),
        (
            noted(topics.EVENTS, sent_to_tenants=1),
            noted(topics.TENANT_EVENTS, of_runs=2),
            "taken message 2 of lane 0 of runs.events",
        ),
    ],
)
def test_journals_that_contradict_each_other_make_no_back_up(
    tmp_path: Path, runs: Kept, tenants: Kept, said: str
) -> None:
    folder = Folder(tmp_path).put(topics.EVENTS, runs).put(topics.TENANT_EVENTS, tenants)
    with pytest.raises(BackupError, match=said):
        folder.plan()


def test_a_back_up_of_an_earlier_release_has_no_tenants(tmp_path: Path) -> None:
    folder = Folder(tmp_path).put(topics.EVENTS, noted(topics.EVENTS, results=1))
    assert folder.without_tenants().plan().tenants == {}


def test_a_back_up_without_the_tenants_that_its_runs_speak_to_is_refused(tmp_path: Path) -> None:
    folder = Folder(tmp_path).put(topics.EVENTS, noted(topics.EVENTS, sent_to_tenants=1))
    with pytest.raises(NotABackupError, match="lacks the journals of the tenants"):
        folder.without_tenants().plan()


def test_only_the_form_of_earlier_releases_lacks_tenants(tmp_path: Path) -> None:
    folder = Folder(tmp_path).put(topics.EVENTS, noted(topics.EVENTS, results=1))
    folder.without_tenants().form = 2
    with pytest.raises(NotABackupError, match=r"lacks the partition tenants\.events/0"):
        folder.plan()
