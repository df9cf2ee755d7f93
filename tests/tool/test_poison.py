"""Deaths of a process by a call are counted over its attempts, those that were held included."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from runfold.events.calls import Outcome
from runfold.events.values import ErrorInfo
from runfold.processors.tool.dying.deaths import Deaths
from runfold.processors.tool.dying.poison import PoisonGuard
from runfold.processors.tool.ending import Ending, failed
from runfold.processors.tool.execution import Execution
from tests.deciders.given import tool
from tests.effects.given import tool_work

HELD = Ending(Outcome.HELD, code="not_ready")
LATER = ErrorInfo(error_type="timeout", message="slow", retryable=True)
DONE = Ending(Outcome.SUCCEEDED)


class _Killed(BaseException):
    """The process dies of the call."""


class Machine:
    """Processes of one machine, one after another; ``made`` counts the executions."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.made = 0

    def deliver(self, attempt: int, ending: Ending | None = None, cleared: int = 0) -> Ending:
        """Deliver an attempt to a new process, which dies of it where no ending is given."""
        deaths = Deaths(self._folder)

        async def run() -> Ending:
            self.made += 1
            if ending is None:
                # Nobody tidies up behind a process that was killed.
                os.close(deaths._file)
                raise _Killed
            return ending

        execution = SimpleNamespace(run=run, contract=tool("read", risk_level=0))
        work = tool_work(attempt=attempt, cleared=cleared)
        guard = PoisonGuard(deaths)
        if ending is None:
            deaths.end = lambda _call: None  # type: ignore[method-assign]
        try:
            ended = asyncio.run(guard.run(work, cast(Execution, execution)))
        except _Killed:
            return HELD
        deaths.__exit__(None, None, None)
        return ended


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def poisoned(ending: Ending) -> bool:
    return ending.error is not None and ending.error.error_type == "process_died"


def test_a_call_is_not_made_again_after_three_deaths_whatever_attempt_it_was(
    machine: Machine,
) -> None:
    # It is held between its deaths, so each time it comes back as another attempt.
    for attempt in (1, 2, 3):
        machine.deliver(attempt)
    assert poisoned(machine.deliver(4, DONE))
    assert machine.made == 3


def test_an_attempt_that_was_held_after_all_says_nothing_of_the_call(machine: Machine) -> None:
    for attempt in (1, 2):
        machine.deliver(attempt)
    assert machine.deliver(2, HELD) is HELD
    machine.deliver(3)
    assert poisoned(machine.deliver(4, DONE))


@pytest.mark.parametrize("ending", [failed(LATER), DONE])
def test_a_call_that_ended_here_is_counted_again_from_nothing(
    machine: Machine, ending: Ending
) -> None:
    for attempt in (1, 1):
        machine.deliver(attempt)
    assert machine.deliver(1, ending) == ending
    for attempt in (2, 2):
        machine.deliver(attempt)
    assert machine.deliver(2, DONE) == DONE


def test_what_a_person_says_has_not_happened_is_counted_again_from_nothing(
    machine: Machine,
) -> None:
    for _ in range(3):
        machine.deliver(1)
    assert poisoned(machine.deliver(1, DONE))
    assert machine.deliver(2, DONE, cleared=1) == DONE
