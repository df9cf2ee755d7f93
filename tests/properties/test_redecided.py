"""Whatever happens to a run, each of its decisions can be made again from its bytes alone."""

from __future__ import annotations

from runfold.events.base import Record
from runfold.events.run import GENESIS, Event, Meta
from runfold.events.topics import EVENTS
from runfold.processors.engine.aggregate import Command, Timer
from runfold.processors.run.aggregate import RUN as RUN_AGGREGATE
from runfold.processors.run.replay import decisions
from tests.deciders.given import RUN, TENANT
from tests.properties.test_run_machine import Run
from tests.properties.test_run_machine import TestRun as Machine
from tests.support.builders.stories import CODEC


class RedecidedRun(Run):
    """The run under any sequence of inputs, with every decision made again as it is written."""

    def give(self, body: Record | Timer) -> None:
        before = self.story.state
        super().give(body)
        decision = tuple(self._event(body, number) for number in range(len(self.story.said)))
        if decision:
            assert decisions.redecide(before, decision, self.story.definitions) is None

    def _event(self, body: Record | Timer, number: int) -> Event:
        """Return a fact of the last decision as a reader of the journal gets it."""
        fact, state = self.story.said[number], self.story.state
        assert state is not None
        meta = Meta(
            run_id=RUN,
            seq=number + 1,
            tenant_id=TENANT,
            time=self.story.now,
            status=state.status,
            cause=body.cause if isinstance(body, Timer) else "runs.inputs/0/0",
            actor=RUN_AGGREGATE.actor(fact, Command(body), state),
            traceparent=state.traceparent,
            prev_hash=GENESIS,
        )
        event = CODEC.decode(EVENTS, CODEC.encode_event(meta, fact))
        assert isinstance(event, Event)
        return event


TestRedecidedRun = RedecidedRun.TestCase
TestRedecidedRun.settings = Machine.settings
del Machine
