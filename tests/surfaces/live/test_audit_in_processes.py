"""The audit in several processes finds what one process finds, and says when one of them dies."""

from __future__ import annotations

import os
from dataclasses import dataclass

import pytest

from runfold.events import topics
from runfold.events.catalogue import TERMINAL_FACTS
from runfold.producers.log.kafka import TopicReader
from runfold.producers.log.port import LogReader
from runfold.stack.settings import Settings
from runfold.surfaces.audit.journal import verify
from runfold.surfaces.audit.parallel import ReaderLostError, Source, verify_all
from runfold.surfaces.audit.verifier import Verdict
from tests.support import journal
from tests.support.builders.history import CODEC
from tests.support.builders.seeded import history

pytestmark = pytest.mark.integration


@dataclass(frozen=True, slots=True)
class Dying(Source):
    """Ends every process that asks it for a reader."""

    def reader(self) -> LogReader:
        os._exit(9)


@pytest.fixture
def written(settings: Settings) -> Settings:
    """Seeded histories, which no engine decided, and a completion of each that ended."""
    runs = [history(number) for number in range(12)]
    journal.write(settings.bootstrap_servers, runs)
    for run in runs:
        for value in run.values:
            event = CODEC.decode(topics.EVENTS, value)
            if isinstance(event.fact, TERMINAL_FACTS):  # type: ignore[union-attr]
                told = CODEC.encode_completion(event.meta, event.fact)  # type: ignore[union-attr]
                journal.put(settings.bootstrap_servers, topics.COMPLETIONS, run.partition, told)
    return settings


def _by_run(verdicts: list[Verdict]) -> list[Verdict]:
    return sorted(verdicts, key=lambda verdict: verdict.run_id)


def test_processes_find_what_one_finds(written: Settings) -> None:
    reader, told = TopicReader(written.kafka_config(), CODEC), list[tuple[int, int]]()
    alone = _by_run(list(verify(reader)))
    assert len(alone) == 12
    # Nobody decided them, so that there is something to find in each.
    assert any(verdict.faults for verdict in alone)
    source = Source(written.kafka_config(), "")
    found = verify_all(reader, source, jobs=2, progress=lambda *at: told.append(at))
    assert _by_run(list(found)) == alone
    assert {whole for _, whole in told} == {sum(reader.ends(topics.EVENTS).values())}


def test_a_process_that_dies_is_said(written: Settings) -> None:
    reader = TopicReader(written.kafka_config(), CODEC)
    with pytest.raises(ReaderLostError, match=r"exit code 9.*--jobs 1"):
        list(verify_all(reader, Dying({}, ""), jobs=2))


def test_what_another_process_cannot_read_is_read_here(written: Settings) -> None:
    reader = TopicReader(written.kafka_config(), CODEC)
    nowhere = Source({**written.kafka_config(), "bootstrap.servers": "127.0.0.1:1"}, "")
    found = verify_all(reader, nowhere, jobs=2)
    assert _by_run(list(found)) == _by_run(list(verify(reader)))
