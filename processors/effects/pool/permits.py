"""The gate of a pool: questions go out on ``runs.results``, answers come on ``calls.permits``.

The answers are committed by the lane that decides, with what is on record of them. They are read
by a thread of its own, from the partitions that the pool owns. The order is: 1. the place where
answers come is found, 2. questions go out; so no answer stands before what is read.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing

from runfold.events import topics
from runfold.events.calls import BeginAnswered, BeginRequested, CallWork
from runfold.events.errors import WireError
from runfold.infra.process.stall import Positions
from runfold.processors.effects.gate import Wake
from runfold.processors.effects.metrics import QUESTIONS
from runfold.processors.effects.pool.answers import Answers
from runfold.processors.effects.pool.core import PoolCodec
from runfold.processors.effects.pool.places import Places
from runfold.processors.effects.pool.questions import Publish, Questions
from runfold.producers.errors import LogError
from runfold.producers.log.consumers import Settings
from runfold.producers.log.kafka_tail import KafkaEnds, KafkaTail
from runfold.producers.log.partitioner import partition_for
from runfold.producers.log.tail import RawRecord

log = logging.getLogger(__name__)

_END_S = 5.0


class Permits:
    """Asks for one pool process; ``fault`` says why it can ask no more, if so.

    ``partitions`` is how many the topics by run have. The pool says where questions go
    (``through``), which partitions are its own (``own``), and when it begins and ends.
    """

    def __init__(self, kafka: Settings, codec: PoolCodec, partitions: int) -> None:
        self.by = f"{socket.gethostname()[:64]}/{os.getpid()}/{secrets.token_hex(8)}"
        self.fault = ""
        self._codec = codec
        self._kafka = kafka
        self._places = Places()
        self._outgoing: Publish | None = None
        self._questions = Questions(
            self.by,
            lambda run_id: partition_for(run_id.encode(), partitions),
            self._places,
            self._publish,
        )
        self._answers: Answers | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._read, name="permits", daemon=True)
        QUESTIONS().set_function(lambda: len(self._questions))

    async def asked(self, work: CallWork) -> bool | None:
        """Return whether a call may begin; None where it is to stand back until it is woken."""
        self._loop = asyncio.get_running_loop()
        return await self._questions.asked(work)

    def forget(self, work: CallWork) -> None:
        """Withdraw a question."""
        self._questions.forget(work)

    def wakes(self, wake: Wake) -> None:
        """Call this when a call that stood back should ask again."""
        self._questions.wakes(wake)

    def through(self, outgoing: Publish) -> None:
        """Send questions this way."""
        self._outgoing = outgoing

    def own(self, partitions: Iterable[int]) -> None:
        """Follow the answers of further partitions; from any thread."""
        self._places.want(partitions)

    def disown(self, partitions: Iterable[int]) -> None:
        """Wait for no answers of these partitions any more; from any thread."""
        gone = set(partitions)
        self._places.leave(gone)
        self._on_loop(self._questions.lost, gone)

    def reading(self) -> Positions:
        """Return how far answers were read; from any thread."""
        return self._answers.reading() if self._answers is not None else {}

    def start(self) -> None:
        """Begin to read answers."""
        self._thread.start()

    def close(self) -> None:
        """Read no more."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(_END_S)

    def _publish(self, question: BeginRequested, there: Callable[[], None]) -> None:
        if self._outgoing is None:
            raise RuntimeError("a question was asked before there was a way to send it")
        self._outgoing(question, there)

    def _read(self) -> None:
        try:
            with closing(KafkaTail(self._kafka)) as tail:
                ends = KafkaEnds(self._kafka)
                self._answers = Answers(tail, ends, self._places, self._take)
                while not self._stopping.is_set():
                    self._answers.turn()
        except LogError as error:
            self.fault = f"the answers whether calls may begin cannot be read: {error}"
        except Exception as bug:
            log.exception("the reader of answers stopped")
            self.fault = f"the reader of answers stopped by a bug: {type(bug).__name__}"

    def _take(self, records: Sequence[RawRecord]) -> None:
        answers = []
        for record in records:
            try:
                said = self._codec.decode(topics.PERMITS, record.value())
            except WireError as problem:
                log.warning("%s: an answer cannot be used: %s", topics.PERMITS, problem.reason)
                continue
            if isinstance(said, BeginAnswered):
                answers.append((record.partition() or 0, said))
        if answers:
            self._on_loop(self._questions.heard, answers)

    def _on_loop(self, function: Callable[..., None], *args: object) -> None:
        # Before the first question there is no loop, and nobody to tell.
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *args)
