"""How the members of a stack end: Runfold's processes together, then the servers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from runfold.stack.supervisor.member import Member
from runfold.stack.supervisor.python_program import PythonProgram

_SWEEP_S = 15.0


class Stopping:
    """Ends members; the servers last, since the processes use them to their end.

    Processes are asked at the same time: what each waits for its calls does not add up.
    ``changed`` is called whenever a member is gone, ``pause`` between two looks. Once ``hurrying``
    is true, the processes are killed; the servers are not: that would delay their next start.
    """

    def __init__(
        self,
        members: Sequence[Member],
        changed: Callable[[], None],
        pause: Callable[[], None],
        hurrying: Callable[[], bool],
    ) -> None:
        self._members = members
        self._changed = changed
        self._pause = pause
        self._hurrying = hurrying

    def run(self) -> None:
        """End all of them."""
        programs, servers = _split(self._members)
        self._end(programs, hurried=True)
        self._end(servers, hurried=False)

    def _end(self, members: Sequence[Member], *, hurried: bool) -> None:
        for member in members:
            member.ask(time.monotonic())
        self._changed()
        while any(member.state == "stopping" for member in members):
            self._pause()
            if hurried and self._hurrying():
                for member in members:
                    member.hurry()
            changed = [member.watch(time.monotonic()) for member in members]
            if any(changed):
                self._changed()


def longest(members: Sequence[Member]) -> float:
    """Return how many seconds a stop can take at the most."""
    waits = [[m.program.stop_seconds for m in each] for each in _split(members)]
    return sum(max(each, default=0.0) for each in waits) + _SWEEP_S


def _split(members: Sequence[Member]) -> tuple[list[Member], list[Member]]:
    programs = [m for m in members if isinstance(m.program, PythonProgram)]
    return programs, [m for m in members if not isinstance(m.program, PythonProgram)]
