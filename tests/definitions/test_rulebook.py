"""The rulebook's pins."""

from __future__ import annotations

from benchmarks.workload import definitions
from runfold.processors.definitions.fixed import rulebook_of


def test_a_pin_names_a_definition_by_its_digest() -> None:
    tool, agent = definitions()
    rulebook = rulebook_of((tool, agent))

    for each in (tool, agent):
        pin = rulebook.pin(each)
        assert (pin.name, pin.version, pin.digest) == (each.name, each.version, each.digest())


def test_a_pin_is_that_of_the_version() -> None:
    _, agent = definitions()
    newer = agent.model_copy(update={"version": "1.1"})
    rulebook = rulebook_of((agent, newer))

    assert rulebook.pin(agent).digest == agent.digest() != newer.digest()
    assert rulebook.pin(newer).digest == newer.digest()
