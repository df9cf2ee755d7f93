"""``make bench-soak``: half an hour of steady load: does memory stay flat, do the views keep up?

First measures what the machine can do, then offers a part of it, each run when it is due. Notes
memory, open runs, lag and sizes every ten seconds, prints them, and writes build/soak.json;
``--take`` puts them into docs/performance/growth.md. Ends by itself: with 0 when every run that
was asked for completed once and the views have it, with 1 when not, with 2 where the disk has no
room for what it would leave.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg

from benchmarks.performance.growth_page import take
from benchmarks.soak.summary import Sample, summary
from benchmarks.support.figures import keep
from benchmarks.support.lag import Lag
from benchmarks.support.machine import Processes, journal_bytes, pss_mb
from benchmarks.support.stack import running
from benchmarks.support.steady import Asker, Open, Stream, following, keep_open
from benchmarks.support.traffic import Traffic
from benchmarks.support.trend import percentile
from runfold.stack.settings import Settings

_SAMPLE_S = 10.0
_LOOK_S = 0.5
_PATIENCE_S = 300.0
_MOST_OPEN = 20_000
_ROOM_BYTES = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Capacity:
    """Runs a second until the views have them, and bytes that a run leaves on the disk."""

    a_second: float
    bytes_a_run: float


class NoRoomError(Exception):
    """The disk would not hold what the soak leaves."""


class Soak:
    """One soak on a stack that runs."""

    def __init__(self, settings: Settings) -> None:
        """Connect."""
        self._settings = settings
        self._lag = Lag(settings)
        self._runs = Open()
        self._samples: list[Sample] = []
        self._took: list[float] = []
        self._database = psycopg.connect(settings.database_url, autocommit=True)
        self._began = time.monotonic()
        self._used = self._began, self._cpu()

    def capacity(self, seconds: float, at_once: int) -> Capacity:
        """Return what keeping so many runs open comes to, the views' catching up included.

        More at once would go faster, since a transaction then holds more: but a steady stream
        below what the machine can do keeps few runs open.
        """
        traffic = Traffic(self._settings)
        traffic.publish_definitions()
        # What has just started runs cold code; a service that is up does not.
        traffic.complete_all(at_once)
        traffic.close()
        runs = Open()
        with following(self._settings, runs):
            began, held = self._lag.wait(_PATIENCE_S), sum(self._sizes())
            keep_open(Asker(self._settings, runs), runs, at_once, seconds)
            now = self._ended(runs)
        if now is None:
            raise TimeoutError("the views did not catch up with what the capacity is measured by")
        grown = sum(self._sizes()) - held
        return Capacity(runs.completed / (now - began), grown / runs.completed)

    def run(self, a_second: float, total: int) -> dict[str, Any]:
        """Offer so many runs, so many a second, and return what came of it."""
        asker = Asker(self._settings, self._runs)
        stream = Stream(asker, a_second, total)
        self._began, stopped = time.monotonic(), ""
        with following(self._settings, self._runs):
            stream.start()
            while stream.is_alive() and not stopped:
                self._sample(stream)
                stopped = self._why_stop()
            stream.stop()
            stream.join()
            ended = self._ended(self._runs)
        self._took += self._runs.taken()
        return {
            "asked": self._runs.asked,
            "completed": self._runs.completed,
            "strange": self._runs.strange,
            "not_delivered": asker.failed,
            "offered_per_s": round(self._runs.asked / (stream.ended - self._began), 1),
            "caught_up_s": None if ended is None else round(max(0.0, ended - stream.ended), 2),
            "stopped": stopped,
            **summary(self._samples, self._took),
        }

    def _sample(self, stream: Stream) -> None:
        """Look for ten seconds, or until the stream ends, then note what there is."""
        until, behind, opened = time.monotonic() + _SAMPLE_S, 0, 0
        while stream.is_alive() and time.monotonic() < until:
            time.sleep(_LOOK_S)
            behind = max(behind, self._lag.look().behind)
            opened = max(opened, self._runs.count)
        took = self._runs.taken()
        self._took += took
        journal, database = self._sizes()
        now = time.monotonic()
        sample = Sample(
            round(now - self._began, 1),
            pss_mb(self._settings),
            self._cores(now),
            opened,
            behind,
            self._runs.completed,
            round(journal / 1e6, 1),
            round(database / 1e6, 1),
            percentile(took, 50),
            percentile(took, 99),
        )
        self._samples.append(sample)
        print(sample.line(), flush=True)

    def _why_stop(self) -> str:
        if self._runs.count > _MOST_OPEN:
            return f"more than {_MOST_OPEN:,} runs were open: the load is above what it can do"
        if shutil.disk_usage(self._settings.home).free < _ROOM_BYTES:
            return "the disk is nearly full"
        return ""

    def _cores(self, now: float) -> dict[str, float]:
        """Return how many cores each process kept busy since the last time, this one too."""
        used = self._cpu()
        at, before = self._used
        self._used = now, used
        return {n: round((used[n] - before[n]) / (now - at), 2) for n in used if n in before}

    def _cpu(self) -> dict[str, float]:
        processes = Processes(self._settings)
        used = {name: processes.cpu_seconds_of(name) for name in processes.names}
        return {**used, "client": time.process_time()}

    def _ended(self, runs: Open) -> float | None:
        """Return when all had ended and the views had them, None if they have not in time."""
        until = time.monotonic() + _PATIENCE_S
        while runs.count and time.monotonic() < until:
            time.sleep(0.02)
        try:
            at = self._lag.wait(_PATIENCE_S)
        except TimeoutError as error:
            print(error)
            return None
        return None if runs.count else at

    def _sizes(self) -> tuple[int, int]:
        row = self._database.execute("SELECT pg_database_size(current_database())").fetchone()
        return journal_bytes(self._settings.home), int(row[0]) if row else 0


def soak(
    home: Path, minutes: float, load: float, measured_s: float, at_once: int
) -> dict[str, Any]:
    """Measure a capacity and offer a part of it; raises NoRoomError before that where need be."""
    with running(home, partitions=psutil.cpu_count()) as settings:
        test = Soak(settings)
        capacity = test.capacity(measured_s, at_once)
        a_second = capacity.a_second * load
        total = round(a_second * minutes * 60)
        needed = total * capacity.bytes_a_run * 1.1 + _ROOM_BYTES
        free = shutil.disk_usage(home).free
        print(f"capacity {capacity.a_second:.0f} runs/s until the views have them")
        print(f"{a_second:.0f} runs/s, {total:,} runs, about {needed / 1e9:.1f} GB", flush=True)
        if needed > free:
            raise NoRoomError(f"{needed / 1e9:.0f} GB are needed, {free / 1e9:.0f} are free")
        return {
            "minutes": minutes,
            "load": load,
            "capacity_per_s": round(capacity.a_second, 1),
            "bytes_a_run": round(capacity.bytes_a_run),
            **test.run(a_second, total),
        }


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; 0 when everything that was asked for completed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="of steady load")
    parser.add_argument("--load", type=float, default=0.7, help="of what the machine can do")
    parser.add_argument("--measure", type=float, default=60.0, help="seconds for that, before")
    parser.add_argument("--at-once", type=int, default=50, help="runs kept open, for that")
    parser.add_argument("--folder", type=Path, help="where the servers keep their files meanwhile")
    parser.add_argument("--take", action="store_true", help="write the page from the figures")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="runfold-bench-", dir=chosen.folder) as folder:
        home = Path(folder)
        home.chmod(0o755)
        try:
            found = soak(home, chosen.minutes, chosen.load, chosen.measure, chosen.at_once)
        except NoRoomError as error:
            print(f"{error}: ask for fewer --minutes, or choose another --folder")
            return 2
    for name, each in found["trends"]["memory"].items():
        print(f"{name}: {each['last_mb']:.0f} MB, {each['mb_an_hour']:+.1f} MB/hour")
    lag = found["trends"]["lag"]
    print(f"behind: at most {lag['most']:,} records, {lag['an_hour']:+,.0f} records/hour")
    print(f"{found['completed']:,} of {found['asked']:,} completed; {found['stopped'] or 'done'}")
    print(f"written to {keep('soak', found)}")
    if chosen.take:
        take("soak")
    whole = found["completed"] == found["asked"] and not found["strange"]
    return 0 if whole and found["caught_up_s"] is not None and not found["stopped"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
