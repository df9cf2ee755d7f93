"""A request for a definition that is not known yet waits for the store, and no other input does."""

from __future__ import annotations

from collections.abc import Sequence

from runfold.events.base import Fact
from runfold.events.definitions import Definitions
from runfold.processors.engine.aggregate import Command, Env
from runfold.processors.engine.core.batch import BatchDecider
from tests.engine.lab import Lab
from tests.engine.toys.inputs import CODEC
from tests.engine.toys.job import Job, behaving, decide, request, result


class Registry:
    """Knows nothing until it is asked to catch up."""

    def __init__(self) -> None:
        self.asked = 0

    def current(self) -> Definitions:
        return Definitions()

    def catch_up(self, timeout: float) -> Definitions:
        self.asked += 1
        return Definitions(position=7)


def test_the_registry_is_read_before_an_unknown_agent_is_decided() -> None:
    positions = []

    def listening(state: Job | None, command: Command, env: Env) -> Sequence[tuple[Fact, Job]]:
        positions.append(env.definitions.position)
        return decide(state, command, env)

    registry = Registry()
    lab = Lab()
    lab._fold = BatchDecider(behaving(decide=listening), CODEC, registry, 0)
    lab.take(request("job-1", placement="pool"), request("job-1"))
    assert (registry.asked, positions) == (1, [7, 7])
    lab.take(result("job-1", "job-1.1"))
    assert (registry.asked, positions) == (1, [7, 7, 0])
