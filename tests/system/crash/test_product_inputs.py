"""Inputs that come twice, late, out of order, or are none at all."""

from __future__ import annotations

import random
from itertools import chain, zip_longest
from pathlib import Path

import pytest

from runfold.events import topics
from runfold.events.run import RunCompleted, ToolCallFailed, ToolCallSucceeded
from runfold.stack.settings import Settings
from tests.system import oracle
from tests.system.crash.person import Sent
from tests.system.crash.poison import POISONED, poisons
from tests.system.crash.product import Product, product

pytestmark = [pytest.mark.integration, pytest.mark.crash, pytest.mark.timeout(200)]


def inputs_so_far(running: Product) -> list[Sent]:
    """Every request, control and result, as it was published first."""
    results = oracle.read_topic(running.settings, topics.RESULTS)
    return [
        *running.person.sent,
        *((topics.RESULTS, raw.key or b"", raw.value or b"") for raw in results),
    ]


def journal(running: Product, runs: set[str]) -> list[oracle.Raw]:
    """The events of these runs."""
    events = oracle.read_topic(running.settings, topics.EVENTS)
    return [raw for raw in events if (raw.key or b"").decode() in runs]


def test_inputs_that_come_again_change_nothing(settings: Settings, tmp_path: Path) -> None:
    shuffled = random.Random(7)
    # Second attempts are still out when the results of the first ones come again.
    with product(settings, tmp_path, seconds=0.5) as running:
        person = running.person
        running.ask_for(12)
        for kind, progress in ((ToolCallFailed, 12), (ToolCallSucceeded, 20), (RunCompleted, 2)):
            running.wait_for_events(kind, progress)
            again = inputs_so_far(running)
            shuffled.shuffle(again)
            for sent in again:
                person.repeat(sent)
        running.wait_for_ends()
        before = journal(running, running.wanted)
        first = set(running.wanted)
        # What was known in memory must be known from the log as well.
        running.processes["runs"].kill()
        for sent in reversed(inputs_so_far(running)):
            person.repeat(sent)
        person.flush()
        # Later inputs of every partition: when these have had effect, the repeats were seen.
        running.ask_for(8)
        assert running.judge() == []
        assert journal(running, first) == before
        # No repeat was taken for news, not even for news that is too late.
        assert person.types["RequestIgnored"] == 0
        assert person.types["LateResultNoted"] == 0


def test_poison_stops_nothing_and_is_kept(settings: Settings, tmp_path: Path) -> None:
    with product(settings, tmp_path) as running:
        person = running.person
        given = chain(*zip_longest(*([(t, k, v) for _, k, v in poisons(t)] for t in POISONED)))
        everything = [one for one in given if one is not None]
        for number, (topic, key, value) in enumerate(everything):
            # Eight records a run: about one in ten is poison.
            running.ask_for(1)
            person.poison(topic, key, value, running.poison)
            running.tend()
            if number == len(everything) // 2:
                running.processes["runs"].kill()
        person.flush()
        assert len(running.poison) == len(everything)
        running.wait_for_ends()
        running.processes["runs"].kill()
        running.ask_for(4)
        assert running.judge() == []
