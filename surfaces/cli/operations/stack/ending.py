"""``down``: says what is waited for; a second Ctrl-C cuts it off, and says what that cost."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from runfold.surfaces.cli import output

if TYPE_CHECKING:
    from runfold.stack.control import UnderWay
    from runfold.stack.settings import Settings

_AGAIN_S = 5.0


class Ending:
    """Brings a stack down."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._said = output.console()
        self._last: UnderWay | None = None
        self._printed = (-1, 0.0)

    def run(self) -> bool:
        """Wait until the stack is down; return whether there was one.

        A first Ctrl-C says what a second one does; after the second, a third leaves the rest to
        the stack itself.
        """
        from runfold.stack import control

        pressed = 0
        while True:
            try:
                return control.down(self._settings, self._tell)
            except KeyboardInterrupt:
                pressed += 1
                if pressed > 2:
                    raise
                if pressed == 1:
                    self._say("Still waiting; Ctrl-C again cuts off the calls under way.")
                    continue
                control.hurry(self._settings)
                self._say(cost_of(self._last))

    def _tell(self, now: UnderWay) -> None:
        self._last = now
        count, at = self._printed
        if now.calls and (now.calls != count or time.monotonic() - at > _AGAIN_S):
            self._printed = now.calls, time.monotonic()
            self._say(waited_for(now))

    def _say(self, line: str) -> None:
        self._said.print(f"  {line}", markup=False)


def waited_for(now: UnderWay) -> str:
    """Return how many calls are waited for, and for how long."""
    calls = f"{now.calls} call{'s' if now.calls > 1 else ''} under way"
    if now.left_s <= now.drain_s:
        return f"{calls}, up to {now.left_s:.0f} s"
    return f"{calls}, up to {now.left_s:.0f} s; cut off after {now.drain_s:.0f} s (RUNFOLD_DRAIN_S)"


def cost_of(last: UnderWay | None) -> str:
    """Return what cutting off the calls under way costs, by what was known of them."""
    if last is None or not last.calls:
        return "Hurrying; no call was known to be under way."
    again = last.calls - last.unsafe
    parts = [
        f"{again} will be made again" if again else "",
        f"{last.unsafe} will be uncertain: `runfold approvals` lists them after the next `up`"
        if last.unsafe
        else "",
    ]
    calls = f"{last.calls} call{'s' if last.calls > 1 else ''}"
    return f"Cut off {calls}: {'; '.join(filter(None, parts))}."
