"""The middle of the engine, without I/O: inputs and a book in, what to write out.

Each input is decided against the state that the inputs before it lead to; nothing of that state
is in the book until the batch is committed and adopted.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Generic

from runfold.events import topics
from runfold.events.base import Record
from runfold.events.calls import ModelResult, ToolResult
from runfold.events.errors import RegistryError, WireError
from runfold.events.operations import PositionNoted
from runfold.events.values import Position, RunRequest
from runfold.processors.engine.aggregate import Aggregate, Command, Env, S
from runfold.processors.engine.core.event_builder import EventBuilder
from runfold.processors.engine.core.inputs import Due, Input, Received, Returned
from runfold.processors.engine.core.messages import Message, header, headers
from runfold.processors.engine.core.outcome import Outcome
from runfold.processors.engine.core.partition_state import PartitionState
from runfold.processors.engine.core.refusals import Refused, dead_letter
from runfold.processors.engine.ports import Codec, DefinitionStore

logger = logging.getLogger(__name__)

CATCH_UP_SECONDS = 2.0
"""How long a request for an agent that is not known yet waits for the registry."""


class BatchDecider(Generic[S]):
    """Decides the inputs of one partition.

    ``partition_of`` says where a key belongs, so that no run can begin in two lanes.
    """

    def __init__(
        self,
        aggregate: Aggregate[S],
        codec: Codec,
        definitions: DefinitionStore,
        partition: int,
        partition_of: Callable[[bytes], int] | None = None,
    ) -> None:
        self._aggregate = aggregate
        self._codec = codec
        self._definitions = definitions
        self._partition = partition
        self._partition_of = partition_of
        self._stamp = EventBuilder(aggregate, codec)

    def take(self, inputs: Sequence[Input], book: PartitionState[S], now: datetime) -> Outcome[S]:
        """Return what follows from a batch of inputs; the book is left as it is."""
        batch: Outcome[S] = Outcome(dict(book.positions))
        env = Env(now, self._definitions.current())
        for item in inputs:
            if isinstance(item, Received):
                if item.offset < batch.positions.get(item.topic, 0):
                    continue
                batch.positions[item.topic] = item.offset + 1
            try:
                env = self._decide(item, book, batch, env)
            except Refused as refused:
                self._refuse(item, refused, batch, now)
            except RegistryError:
                # The record may be sound: it must be read again when the registry answers.
                raise
            except Exception as error:
                # A bug in a decider must not stop the lane.
                logger.exception("an input broke the decider and became a dead letter")
                reason = f"{type(error).__name__}: {error}"
                self._refuse(item, Refused("decider_failed", reason), batch, now)
        if batch.dead:
            batch.events.append(self.note(batch.positions, "inputs became dead letters", now))
        return batch

    def note(self, positions: dict[str, int], reason: str, now: datetime) -> Message:
        """Return the journal record that says how far the inputs are dealt with."""
        noted = PositionNoted(
            positions=tuple(
                Position(topic=topic, partition=self._partition, offset=offset)
                for topic, offset in sorted(positions.items())
            ),
            reason=reason,
        )
        value = self._codec.encode(topics.EVENTS, noted)
        name = f"{topics.EVENTS}/{self._partition}"
        return Message(topics.EVENTS, None, value, headers("PositionNoted", name, now, name, ""))

    def _decide(self, item: Input, book: PartitionState[S], batch: Outcome[S], env: Env) -> Env:
        command, run_id, cause = self._read(item)
        body = command.body
        known = batch.runs[run_id] if run_id in batch.runs else book.runs.get(run_id)
        if isinstance(body, Record) and self._aggregate.starts(body):
            if known is not None or run_id in batch.runs or run_id in book.ended:
                return env
            self._check_place(run_id)
            env = self._informed(body, env)
        elif known is None:
            self._miss(body, run_id)
            return env
        elif isinstance(item, Due) and known.timer != item.timer:
            return env
        state = known.state if known else None
        decided = self._aggregate.decide(state, command, env)
        if decided:
            batch.add(self._stamp.events(run_id, known, decided, command, cause, env))
        return env

    def _read(self, item: Input) -> tuple[Command, str, str]:
        """Return the command, its run and its cause; raises Refused for what cannot be used."""
        if isinstance(item, Due):
            return Command(item.timer), item.run_id, item.timer.cause
        if isinstance(item, Returned):
            result = item.record
            assert isinstance(result, ModelResult | ToolResult)
            return Command(result), result.run_id, f"local/{result.call_id}/{result.attempt}"
        record, key = self._decode(item)
        verdict = self._aggregate.screen(record, key, _moment(item.time_ms))
        if verdict is not None:
            raise Refused.from_verdict(verdict)
        traceparent = header(item.headers, "traceparent")
        return (
            Command(record, traceparent),
            key,
            f"{item.topic}/{self._partition}/{item.offset}",
        )

    def _decode(self, item: Received) -> tuple[Record, str]:
        if item.value is None:
            raise Refused("empty", "the record has no value")
        if len(item.value) > topics.MAX_INPUT_BYTES:
            raise Refused(
                "oversized",
                f"the record takes {len(item.value)} bytes, {topics.MAX_INPUT_BYTES} may be",
            )
        try:
            key = (item.key or b"").decode()
            record = self._codec.decode(item.topic, item.value)
        except WireError as error:
            raise Refused(error.code, error.reason) from error
        except UnicodeDecodeError as error:
            raise Refused("key_mismatch", "the key is no UTF-8 text; use the run's id") from error
        if not isinstance(record, Record):
            raise Refused("wrong_topic", f"an event of the journal has no place on {item.topic}")
        if getattr(record, "run_id", key) != key:
            raise Refused("key_mismatch", f"the record is keyed {key!r} and names another run")
        return record, key

    def _check_place(self, run_id: str) -> None:
        if self._partition_of is None:
            return
        home = self._partition_of(run_id.encode())
        if home != self._partition:
            raise Refused(
                "wrong_partition",
                f"the key belongs to partition {home}: publish with the murmur2 partitioner "
                "(librdkafka: partitioner=murmur2_random)",
            )

    def _informed(self, record: Record, env: Env) -> Env:
        if not isinstance(record, RunRequest):
            return env
        if env.definitions.agent(record.agent, record.agent_version) is not None:
            return env
        return Env(env.now, self._definitions.catch_up(CATCH_UP_SECONDS))

    def _miss(self, body: object, run_id: str) -> None:
        """Refuse what comes for a run that is not live, where somebody must learn of it."""
        if isinstance(body, ToolResult):
            if body.effect:
                raise Refused(
                    "late_result",
                    f"call {body.call_id} tells of a side effect, but run {run_id} is not live",
                )
        elif isinstance(body, Record) and not isinstance(body, ModelResult):
            raise Refused("run_not_live", f"run {run_id} has ended or was never requested")

    def _refuse(self, item: Input, refused: Refused, batch: Outcome[S], now: datetime) -> None:
        batch.others.append(dead_letter(item, refused, self._codec, self._partition, now))
        batch.dead += 1


def _moment(time_ms: int) -> datetime:
    """Return a time stamp of the log as a time; one that is none counts as the epoch."""
    try:
        return datetime.fromtimestamp(time_ms / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)
