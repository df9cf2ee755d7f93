"""Verifying every run in several processes, each with partitions of its own.

A run lives on one partition, and its completion on the partition of the same number, so what one
process finds does not depend on another.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from runfold.events import topics
from runfold.processors.definitions.sealing import judging_codec
from runfold.producers.log.kafka import TopicReader
from runfold.producers.log.port import LogReader
from runfold.producers.schema_registry.chosen import registry_of
from runfold.surfaces.audit.journal import verify
from runfold.surfaces.audit.verifier import Verdict

WORTH_IT = 20_000
"""With fewer records than this on the journal, one process is done before others have begun."""

_LOOK_EVERY_S = 0.5


class ReaderLostError(Exception):
    """A process that verified a share of the journal died."""

    def __init__(self, code: int | None) -> None:
        super().__init__(
            f"A process that read the journal died (exit code {code}): look whether memory is "
            "short, and try `--jobs 1`."
        )


@dataclass(frozen=True, slots=True)
class Source:
    """How another process reaches the log: the settings of Kafka and the schema registry's URL."""

    kafka: Mapping[str, str | int | float]
    registry_url: str

    def reader(self) -> LogReader:
        """Return a reader of its own."""
        codec = judging_codec(registry_of(self.registry_url), lambda: self.kafka)
        return TopicReader(self.kafka, codec)


Progress = Callable[[int, int], None]
"""Told again and again how many records of how many were read."""


def verify_all(
    reader: LogReader, source: Source | None, jobs: int = 0, progress: Progress | None = None
) -> Iterator[Verdict]:
    """Yield what is found of every run; 0 ``jobs`` are as many as there are processors.

    Without a ``source``, or where it is not worth while, this process reads everything itself.
    """
    ends, begins = reader.ends(topics.EVENTS), reader.begins(topics.EVENTS)
    whole = sum(end - begins.get(number, 0) for number, end in ends.items())
    jobs = min(jobs or (os.cpu_count() or 1 if whole >= WORTH_IT else 1), len(ends))
    told = progress or (lambda _read, _whole: None)
    alike = ends.keys() == reader.ends(topics.COMPLETIONS).keys()
    if source is None or jobs < 2 or not alike:
        yield from verify(reader, read=_counted(told, whole))
    else:
        shares = [sorted(ends)[number::jobs] for number in range(jobs)]
        yield from _in_processes(reader, source, shares, whole, told)


def _counted(told: Progress, whole: int) -> Callable[[int], None]:
    read = 0

    def count(more: int) -> None:
        nonlocal read
        read += more
        told(min(read, whole), whole)

    return count


def _in_processes(
    reader: LogReader,
    source: Source,
    shares: Sequence[Sequence[int]],
    whole: int,
    told: Progress,
) -> Iterator[Verdict]:
    # Spawned: a fork would take the threads of the log's client with it, in whatever state.
    context = multiprocessing.get_context("spawn")
    count = context.Value("q", 0)
    waiting: dict[Connection, tuple[BaseProcess, Sequence[int]]] = {}
    try:
        for among in shares:
            ours, theirs = context.Pipe(duplex=False)
            process: BaseProcess = context.Process(
                target=_share, args=(source, among, theirs, count), daemon=True
            )
            process.start()
            theirs.close()
            waiting[ours] = process, among
        while waiting:
            ready = connection.wait(waiting, _LOOK_EVERY_S)
            told(min(count.value, whole), whole)
            for each in ready:
                assert isinstance(each, Connection)
                lost, among = waiting.pop(each)
                found = _received(each, lost)
                # What another process could not do is done here, or fails here with its reason.
                yield from verify(reader, among=among) if found is None else found
    finally:
        for process, _ in waiting.values():
            process.terminate()


def _received(ours: Connection, process: BaseProcess) -> list[Verdict] | None:
    try:
        found: list[Verdict] | None = ours.recv()
    except EOFError:
        process.join()
        raise ReaderLostError(process.exitcode) from None
    return found


def _share(source: Source, among: Sequence[int], theirs: Connection, count: Any) -> None:
    # Ctrl-C ends the command, which ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def read(more: int) -> None:
        with count.get_lock():
            count.value += more

    try:
        found = list(verify(source.reader(), among=among, read=read))
    except Exception:  # noqa: BLE001 - it is raised where somebody can be told
        theirs.send(None)
    else:
        theirs.send(found)
