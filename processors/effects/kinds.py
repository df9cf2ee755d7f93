"""What a host of effects knows of a kind of call: everything but how it is made.

A kind of its own is a module that makes one ``EffectKind`` (``processors/tool/kind.py`` is one),
and a row in ``events/calls/kinds.py`` for its records and its topic. Hosts, pools, spans and
metrics take it from there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Generic, TypeVar

from runfold.events.calls import CallResult, CallWork
from runfold.events.calls.kinds import CallKind
from runfold.events.values import ErrorInfo
from runfold.infra.tracing.calls import CallSpan

W = TypeVar("W", bound=CallWork)
R = TypeVar("R", bound=CallResult)

Handler = Callable[[W], Awaitable[R]]
"""Makes a call. It keeps the call's time-out and never raises; a host bears it if it does."""

Make = Callable[[], Awaitable[R]]
"""Makes the one call that was found ready, as a handler would."""

Ready = Callable[[W], AbstractAsyncContextManager[Make[R]]]
"""Finds out whether a call can begin, and keeps what it needs until it is left.

Nothing of the call is done before what it gives is used. Raises CannotBeginError.
"""


def uncapped(_work: object) -> int | None:
    """Return that only the host's own limit bounds the calls."""
    return None


@dataclass(frozen=True, slots=True)
class EffectKind(Generic[W, R]):
    """A kind of call, as a host sees it.

    ``turn`` names what a call competes for, for people. Metrics show it, so it names neither tenant
    nor run; what really shares places may be narrower or wider (``Served.group``). ``on_broken`` is
    the result, after so many milliseconds, of a call whose handler raised or did not end in time;
    ``repeatable`` says whether its error may be retried. ``on_held`` is the result of a call that
    could not begin. ``at_once`` is how many calls a process has in flight unless it is set up
    otherwise.
    """

    call: CallKind[W, R]
    turn: Callable[[W], str]
    on_broken: Callable[[W, ErrorInfo, int], R]
    on_held: Callable[[W, ErrorInfo], R]
    repeatable: bool
    span: CallSpan[W, R]
    at_once: int = 64

    @property
    def name(self) -> str:
        """The name of the kind, as metrics show it."""
        return self.call.name


@dataclass(frozen=True, slots=True)
class Served(Generic[W, R]):
    """A kind of call that a process makes, with what makes it.

    At most ``at_once`` calls are in flight, as many as the kind says where it is None. Calls of one
    ``group`` share a bulkhead: groups take turns, and ``cap`` is how many calls of one may be in
    flight, None for no bound of its own. Without ``group`` those of one ``turn`` are one. ``ready``
    is asked first about calls that begin by permission; without it they can always begin.
    """

    kind: EffectKind[W, R]
    handler: Handler[W, R]
    at_once: int | None = None
    cap: Callable[[W], int | None] = uncapped
    ready: Ready[W, R] | None = None
    group: Callable[[W], Hashable] | None = None

    @property
    def limit(self) -> int:
        """How many calls may be in flight."""
        return self.kind.at_once if self.at_once is None else self.at_once

    def shares(self, work: W) -> Hashable:
        """Return what a call shares its places with."""
        return self.kind.turn(work) if self.group is None else self.group(work)
