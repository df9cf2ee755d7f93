"""Restart: parts of a stack that runs begin again with the settings of now, nothing is lost.

The environment of the caller goes to the supervisor, which ends the parts one after another, lets
their calls end, and starts them in it. Kafka and Postgres go on unless they are named.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from runfold.infra.settings.declared import variables
from runfold.infra.settings.listing import settings_in
from runfold.infra.settings.recorded import Change, changes, recorded
from runfold.stack.bringing_down import UnderWay, under_way
from runfold.stack.errors import StackError
from runfold.stack.home import Home
from runfold.stack.processes import lock
from runfold.stack.settings import Settings
from runfold.stack.spawning import environment
from runfold.stack.supervisor import orders, state
from runfold.stack.supervisor.plan import Process
from runfold.stack.supervisor.surroundings import SERVER

_ORDER = ("kafka", "postgres", "tools", "runs", "projector", "gateway", "delivery", "monitor")
"""What others work on begins first, then pools: an older one may not know what is asked of it."""

_SERVERS = frozenset({"kafka", "postgres"})
_OF_THE_WHOLE = frozenset(
    variable.name
    for variable in (
        variables.BOOTSTRAP_SERVERS,
        variables.DATABASE_URL,
        variables.DATABASE_SCHEMA,
        variables.DEPLOYMENT_NAME,
        variables.PARTITIONS_COUNT,
        variables.JAVA_HOME,
    )
)
_TAKEN_S = 10.0
_LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class Changed:
    """A setting that parts run with otherwise than they would be started now.

    Where it is of the whole stack, restarting parts does not help.
    """

    change: Change
    parts: tuple[str, ...]

    @property
    def of_the_whole(self) -> bool:
        """Whether the stack must go down for it."""
        return self.change.name in _OF_THE_WHOLE


def changed(
    settings: Settings, known: state.State, processes: Sequence[Process]
) -> tuple[Changed, ...]:
    """Return what the parts of a stack run with otherwise than they would be started now."""
    env = environment(settings)
    by_name = {process.name: process for process in processes if not process.once}
    found: dict[Change, list[str]] = {}
    for member in known.members:
        process = SERVER if member.name == "kafka" else by_name.get(member.name)
        if member.settings is None or process is None:
            continue
        now = recorded(env, known.key, frozenset(process.readers), calls=process.calls)
        for change in changes(member.settings, now):
            found.setdefault(change, []).append(member.name)
    by_change = sorted(found.items(), key=lambda each: each[0].name)
    return tuple(Changed(change, tuple(parts)) for change, parts in by_change)


def restartable(known: state.State, processes: Sequence[Process]) -> tuple[str, ...]:
    """Return the parts of a stack that can be restarted, in the order in which they are."""
    once = {process.name for process in processes if process.once}
    there = [member.name for member in known.members if member.name not in once]
    return tuple(sorted(there, key=lambda name: _ORDER.index(name) if name in _ORDER else 99))


def restart(
    settings: Settings,
    parts: Sequence[str],
    processes: Sequence[Process],
    tell: Callable[[str, UnderWay | None], None] = lambda _part, _calls: None,
) -> None:
    """Restart parts, all but the servers where none is named, and wait until they work again.

    ``tell`` hears of each part that is restarted, and of the calls that it waits for. Raises
    StackError where that is refused, or where a part does not come back.
    """
    home = Home(settings.home)
    known = _need_ready(home)
    can = restartable(known, processes)
    chosen = tuple(name for name in can if name in parts or not (parts or name in _SERVERS))
    if strange := sorted(set(parts) - set(can)):
        raise StackError(
            f"{', '.join(strange)}: no such part runs here; there are {', '.join(can)}."
        )
    _need_usable(settings, changed(settings, known, processes), chosen)
    held = lock.take(home.run / "restart.lock")
    if held is None:
        raise StackError("Parts of this stack are being restarted already.")
    try:
        order = orders.Order(uuid.uuid4().hex, chosen, environment(settings))
        orders.send(home.run / "orders", order)
        _followed(home, order, tell)
    finally:
        os.close(held)


def _need_ready(home: Home) -> state.State:
    known = state.read(home.run / "state.json")
    if known is None or not known.is_alive:
        raise StackError("Nothing runs here: start it with `runfold up`.")
    if known.phase != state.READY:
        raise StackError(f"The stack is {known.phase}: it can be restarted when it is ready.")
    return known


def _need_usable(settings: Settings, found: Sequence[Changed], parts: Sequence[str]) -> None:
    """Raise StackError where the parts could not be started with the settings of now."""
    for setting in settings_in(environment(settings), {}):
        if setting.problem:
            raise StackError(setting.problem)
    whole = [each for each in found if each.of_the_whole and set(each.parts) & set(parts)]
    if whole:
        said = "; ".join(str(each.change) for each in whole)
        raise StackError(f"{said}: that holds for the whole stack: `runfold down`, `runfold up`.")


def _followed(
    home: Home, order: orders.Order, tell: Callable[[str, UnderWay | None], None]
) -> None:
    until, looked, told = time.monotonic() + _TAKEN_S, 0.0, ""
    while True:
        known = state.read(home.run / "state.json")
        if known is None or not known.is_alive or known.phase != state.READY:
            raise StackError("The stack was stopped before all parts were restarted.")
        found = known.restart
        if found is not None and found.id == order.id:
            if found.failure:
                raise StackError(f"{found.failure} Its log is in {home.logs}.")
            if not found.left:
                return
            if found.left[0] != told:
                told = found.left[0]
                tell(told, None)
            member = next(each for each in known.members if each.name == told)
            if member.state == "stopping" and time.monotonic() > looked + _LOOK_S:
                tell(told, under_way(state.State("", 0, 0, 0.0, members=(member,))))
                looked = time.monotonic()
        elif time.monotonic() > until:
            raise StackError("The supervisor did not take the order: see its log.")
        time.sleep(0.02)
