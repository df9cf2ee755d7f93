"""The pins of definitions."""

from __future__ import annotations

from benchmarks.support.workload import definitions
from runfold.processors.definitions.fixed import definitions_of


def test_a_pin_names_a_definition_by_its_digest() -> None:
    tool, agent = definitions()
    snapshot = definitions_of((tool, agent))

    for each in (tool, agent):
        pin = snapshot.pin(each)
        assert (pin.name, pin.version, pin.digest) == (each.name, each.version, each.digest())


def test_a_pin_is_that_of_the_version() -> None:
    _, agent = definitions()
    newer = agent.model_copy(update={"version": "1.1"})
    snapshot = definitions_of((agent, newer))

    assert snapshot.pin(agent).digest == agent.digest() != newer.digest()
    assert snapshot.pin(newer).digest == newer.digest()
