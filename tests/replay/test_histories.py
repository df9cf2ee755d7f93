"""Recorded histories: every decision, made again today, says the same; one must fail."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runfold.events import run as j
from runfold.events.definitions import Definitions
from runfold.events.run import GENESIS, Event
from runfold.processors.run.behaviour import CURRENT
from runfold.processors.run.replay import decisions
from runfold.processors.run.replay.decisions import Difference
from runfold.processors.run.state import Live
from runfold.processors.run.state_hash import state_hash
from tests.replay.frozen import HISTORIES, load
from tests.replay.record import folder_of
from tests.replay.scenarios import SCENARIOS

ROOT = Path(__file__).parents[2]


def differences(rules: Definitions, events: list[Event]) -> list[Difference]:
    state, found = None, []
    for decision in decisions.decisions(events):
        difference = decisions.redecide(state, decision, rules)
        if difference:
            found.append(difference)
        state = decisions.fold(state, decision)
    return found


def fingerprint(name: str) -> str:
    """What folding a history leads to, in one hash."""
    rules, history = load(name)
    state, total = None, hashlib.sha256()
    for decision in decisions.decisions(event for _, event in history):
        assert decisions.redecide(state, decision, rules) is None
        state = decisions.fold(state, decision)
        if isinstance(state, Live):
            total.update(state_hash(state))
    return total.hexdigest()


@pytest.mark.parametrize("name", HISTORIES)
def test_every_recorded_decision_is_made_again_the_same(name: str) -> None:
    rules, history = load(name)
    assert history
    assert [str(found) for found in differences(rules, [event for _, event in history])] == []


@pytest.mark.parametrize("name", HISTORIES)
def test_the_chain_of_a_recorded_history_is_whole(name: str) -> None:
    previous = GENESIS
    for number, (value, event) in enumerate(load(name)[1], 1):
        assert event.meta.seq == number
        assert event.meta.prev_hash == previous
        previous = hashlib.sha256(value).digest()


@pytest.mark.parametrize("name", SCENARIOS)
def test_todays_bytes_are_the_recorded_bytes(name: str) -> None:
    recorded = json.loads((folder_of(CURRENT) / f"{name}.json").read_text())["values"]
    assert SCENARIOS[name](CURRENT).values() == [base64.b64decode(value) for value in recorded]


def test_a_history_with_a_forged_decision_must_fail() -> None:
    rules, history = load("with_people")
    events = [event for _, event in history]
    place = next(n for n, e in enumerate(events) if isinstance(e.fact, j.PolicyDecided))
    forged = events[place].fact.model_copy(update={"obligations": ()})
    events[place] = Event(events[place].meta, forged)
    found = differences(rules, events)
    assert [difference.seq for difference in found] == [events[place].meta.seq]
    assert "obligations" in str(found[0])


def test_other_definitions_decide_otherwise() -> None:
    rules, history = load("straight")
    pinned = rules.agent("worker")
    assert pinned
    other = Definitions()
    for position, body in enumerate((pinned.model_copy(update={"tools": ()}).body(),), 1):
        other = other.plus("agent", body, position)
    assert differences(other, [event for _, event in history[:6]])


def test_the_fold_does_not_depend_on_the_order_of_hashes() -> None:
    names = ",".join(HISTORIES)
    code = (
        "from tests.replay.test_histories import fingerprint\n"
        f"print([fingerprint(name) for name in {names!r}.split(',')])"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1
    assert len(said.pop()) > 64
