"""The middle of the engine, without I/O: inputs and a partition's state in, what to write out.

Each input is decided against the state that the inputs before it lead to; nothing of that state
is in the partition's until the batch is committed and adopted.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Generic

from runfold.events.avro.headers import TIME_CHECKED, headers
from runfold.events.base import Record
from runfold.events.border import cleaned, moment_of
from runfold.events.errors import RegistryError
from runfold.events.records.operations import PositionNoted
from runfold.processors.engine.aggregate import Command, Env, NotKnownYetError, S
from runfold.processors.engine.core.decoding import decode
from runfold.processors.engine.core.event_builder import EventBuilder
from runfold.processors.engine.core.inputs import (
    Due,
    Input,
    Received,
    Returned,
)
from runfold.processors.engine.core.messages import Message, header
from runfold.processors.engine.core.outbox import (
    HEADER,
    Arrival,
    Outbox,
    Outgoing,
    PartitionOf,
    arrival,
    origin_of,
)
from runfold.processors.engine.core.outcome import Outcome
from runfold.processors.engine.core.partition_state import PartitionState
from runfold.processors.engine.core.progress import Progress
from runfold.processors.engine.core.refusals import Refused, ToldAlready, dead_letter
from runfold.processors.engine.core.writing import Case, DecisionWriter
from runfold.processors.engine.ports import Codec, DefinitionStore
from runfold.processors.engine.spec import AggregateSpec

logger = logging.getLogger(__name__)

CATCH_UP_SECONDS = 2.0
"""How long an input that names an unknown definition waits for the definition store."""


class BatchDecider(Generic[S]):
    """Decides the inputs of one partition.

    ``partition_of`` says where a key belongs, so that nothing can begin in two lanes; ``resends``
    that what goes to other lanes is not in one transaction with the journal.
    """

    def __init__(
        self,
        spec: AggregateSpec[S],
        codec: Codec,
        definitions: DefinitionStore,
        partition: int,
        partition_of: PartitionOf | None = None,
        *,
        resends: bool = False,
    ) -> None:
        self._spec = spec
        self._decider = spec.aggregate.decide
        self._codec = codec
        self._definitions = definitions
        self._partition = partition
        self._partition_of = partition_of
        self._resends = resends
        self._outbox = Outbox(
            spec, codec, partition, partition_of or _only_partition, resends=resends
        )
        self._writer = DecisionWriter(spec, EventBuilder(spec, codec), self._outbox)

    def take(
        self, inputs: Sequence[Input], partition_state: PartitionState[S], now: datetime
    ) -> Outcome[S]:
        """Return what follows from a batch of inputs; the partition's state is left as it is."""
        batch: Outcome[S] = Outcome(partition_state.progress.copy())
        if self._resends:
            # What was decided before this batch has arrived, or the lane would have begun again.
            batch.progress.delivered = partition_state.end
        positions = batch.positions
        env = Env(now, self._definitions.current())
        for item in inputs:
            if isinstance(item, Received):
                if item.offset < positions.get(item.topic, 0):
                    continue
                positions[item.topic] = item.next_offset
            try:
                if isinstance(item, Received) and not self._is_next(item, batch, now):
                    continue
                env = self._decide(item, partition_state, batch, env)
            except ToldAlready:
                batch.told += 1
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
        reason = self._why_noted(batch, partition_state)
        if reason:
            batch.noted = True
            batch.events.append(self.note(batch.progress, reason, now))
        return batch

    @staticmethod
    def _why_noted(batch: Outcome[S], partition_state: PartitionState[S]) -> str:
        """Return why the journal needs more than the causes of its events record."""
        if batch.dead:
            return "inputs became dead letters"
        if batch.progress.sent != partition_state.progress.sent:
            return "messages were sent"
        heard = partition_state.unnoted or batch.progress.heard != partition_state.progress.heard
        return "messages were heard" if batch.events and heard else ""

    def again(self, lost: Sequence[Outgoing], partition_state: PartitionState[S]) -> list[Message]:
        """Return the last messages that were sent, as they were, to be written once more."""
        return list(self._outbox.again(lost, partition_state.progress.sent))

    def note(self, progress: Progress, reason: str, now: datetime) -> Message:
        """Return the journal record that says how far the lane is."""
        journal = self._spec.topics.journal
        noted = PositionNoted(positions=progress.noted(self._partition, journal), reason=reason)
        value = self._codec.encode(journal, noted)
        name = f"{journal}/{self._partition}"
        named = headers("PositionNoted", name, self._spec.source, now, name, "")
        return Message(journal, None, value, named)

    def _decide(
        self, item: Input, partition_state: PartitionState[S], batch: Outcome[S], env: Env
    ) -> Env:
        command, key, cause = self._read(item)
        env = self._take(item, (command, key, cause), partition_state, batch, env)
        self._answer(command, key, partition_state, batch, env.now)
        return env

    def _take(
        self,
        item: Input,
        read: tuple[Command, str, str],
        partition_state: PartitionState[S],
        batch: Outcome[S],
        env: Env,
    ) -> Env:
        command, key, cause = read
        if key in partition_state.newer:
            self._leave(command.body, key)
            return env
        known = batch.changed[key] if key in batch.changed else partition_state.live.get(key)
        if known is None:
            body = command.body
            if not isinstance(body, Record) or not self._spec.begins(body):
                batch.others += self._outbox.strays(body, f"{key}/{cause}", env)
                self._miss(body, key)
                return env
            if key in batch.changed or key in partition_state.ended:
                # A repeat: what it asked for has begun and ended.
                return env
            self._check_place(key)
            if self._spec.lacks(body, env.definitions):
                env = Env(env.now, self._definitions.catch_up(CATCH_UP_SECONDS))
        elif isinstance(item, Due) and known.timer != item.timer:
            return env
        state = known.state if known else None
        if command.proof is not None and (verdict := self._spec.bars(state, command)) is not None:
            raise Refused.from_verdict(verdict)
        try:
            decided = self._decider(state, command, env)
        except NotKnownYetError:
            env = Env(env.now, self._definitions.catch_up(CATCH_UP_SECONDS))
            decided = self._decider(state, command, env)
        if decided:
            case = Case(key, known, command, cause, env)
            self._writer.add(batch, case, decided, partition_state.progress.sent)
        return env

    def _answer(
        self,
        command: Command,
        key: str,
        partition_state: PartitionState[S],
        batch: Outcome[S],
        now: datetime,
    ) -> None:
        """Answer a question by the state that it has led to, in the transaction of its events."""
        answer = self._spec.answers.get(type(command.body))
        if answer is None:
            return
        known = batch.changed[key] if key in batch.changed else partition_state.live.get(key)
        said = answer(known.state if known else None, command.body)
        topic, trace = self._spec.topics.answers, known.state.traceparent if known else ""
        assert topic is not None
        name = self._spec.name_of(said)
        named = headers(type(said).__name__, name, self._spec.source, now, key, trace)
        batch.others.append(Message(topic, key, self._codec.encode(topic, said), named))

    def _is_next(self, item: Received, batch: Outcome[S], now: datetime) -> bool:
        """Whether an input is to be taken, which a repeated message of another lane is not."""
        try:
            origin = origin_of(item.headers)
        except ValueError as error:
            raise Refused(
                "bad_origin", f"the header {HEADER} is not as a lane writes it"
            ) from error
        if origin is None:
            return True
        heard = batch.progress.heard
        found, lost = arrival(origin, heard.get(origin.sender, 0))
        if lost:
            # They will never come: this must be on record, and must not hold up the others.
            heard[origin.sender] = lost[-1]
            whose = f"{origin.journal}/{origin.partition}"
            reason = f"messages {lost[0]} to {lost[-1]} from {whose} never came"
            self._refuse(item, Refused("messages_lost", reason), batch, now)
        if found is Arrival.NEXT:
            heard[origin.sender] = origin.number
            return True
        if found is Arrival.EARLY:
            logger.warning("a message came too early", extra={"origin": "/".join(map(str, origin))})
        return False

    def _read(self, item: Input) -> tuple[Command, str, str]:
        """Return the command, its key and its cause; raises Refused for what cannot be used."""
        if isinstance(item, Due):
            return Command(item.timer), item.key, item.timer.cause
        if isinstance(item, Returned):
            result = item.record
            cause = f"local/{self._spec.name_of(result)}"
            return Command(result), self._spec.key_of(result), cause
        record, key = decode(item, self._spec, self._codec)
        if item.topic == self._spec.topics.results:
            record = cleaned(record)
        appended_at = moment_of(item.time_ms)
        verdict = self._spec.screen(record, appended_at)
        if verdict is not None:
            if TIME_CHECKED in item.headers and self._spec.checked(record, appended_at):
                raise ToldAlready
            raise Refused.from_verdict(verdict)
        traceparent = header(item.headers, "traceparent")
        proof = self._spec.prove(record, item) if self._spec.prove is not None else None
        return (
            Command(record, traceparent, proof),
            key,
            f"{item.topic}/{self._partition}/{item.offset}",
        )

    def _check_place(self, key: str) -> None:
        if self._partition_of is None:
            return
        home = self._partition_of(self._spec.topics.requests, key.encode())
        if home != self._partition:
            raise Refused(
                "wrong_partition",
                f"the key belongs to partition {home}: publish with the murmur2 partitioner "
                "(librdkafka: partitioner=murmur2_random)",
            )

    def _miss(self, body: object, key: str) -> None:
        """Refuse what comes for a key that is not live, where somebody must learn of it."""
        if isinstance(body, Record):
            verdict = self._spec.not_live(body, key)
            if verdict is not None:
                raise Refused.from_verdict(verdict)

    def _leave(self, body: object, key: str) -> None:
        """Refuse what comes for something that only a newer release can decide.

        A repeat of what began it is nothing, and a question is answered with no.
        """
        asks = type(body) in self._spec.answers
        if isinstance(body, Record) and not asks and not self._spec.begins(body):
            raise Refused(
                "newer_release",
                f"{key} was begun or continued by a newer release, and waits for one: "
                "upgrade, then send this again; a repeat does no harm",
            )

    def _refuse(self, item: Input, refused: Refused, batch: Outcome[S], now: datetime) -> None:
        batch.others.append(
            dead_letter(item, refused, self._spec, self._codec, self._partition, now)
        )
        batch.dead += 1


def _only_partition(_topic: str, _key: bytes) -> int:
    return 0
