"""Down: a stack is asked to stop, watched while its calls end, and hurried where somebody insists.

Ending is not killing: processes that make calls let them end, for RUNFOLD_DRAIN_S at the most.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from runfold.stack.errors import StackError
from runfold.stack.home import Home
from runfold.stack.processes import lock, telling
from runfold.stack.settings import Settings
from runfold.stack.spawning import reap
from runfold.stack.supervisor import state
from runfold.stack.supervisor.supervision import HURRY

_LEAST_SECONDS = 90.0
_ASKED_AGAIN_SECONDS = 5.0
_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class UnderWay:
    """The calls that a stack waits for before it is down.

    The last of them ends within ``left_s`` by its own time-out, and is cut off after ``drain_s``.
    ``unsafe`` of them leave a doubt then; the others are made again.
    """

    calls: int = 0
    left_s: float = 0.0
    unsafe: int = 0
    drain_s: float = 0.0


def down(settings: Settings, tell: Callable[[UnderWay], None] = lambda _: None) -> bool:
    """Stop the stack of this home and wait until it is gone; return whether there was one.

    ``tell`` hears about once a second what is waited for. May be called again after an interrupt.
    """
    home = Home(settings.home)
    held = home.run / "lock"
    if not lock.is_taken(held):
        reap(home)
        return False
    asked = looked = 0.0
    began = time.monotonic()
    while lock.is_taken(held):
        now, known = time.monotonic(), state.read(home.run / "state.json")
        # Asked again now and then: it may not have listened yet.
        if known is not None and known.is_alive and now > asked + _ASKED_AGAIN_SECONDS:
            _signal(known, signal.SIGTERM)
            asked = now
        if known is not None and now > looked + _LOOK_SECONDS:
            tell(under_way(known))
            looked = time.monotonic()
        if now > began + max(_LEAST_SECONDS, known.stops_within if known else 0.0):
            if known is not None and known.is_alive:
                _signal(known, signal.SIGKILL)
            raise StackError("The stack did not stop in time; its supervisor was killed.")
        time.sleep(0.02)
    reap(home)
    return True


def hurry(settings: Settings) -> None:
    """Have a stack that stops wait no longer for calls."""
    known = state.read(Home(settings.home).run / "state.json")
    if known is not None and known.is_alive:
        _signal(known, HURRY)


def under_way(known: state.State) -> UnderWay:
    """Return the calls that the processes of a stack say they are making."""
    asked = [telling.ask(each.metrics_port, each.metrics_address) for each in known.members]
    told = [each for each in asked if each is not None and each.under_way]
    return UnderWay(
        sum(each.under_way for each in told),
        max((each.left_s for each in told), default=0.0),
        sum(each.unsafe for each in told),
        max((each.drain_s for each in told), default=0.0),
    )


def _signal(known: state.State, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(known.pid, number)
