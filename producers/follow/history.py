"""What runs have behind them, read from a topic: all that ask at once share one reader."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future
from datetime import datetime, timedelta
from itertools import count

from runfold.events.errors import WireError
from runfold.events.run import Event
from runfold.producers.identity import made_at
from runfold.producers.log.port import LogReader, Start

_CLOCKS_DIFFER = timedelta(minutes=5)
_GATHER_S = 0.05


def beginning(run_id: str) -> Start:
    """Return where a run's events begin: its id says when it was asked for, by some clock."""
    asked = made_at(run_id)
    return "earliest" if asked is None else asked - _CLOCKS_DIFFER


class LogHistory:
    """Reads runs' events up to the end of the log; any thread may ask.

    A run's history is held in memory while it is handed over.
    """

    def __init__(self, reader: LogReader, topic: str) -> None:
        self._reader = reader
        self._topic = topic
        self._lock = threading.Lock()
        self._asked: dict[str, list[Future[list[Event]]]] = {}
        self._busy = False

    def read(self, run_id: str) -> Future[list[Event]]:
        """Return, in time, everything committed of a run by now, in order.

        The future fails with a LogError, or with a WireError where a record cannot be read.
        """
        answer: Future[list[Event]] = Future()
        # Nobody may cancel it: others are answered by the same scan.
        answer.set_running_or_notify_cancel()
        with self._lock:
            self._asked.setdefault(run_id, []).append(answer)
            start, self._busy = not self._busy, True
        if start:
            threading.Thread(target=self._work, name="runfold-history", daemon=True).start()
        return answer

    def _work(self) -> None:
        for number in count():
            if number:
                # The first is served at once; while many ask, they gather for one scan.
                time.sleep(_GATHER_S)
            with self._lock:
                asked, self._asked = self._asked, {}
                if not asked:
                    self._busy = False
                    return
            try:
                found = self._scan(asked)
            except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear it
                for answer in _all(asked):
                    answer.set_exception(error)
                continue
            for run_id, waiting in asked.items():
                for answer in waiting:
                    if isinstance(held := found[run_id], WireError):
                        answer.set_exception(held)
                    else:
                        answer.set_result(list(held))

    def _scan(self, asked: Iterable[str]) -> dict[str, list[Event] | WireError]:
        """Return what is on the topic of these runs: of one by its partition, of many by all."""
        found: dict[str, list[Event] | WireError] = {run_id: [] for run_id in asked}
        keys = {run_id.encode() for run_id in found}
        only = next(iter(found)) if len(found) == 1 else None
        start = _earliest([beginning(run_id) for run_id in found])
        for each in self._reader.read(
            self._topic, start, key=only, only=lambda raw: raw.key in keys
        ):
            run_id = (each.key or b"").decode()
            held = found[run_id]
            if isinstance(held, WireError):
                continue
            if each.error is not None:
                found[run_id] = each.error
            elif isinstance(each.record, Event):
                held.append(each.record)
        return found


def _earliest(starts: list[Start]) -> Start:
    moments = [start for start in starts if isinstance(start, datetime)]
    return min(moments) if len(moments) == len(starts) else "earliest"


def _all(asked: dict[str, list[Future[list[Event]]]]) -> list[Future[list[Event]]]:
    return [answer for waiting in asked.values() for answer in waiting]
