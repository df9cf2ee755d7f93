"""What runs have behind them, read from a topic: all that ask at once share one reader.

Who asks for a run again within a moment is read what came since: ``remembered`` has the rest.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from datetime import datetime, timedelta

from runfold.events.errors import WireError
from runfold.events.run import Event
from runfold.producers.follow.remembered import Known, RememberedRuns
from runfold.producers.identity import made_at
from runfold.producers.log.port import Delivery, LogReader, Start

_CLOCKS_DIFFER = timedelta(minutes=5)
_GATHER_S = 0.05


def beginning(run_id: str) -> Start:
    """Return where a run's events begin: its id says when it was asked for, by some clock."""
    asked = made_at(run_id)
    return "earliest" if asked is None else asked - _CLOCKS_DIFFER


Read = Known | WireError
"""What a reading found of a run, or why it cannot be read."""


class LogHistory:
    """Reads runs' events up to the end of the log; any thread may ask.

    A run's history is held in memory while it is handed over, and for a while after.
    """

    def __init__(
        self, reader: LogReader, topic: str, remembered: RememberedRuns | None = None
    ) -> None:
        self._reader = reader
        self._topic = topic
        self._lock = threading.Lock()
        self._asked: dict[str, list[Future[list[Event]]]] = {}
        self._busy = False
        self._remembered = remembered or RememberedRuns()

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
        pause = 0.0
        while True:
            # The first is served at once; while many ask, they gather for one scan. Whoever asks
            # alone waits for as long as the last scan took: what costs little holds nobody up.
            time.sleep(pause)
            with self._lock:
                asked, self._asked = self._asked, {}
                if not asked:
                    self._busy = False
                    return
            began = time.monotonic()
            try:
                found = self._scan(asked)
            except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear it
                for answer in _all(asked):
                    answer.set_exception(error)
                pause = _GATHER_S
                continue
            for run_id, waiting in asked.items():
                for answer in waiting:
                    if isinstance(held := found[run_id], WireError):
                        answer.set_exception(held)
                    else:
                        answer.set_result(list(held.events))
            alone = len(_all(asked)) == 1
            pause = min(time.monotonic() - began, _GATHER_S) if alone else _GATHER_S

    def _scan(self, asked: Iterable[str]) -> dict[str, Read]:
        """Return what is on the topic of these runs: of those that are known, what came since."""
        # Asked for after everybody asked: what is committed by then lies before it.
        ends = self._reader.ends(self._topic)
        found: dict[str, Read] = {}
        for run_id in asked:
            if (known := self._remembered.known(run_id, ends)) is not None:
                found[run_id] = known
        again = self._goes_on(found, ends)
        whole = [run_id for run_id in asked if run_id not in found or run_id in again]
        found |= self._whole(whole, ends)
        for run_id, read in found.items():
            if isinstance(read, Known) and read.events:
                read.reached = ends[read.partition]
                self._remembered.keep(run_id, read)
            else:
                self._remembered.forget(run_id)
        return found

    def _goes_on(self, known: dict[str, Read], ends: Mapping[int, int]) -> set[str]:
        """Add to what is known what came since; return the runs of which it does not follow."""
        starts, broken = dict(ends), set[str]()
        places = {id_: (k.partition, k.reached) for id_, k in known.items() if isinstance(k, Known)}
        for partition, reached in places.values():
            starts[partition] = min(starts[partition], reached)
        if starts == ends:
            return broken
        for run_id, each in self._read(known, starts, ends):
            if each.place.offset >= places[run_id][1] and not _taken(known, run_id, each):
                broken.add(run_id)
        return broken

    def _whole(self, run_ids: list[str], ends: Mapping[int, int]) -> dict[str, Read]:
        """Return all of these runs: of one by its partition, of many by a scan of all."""
        now = self._remembered.elapsed()
        found: dict[str, Read] = {run_id: Known(-1, 0, now) for run_id in run_ids}
        if found:
            start = _earliest([beginning(run_id) for run_id in found])
            for run_id, each in self._read(found, start, ends):
                held = found[run_id]
                if each.error is not None:
                    found[run_id] = held if isinstance(held, WireError) else each.error
                elif isinstance(held, Known) and isinstance(each.record, Event):
                    held.partition = each.place.partition
                    held.put(each.record, len(each.value or b""))
        return found

    def _read(
        self, runs: Mapping[str, object], start: Start, ends: Mapping[int, int]
    ) -> Iterable[tuple[str, Delivery]]:
        keys = {run_id.encode(): run_id for run_id in runs}
        only = next(iter(runs)) if len(runs) == 1 else None
        for each in self._reader.read(
            self._topic, start, key=only, only=lambda raw: raw.key in keys, ends=ends
        ):
            yield keys[each.key or b""], each


def _taken(found: dict[str, Read], run_id: str, each: Delivery) -> bool:
    """Take what came of a run that is known; return False where it does not follow."""
    held = found[run_id]
    if isinstance(held, WireError) or each.error is not None:
        found[run_id] = held if isinstance(held, WireError) else each.error or held
        return True
    if not isinstance(each.record, Event):
        return True
    return held.adds(each.record, len(each.value or b""))


def _earliest(starts: list[Start]) -> Start:
    moments = [start for start in starts if isinstance(start, datetime)]
    return min(moments) if len(moments) == len(starts) else "earliest"


def _all(asked: dict[str, list[Future[list[Event]]]]) -> list[Future[list[Event]]]:
    return [answer for waiting in asked.values() for answer in waiting]
