"""Settings that have changed since parts were started, and ``restart``, which makes them hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from runfold.surfaces.cli import exits, output
from runfold.surfaces.cli.operations.stack.ending import waited_for
from runfold.surfaces.cli.operations.stack.modules import MEND, imported

if TYPE_CHECKING:
    from runfold.stack.bringing_down import UnderWay
    from runfold.stack.restarting import Changed
    from runfold.stack.settings import Settings


def changed_since(settings: Settings) -> tuple[Changed, ...]:
    """Return what the parts of the stack that runs here would be started with otherwise now."""
    from runfold.stack import control, restarting
    from runfold.surfaces.processes import PROCESSES

    known = control.status(settings)
    return restarting.changed(settings, known, PROCESSES) if known is not None else ()


def what_changed(found: Sequence[Changed]) -> Iterable[str]:
    """Yield a line for each setting that differs, and what to do."""
    yield "It runs with other settings than those of now:"
    for each in found:
        yield f"  {each.change} ({', '.join(each.parts)})"
    if any(each.of_the_whole for each in found):
        yield "To use those of now: `runfold down`, then `runfold up`."
    else:
        parts = dict.fromkeys(part for each in found for part in each.parts)
        yield f"To use those of now: `runfold restart {' '.join(parts)}`."


class Restart:
    """Restarts parts and says what is waited for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._said = output.console()
        self._count = -1

    def run(self, parts: Sequence[str]) -> int:
        """Restart parts, all but the servers where none is named, and return the exit code."""
        from runfold.stack import restarting
        from runfold.surfaces.processes import PROCESSES

        for each in changed_since(self._settings):
            if not parts or set(parts) & set(each.parts):
                self._say(f"{each.change} ({', '.join(each.parts)})")
        try:
            restarting.restart(self._settings, parts, PROCESSES, self._tell)
        except KeyboardInterrupt:
            self._say("The restart goes on by itself; `runfold status` shows the parts.")
            raise
        faulty = imported(self._settings, self._say).faulty
        for sentence in (*map(str, faulty), *([MEND] if faulty else [])):
            self._said.print(sentence, markup=False)
        return exits.UNAVAILABLE if faulty else exits.OK

    def _tell(self, part: str, calls: UnderWay | None) -> None:
        if calls is None:
            self._count = -1
            self._say(f"restarting {part}")
        elif calls.calls and calls.calls != self._count:
            self._count = calls.calls
            self._say(f"{part}: {waited_for(calls)}")

    def _say(self, line: str) -> None:
        self._said.print(f"  {line}", markup=False)
