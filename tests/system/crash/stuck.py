"""Processes of the product whose clients hang: ``python -m tests.system.crash.stuck what``.

A paused consumer is what a client that lost its way to a leader looks like from outside: it keeps
its assignment, raises nothing, and delivers nothing.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable
from typing import Any

from runfold.processors.definitions.kafka import KafkaDefinitionLog
from runfold.processors.effects.pool.pool import Pool
from runfold.processors.engine.kafka.inputs.input_router import InputRouter
from runfold.processors.engine.kafka.transaction import Transactions
from runfold.projections.store.reading.reader import Reader

FOR_EVER = 10_000.0


def _afterwards(owner: type, name: str, then: Callable[[Any], None]) -> None:
    """Do something more whenever a method has been called."""
    original = getattr(owner, name)

    def both(self: Any, *arguments: Any, **more: Any) -> Any:
        result = original(self, *arguments, **more)
        then(self)
        return result

    setattr(owner, name, both)


def _mute(consumer: Any) -> None:
    consumer.pause(consumer.assignment())


def inputs() -> str:
    """The run processor's inputs do not come."""
    _afterwards(InputRouter, "_assign", lambda self: _mute(self._consumer._consumer))
    return "runfold.processors.run"


def definitions() -> str:
    """The definitions do not come any more once the topic was read to its end."""
    # Only the thread that polls may speak to the consumer: any other would wait for it.
    _afterwards(KafkaDefinitionLog, "poll", lambda self: _mute(self._tail._consumer))
    return "runfold.processors.run"


def work() -> str:
    """The pool's work does not come."""
    # Fetching begins with the assignment; what a member is given is resumed in its first turn.
    for step in ("_on_given", "_pause_or_resume"):
        _afterwards(Pool, step, lambda self: _mute(self._member._consumer))
    return "runfold.processors.tool"


def journal() -> str:
    """The projector's journal does not come."""
    _afterwards(Reader, "__init__", lambda self: _mute(self._tail._consumer))
    return "runfold.projections"


def commit() -> str:
    """A transaction of a lane never comes back."""
    _afterwards(Transactions, "_produce_all", lambda self: threading.Event().wait(FOR_EVER))
    return "runfold.processors.run"


if __name__ == "__main__":
    module = globals()[sys.argv[1]]()
    sys.exit(importlib.import_module(f"{module}.__main__").main())
