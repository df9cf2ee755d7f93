"""After a restore tenants know the runs that live, and no message is taken for a repeat."""

from __future__ import annotations

from runfold.events import topics
from runfold.events.operations import PositionNoted
from runfold.surfaces.backup.cut import Cut, cut_of
from runfold.surfaces.backup.records import Kept
from runfold.surfaces.backup.tenants import numbers, questions
from tests.tenant.given import CODEC, PARTITIONS, World, capped

_BOOKS = (topics.TENANT_EVENTS, topics.TENANT_REQUESTS, topics.TENANT_RESTORE, topics.RESULTS)


def restored(world: World) -> None:
    """Lose everything of tenants, and begin as a restore does."""
    cuts = {number: _cut(world, number) for number in range(PARTITIONS)}
    for number in range(PARTITIONS):
        for topic in _BOOKS:
            kept = len(world.log.partition(topic, number)) if topic == topics.RESULTS else 0
            del world.log.partition(topic, number)[kept:]
        noted = PositionNoted(
            positions=numbers(cuts, number).noted(number, topics.TENANT_EVENTS), reason="restored"
        )
        value = CODEC.encode(topics.TENANT_EVENTS, noted)
        world.log.append((topics.TENANT_EVENTS, number), None, value, (), 0)
    for partition, each in questions(cuts, CODEC, world.runs[0].now):
        key = (each.key or b"").decode()
        world.log.append((topics.TENANT_REQUESTS, partition), key, each.value, (), each.time_ms)
    for lane in world.lanes:
        lane.restart()
    world.settle()


def _cut(world: World, number: int) -> Cut:
    entries = world.runs[number].entries(topics.EVENTS)
    kept = [Kept(e.offset, e.time_ms, e.key, e.value, tuple(e.headers)) for e in entries]
    return cut_of(kept, number, len(kept), CODEC)


def test_runs_that_ran_are_counted_and_those_that_waited_begin_in_turn() -> None:
    world = World.opened(capped(2))
    for number in range(1, 7):
        world.ask(number)
    world.finish(1)
    restored(world)
    assert len(world.tenant().running) + len(world.tenant().waiting) == 5
    for _ in range(5):
        world.finish(world.states()["running"][0])
    assert world.states() == {"running": [], "queued": [], "ended": [1, 2, 3, 4, 5, 6]}
    assert world.tenant().running == {}
    assert world.tenant().waiting == ()
    world.ask(7)
    assert world.states()["running"] == [7]
    assert world.dead_letters() == []
