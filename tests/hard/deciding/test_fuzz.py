"""Whatever a tool or a model reports, or a requester asks for: it ends, or the field is named.

A case is a seed. ``FUZZ_CASES`` says how many of each kind, ``FUZZ_SEED`` from which on; a case
that fails prints its seed, and belongs into ``KEPT``.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from runfold.events import topics
from runfold.events.avro.shapes import fields_of
from runfold.events.errors import WireError
from runfold.events.records.commands import RunRequested
from runfold.processors.run.replay import decisions
from runfold.projections.store.rows.writing import cleaned, fold
from runfold.projections.view import Batch, Placed
from runfold.projections.views import VIEWS
from tests.deciders.given import RUN, answer, call, came_back, done, request
from tests.hard.deciding.siblings import sibling
from tests.hard.deciding.test_lanes import CODEC, KNOWN, Lane, once

CASES = int(os.environ.get("FUZZ_CASES", "200"))
FIRST = int(os.environ.get("FUZZ_SEED", "0"))
BLOCKS = 4

KEPT = (("request", 36), ("request", 57), ("request", 131))
"""Seeds of cases that failed once; they hold as long as the siblings are drawn as they are."""


def _tool(seed: int) -> None:
    pick = random.Random(f"tool/{seed}")
    said = sibling(came_back(2), pick, beyond=True)
    _plays(lambda: Lane(once(answer(call("look"))), lambda _work: _own(said)), request())


def _model(seed: int) -> None:
    pick = random.Random(f"model/{seed}")
    first = answer(call("look")) if pick.random() < 0.7 else done()
    said = sibling(first, pick, beyond=True)
    _plays(lambda: Lane(once(_own(said))), request())


def _own(said: Any) -> Any:
    return said.model_copy(update={"run_id": RUN})


def _request(seed: int) -> None:
    pick = random.Random(f"request/{seed}")
    asked = sibling(request(), pick, beyond=False).model_copy(update={"run_id": RUN})
    _plays(lambda: Lane(once(answer(call("look")))), asked)


KINDS: dict[str, Callable[[int], None]] = {"tool": _tool, "model": _model, "request": _request}


def _plays(make: Callable[[], Lane], asked: RunRequested) -> None:
    try:
        CODEC.encode(topics.REQUESTS, asked)
    except (WireError, ValueError, OverflowError, ArithmeticError):
        # What cannot be written cannot be sent.
        return
    with closing(make()) as lane:
        lane.put(topics.REQUESTS, asked)
        _judge(lane, asked)
        # The lane lives: the next request of somebody else is worked off.
        lane.put(topics.REQUESTS, asked)
        assert len(lane.letters) <= 2


def _judge(lane: Lane, asked: RunRequested) -> None:
    """The oracle: on record or refused by name; the journal decides the same; views are whole."""
    if lane.letters:
        assert lane.events == []
        letter, names = lane.letters[0], {each.name for each in fields_of(RunRequested)}
        named = any(name in letter.reason for name in names)
        # Of a record that is too large as a whole no field is to blame.
        assert named or letter.code in {"oversized", "too_large"}, (letter.code, letter.reason)
        return
    assert lane.events, "nothing came of it"
    _ends_or_waits(lane)
    state = None
    for decision in decisions.decisions(lane.events):
        assert decisions.redecide(state, decision, KNOWN) is None
        state = decisions.fold(state, decision)
    _views_are_whole(lane)


def _ends_or_waits(lane: Lane) -> None:
    last = lane.facts[-4:]
    waits = {"HumanInputRequested", "RetryScheduled", "ApprovalRequested", "ToolCallUncertain"}
    waits.add("CallHeld")
    ended = last[-1].startswith("Run") or waits & set(last)
    assert ended, f"the run neither ends nor waits: {lane.facts}"


def _views_are_whole(lane: Lane) -> None:
    placed = [
        Placed(event.meta, event.fact, 0, offset, hashlib.sha256(str(offset).encode()).hexdigest())
        for offset, event in enumerate(lane.events)
    ]
    for view in VIEWS.values():
        cleaned(fold(view, Batch(events=placed)))


@contextmanager
def _named(kind: str, seed: int) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise AssertionError(f"{kind} seed {seed}") from error


@pytest.mark.parametrize("block", range(BLOCKS))
@pytest.mark.parametrize("kind", KINDS)
def test_the_run_ends_or_the_field_is_named(kind: str, block: int) -> None:
    size = CASES // BLOCKS
    first = FIRST + block * size
    print(f"{kind} seeds {first} to {first + size - 1}")
    for seed in range(first, first + size):
        with _named(kind, seed):
            KINDS[kind](seed)


@pytest.mark.parametrize(("kind", "seed"), KEPT)
def test_a_case_that_failed_once(kind: str, seed: int) -> None:
    with _named(kind, seed):
        KINDS[kind](seed)
