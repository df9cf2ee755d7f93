"""Logs of a process: one JSON object a line, on the standard error stream.

Within ``about`` every line carries the ids of the run and the current call. Values of secrets are
masked, and an exception is written without its message where that may quote content.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType

from runfold.infra.logging.masking import masked, secrets_of

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

# Their messages quote the values they reject.
_QUOTING = ("pydantic", "pydantic_core", "psycopg", "jsonschema", "json")

_about: ContextVar[tuple[str, str, str] | None] = ContextVar("about", default=None)


@contextmanager
def about(run_id: str, call_id: str, traceparent: str) -> Iterator[None]:
    """Give every log line of this block, and of threads and tasks it starts, these ids."""
    token = _about.set((run_id, call_id, traceparent))
    try:
        yield
    finally:
        _about.reset(token)


class JsonFormatter(logging.Formatter):
    """Writes a record with everything that its caller gave as ``extra``."""

    def __init__(self, secrets: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """Return one line of JSON; what JSON does not know is shown as text."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if ids := _about.get():
            run_id, call_id, traceparent = ids
            line |= {"run_id": run_id, "call_id": call_id, "trace_id": traceparent[3:35]}
        line.update((name, value) for name, value in vars(record).items() if name not in _OWN)
        if record.exc_info and record.exc_info[1]:
            line["exception"] = described(record.exc_info[1])
        return masked(json.dumps(line, default=str, ensure_ascii=False), self._secrets)


def described(error: BaseException) -> str:
    """Return an exception with the frames it passed, its message only where that quotes nobody."""
    shown = traceback.TracebackException.from_exception(error)
    _withhold(shown, error)
    return "".join(shown.format())


def frames(error: BaseException) -> list[str]:
    """Return where an exception passed, innermost last, without a word of what it says."""
    passed = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in passed]


def log_to_stderr(level: int = logging.INFO) -> None:
    """Send the logs of this process, and what would end it, to standard error as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(secrets_of(os.environ)))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # They would log every request.
    for chatty in ("httpx", "urllib3"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    sys.excepthook = _last_words
    threading.excepthook = lambda lost: _last_words(
        lost.exc_type, lost.exc_value or lost.exc_type(), lost.exc_traceback
    )


def _last_words(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    elif not issubclass(kind, SystemExit):
        logging.getLogger("uncaught").critical(
            "%s ended a thread", kind.__name__, exc_info=(kind, error, trace)
        )


def _withhold(shown: traceback.TracebackException, error: BaseException) -> None:
    if type(error).__module__.partition(".")[0] in _QUOTING:
        shown._str = "its message is withheld"  # type: ignore[attr-defined]  # noqa: SLF001
    for inner, cause in (
        (shown.__cause__, error.__cause__),
        (shown.__context__, error.__context__),
    ):
        if inner is not None and cause is not None:
            _withhold(inner, cause)
