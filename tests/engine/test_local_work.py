"""Local work begins only while the lane wants it, what is about to be committed included."""

from __future__ import annotations

from collections.abc import Sequence

from runfold.events.base import Record
from runfold.events.calls import ModelWork
from runfold.events.records import commands
from runfold.processors.engine.core.inputs import NotDone, Returned
from runfold.processors.engine.core.partition_state import PartitionState, Tracked
from runfold.processors.engine.kafka.inputs.inbox import Inbox
from runfold.processors.engine.kafka.local_work import LocalWork
from runfold.processors.engine.ports import Deliver, Dropped, Wanted, Wish
from runfold.processors.run.aggregate import RUN as AGGREGATE
from runfold.processors.run.aggregate import RUNS
from runfold.processors.run.state import RunState
from tests.deciders.given import RUN, begun, control, model_error
from tests.spec import Story


class Host:
    """Keeps what it is given, and how often it was told to look again."""

    def __init__(self) -> None:
        self.works: list[Record] = []
        self.looked = 0

    def submit_many(
        self,
        works: Sequence[Record],
        deliver: Deliver,
        wanted: Wanted | None = None,
        dropped: Dropped | None = None,
    ) -> None:
        assert wanted is not None
        assert dropped is not None
        self.works += works
        self.deliver, self.wanted, self.dropped = deliver, wanted, dropped

    def look_again(self) -> None:
        self.looked += 1


def tracked(story: Story) -> Tracked[RunState]:
    return Tracked(story.run, 1, b"", None, story.now, 0, ())


class Bench:
    """A run whose model call is out, and the host that is to make it."""

    def __init__(self) -> None:
        self.story, self.host, self.inbox = begun(), Host(), Inbox()
        self.state: PartitionState[RunState] = PartitionState()
        self.state.live[RUN] = tracked(self.story)
        self.work = LocalWork(self.host, RUNS, self.inbox, self.state)
        called, definitions = self.story.said[-1], self.story.definitions
        (self.call,) = (w.record for w in AGGREGATE.dispatch(called, self.story.run, definitions))
        assert isinstance(self.call, ModelWork)
        self.work.hand_out([self.call])

    def becomes(self, *bodies: Record) -> None:
        self.story = self.story.when(*bodies)
        self.state.live[RUN] = tracked(self.story)

    @property
    def wish(self) -> Wish:
        return self.host.wanted(self.call)


def test_what_is_out_begins() -> None:
    assert Bench().wish is Wish.BEGIN


def test_what_ended_or_went_on_without_it_is_dropped() -> None:
    bench = Bench()
    bench.becomes(model_error())
    assert bench.wish is Wish.DROP
    del bench.state.live[RUN]
    assert bench.wish is Wish.DROP


def test_an_end_that_is_about_to_be_committed_counts() -> None:
    bench = Bench()
    bench.work.deciding({RUN: None})
    assert bench.wish is Wish.DROP
    bench.work.deciding({"another": None})
    assert bench.wish is Wish.BEGIN


def test_a_paused_run_s_call_waits_and_the_host_looks_again_when_it_goes_on() -> None:
    bench = Bench()
    bench.becomes(control(commands.PauseRun, "p1"))
    assert bench.wish is Wish.WAIT
    bench.becomes(control(commands.ResumeRun, "p2"))
    bench.work.decided()
    assert (bench.host.looked, bench.wish) == (1, Wish.BEGIN)
    bench.work.decided()
    assert bench.host.looked == 1


def test_nothing_begins_for_an_incarnation_that_is_over() -> None:
    bench = Bench()
    bench.inbox.close()
    assert bench.wish is Wish.DROP


def test_what_came_back_and_what_was_dropped_is_out_no_more() -> None:
    bench = Bench()
    bench.work.hand_out([bench.call])
    bench.host.dropped(bench.call)
    (item,) = bench.inbox.take(0, 10, 1000)
    assert isinstance(item, NotDone)
    result = Returned(model_error())
    assert bench.work.take_back([item, result]) == [result]
    assert bench.work.out == 0


def test_a_lane_that_ends_wants_nothing_that_has_not_begun() -> None:
    bench = Bench()
    bench.work.withdraw()
    assert (bench.host.looked, bench.wish) == (1, Wish.DROP)
