"""The real run aggregate inside the engine's shell in memory, restarted at each turn."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.base import Record
from runfold.events.calls import ModelWork, ToolWork
from runfold.events.definitions import Definitions
from runfold.processors.engine.memory import MemoryEngine
from runfold.processors.run.aggregate import RUNS
from runfold.processors.run.state import RunState
from tests.deciders import given
from tests.spec import START
from tests.system.oracle.journals import Journal, journal_of

CODEC = Codec(LockRegistry())


class Rules:
    def current(self) -> Definitions:
        return given.definitions()

    def catch_up(self, timeout: float) -> Definitions:
        return given.definitions()


def obey(work: Record) -> Record:
    """A model that looks once and then completes; a tool that answers."""
    if isinstance(work, ModelWork):
        number = int(work.call_id.rpartition(".")[2])
        if number == 1:
            return given.answer(given.call("look"), n=1)
        return given.done(n=number)
    assert isinstance(work, ToolWork)
    return given.came_back(int(work.call_id.rpartition(".")[2]))


class RunLab(MemoryEngine[RunState]):
    def __init__(self) -> None:
        super().__init__(RUNS, CODEC, Rules(), obey, START)

    def journal(self) -> Journal:
        return journal_of(RUNS, CODEC, [entry.value for entry in self.entries(topics.EVENTS)])

    def send(self, *records: Record) -> None:
        for record in records:
            self.put(topics.REQUESTS, given.RUN, CODEC.encode(topics.REQUESTS, record))


@pytest.mark.parametrize("restarted", [False, True])
def test_a_run_of_the_real_aggregate_ends_with_a_whole_chain(restarted: bool) -> None:
    lab = RunLab()
    lab.send(given.request())
    while inputs := lab._gather(1):
        lab._turn(inputs)
        if restarted:
            before = lab.partition_state.live.get(given.RUN)
            lab.restart()
            after = lab.partition_state.live.get(given.RUN)
            assert (after is None) == (before is None)
            if before is not None and after is not None:
                assert after.state == before.state
                assert after.prev_hash == before.prev_hash
    journal = lab.journal()
    assert journal.faults([given.RUN]) == []
    assert journal.types(given.RUN)[-1] == "RunCompleted"
    assert lab.entries(topics.DEAD_LETTERS) == []
    lab.send(given.request())
    lab.settle()
    lab.pass_time(timedelta(days=1))
    assert journal.types(given.RUN) == lab.journal().types(given.RUN)
