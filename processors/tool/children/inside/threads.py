"""The threads of a worker: those of its loop stay, those that a call left make it unusable."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

_NAME = "runfold-loop"


class LoopThreads(ThreadPoolExecutor):
    """What a loop uses for blocking work, such as finding an address; knows what is under way."""

    def __init__(self) -> None:
        super().__init__(thread_name_prefix=_NAME)
        self._open: set[Future[Any]] = set()
        self._held = _others()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run a function in a thread."""
        future = super().submit(fn, *args, **kwargs)
        self._open.add(future)
        future.add_done_callback(self._open.discard)
        return future

    def left(self) -> bool:
        """Return whether a call left a thread that may still do something."""
        return bool(self._open) or bool(_others() - self._held)


def _others() -> set[threading.Thread]:
    return {each for each in threading.enumerate() if not each.name.startswith(_NAME)}
