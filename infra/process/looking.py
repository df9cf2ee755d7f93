"""A thread that looks at something outside every so often, for as long as the work goes on."""

from __future__ import annotations

import logging
import threading

_log = logging.getLogger(__name__)


class Looking(threading.Thread):
    """Calls ``look`` every ``every_s`` seconds until stopped, or until it returns true.

    ``passing`` are the errors after which it looks again: nothing is known then.
    """

    def __init__(self, name: str, every_s: float, *passing: type[Exception]) -> None:
        super().__init__(name=name, daemon=True)
        self._every_s = every_s
        self._passing = passing
        self._ended = threading.Event()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()

    def run(self) -> None:
        """Look until stopped, or until there is nothing more to look for."""
        while not self._ended.wait(self._every_s):
            try:
                if self.look():
                    return
            except self._passing as error:
                _log.debug("%s: what is there is not known: %s", self.name, error)

    def look(self) -> bool:
        """Look once; return whether it was the last time."""
        raise NotImplementedError
