"""A request for an agent that is not known yet waits for the store, and no other input does."""

from __future__ import annotations

from runfold.events.definitions import Definitions
from runfold.processors.engine.core.batch import BatchDecider
from tests.engine.lab import Lab
from tests.engine.oracle import CODEC
from tests.engine.toy import ToyAggregate, request, result


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

    class Listening(ToyAggregate):
        def decide(self, state, command, env):  # type: ignore[no-untyped-def]
            positions.append(env.definitions.position)
            return super().decide(state, command, env)

    registry = Registry()
    lab = Lab()
    lab._fold = BatchDecider(Listening(), CODEC, registry, 0)
    lab.take(request("run-1", placement="pool"), request("run-1"))
    assert (registry.asked, positions) == (1, [7])
    lab.take(result("run-1", "run-1.1"))
    assert (registry.asked, positions) == (1, [7, 0])
