"""What models say while they answer, on its way to listeners: best effort, never waited for.

A call appends a piece to a bounded queue, and that is all it does. A thread of its own joins what
came of a call meanwhile, and sends it. Where the queue is full the oldest pieces go, and are
counted: nobody needs one, since the whole answer follows.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol, Self

from confluent_kafka import KafkaError, KafkaException, Message

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.calls import ModelWork
from runfold.events.errors import EventsError
from runfold.events.records.deltas import MOST_TEXT, ModelDelta
from runfold.infra.kafka import clients
from runfold.infra.settings.declared.variables import MODEL_DELTAS
from runfold.processors.model.metrics import PIECES
from runfold.processors.model.providers.cleaning import clean
from runfold.producers.log.envelope import headers_of

_log = logging.getLogger(__name__)

Tell = Callable[[str], None]
"""Takes a piece of an answer's text, at once."""

_MOST_CHARACTERS = 2_000_000
_MOST_PIECES = 20_000
_GATHER_S = 0.03
_LAST_S = 2.0


class Deltas(Protocol):
    """Whoever is told what models say while they answer."""

    def asking(self, work: ModelWork, model: str) -> Tell:
        """Return what takes the pieces of one asking of ``provider:model``."""


def tell_of(deltas: Deltas | None, work: ModelWork, model: str) -> Tell | None:
    """Return what takes the pieces of an answer, None where nobody is told.

    An agent that hides data from its model gets an answer with tokens, in which words are put back
    once it is whole: pieces of it would show tokens, or halves of what was hidden.
    """
    return None if deltas is None or work.redact else deltas.asking(work, model)


class _Asking:
    """One asking of one model; ``index`` is used by the thread that sends."""

    def __init__(self, work: ModelWork, model: str) -> None:
        self.work = work
        self.model = model
        self.index = 0


class _Queue:
    """Pieces in their order, bounded in number and characters; the oldest make room."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: deque[tuple[_Asking, str]] = deque()
        self._size = 0

    def put(self, asking: _Asking, text: str) -> int:
        """Add a piece; return how many it cost."""
        dropped = 0
        with self._lock:
            self._held.append((asking, text))
            self._size += len(text)
            while self._size > _MOST_CHARACTERS or len(self._held) > _MOST_PIECES:
                self._size -= len(self._held.popleft()[1])
                dropped += 1
        return dropped

    def take(self) -> list[tuple[_Asking, str]]:
        """Return all pieces, those of one asking joined."""
        with self._lock:
            held, self._held, self._size = self._held, deque(), 0
        found: dict[_Asking, list[str]] = {}
        for asking, text in held:
            found.setdefault(asking, []).append(text)
        return [(asking, "".join(texts)) for asking, texts in found.items()]


class KafkaDeltas:
    """Sends what models say to the topic; enter it as a context manager to have it sent."""

    def __init__(self, kafka: Mapping[str, str | int | float], codec: Codec) -> None:
        self._codec = codec
        self._queue = _Queue()
        self._filled = threading.Event()
        self._ended = threading.Event()
        self._complained = False
        self._producer = clients.producer(
            {
                **kafka,
                # Nothing is lost that is not on its way anyway: one answer of the leader will do.
                "acks": 1,
                "compression.type": "lz4",
                "linger.ms": 5,
                "message.timeout.ms": 5_000,
                "queue.buffering.max.messages": 10_000,
                "queue.buffering.max.kbytes": 16_384,
                "log_level": 0,
            }
        )
        self._thread = threading.Thread(target=self._work, name="model-deltas", daemon=True)

    def asking(self, work: ModelWork, model: str) -> Tell:
        """Return what takes the pieces of one asking."""
        asking = _Asking(work, model)

        def tell(text: str) -> None:
            if not text:
                return
            if dropped := self._queue.put(asking, text):
                PIECES("dropped").inc(dropped)
            self._filled.set()

        return tell

    async def __aenter__(self) -> Self:
        """Begin to send."""
        self._thread.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Send what is there, for a moment at most."""
        self._ended.set()
        self._filled.set()

    def _work(self) -> None:
        while not self._ended.is_set():
            self._filled.wait(1.0)
            self._filled.clear()
            self._send()
            # What a call says meanwhile goes in one record.
            self._ended.wait(_GATHER_S)
        self._send()
        self._producer.flush(_LAST_S)

    def _send(self) -> None:
        for asking, text in self._queue.take():
            for record in _records(asking, text):
                try:
                    self._produce(record)
                except BufferError:
                    PIECES("dropped").inc()
                except (EventsError, KafkaException) as error:
                    self._lost(str(error))
                except Exception as error:  # noqa: BLE001 - whatever it is, calls must go on
                    self._lost(type(error).__name__)
        self._producer.poll(0)

    def _produce(self, record: ModelDelta) -> None:
        self._producer.produce(
            topics.MODEL_DELTAS,
            value=self._codec.encode(topics.MODEL_DELTAS, record),
            key=record.run_id.encode(),
            headers=[*headers_of(record, record.run_id, "runfold/models")],
            on_delivery=self._reported,
        )

    def _reported(self, error: KafkaError | None, _message: Message) -> None:
        if error is None:
            PIECES("sent").inc()
        else:
            self._lost(error.str())

    def _lost(self, why: str) -> None:
        PIECES("dropped").inc()
        if not self._complained:
            self._complained = True
            _log.warning("what models say while they answer is lost (answers are not): %s", why)


def deltas_where_on(kafka: Mapping[str, str | int | float], codec: Codec) -> KafkaDeltas | None:
    """Return what sends them, None where this process is told not to."""
    return KafkaDeltas(kafka, codec) if MODEL_DELTAS.read() == "on" else None


def _records(asking: _Asking, text: str) -> Iterator[ModelDelta]:
    work, text = asking.work, clean(text)
    for at in range(0, len(text), MOST_TEXT):
        yield ModelDelta(
            run_id=work.run_id,
            tenant_id=work.tenant_id,
            call_id=work.call_id,
            attempt=work.attempt,
            model=asking.model,
            index=asking.index,
            text=text[at : at + MOST_TEXT],
        )
        asking.index += 1
