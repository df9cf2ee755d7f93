"""Giving facts their place in an aggregate's chain: sequence, status, cause, actor, hash."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Generic

from runfold.events import topics
from runfold.events.avro.headers import Headers, headers
from runfold.events.base import Fact, Record
from runfold.events.values import Placement
from runfold.processors.engine.aggregate import Command, Env, S, Work
from runfold.processors.engine.core.messages import Message
from runfold.processors.engine.core.outbox import outgoing
from runfold.processors.engine.core.outcome import Step
from runfold.processors.engine.core.partition_state import UNPLACED, Tracked
from runfold.processors.engine.ports import Codec
from runfold.processors.engine.spec import AggregateSpec

GENESIS = bytes(32)
"""The ``prev_hash`` of the first event of a chain."""

MAX_EVENT_BYTES = topics.MAX_RECORD_BYTES - 65_536
"""The largest event; the rest of a record's limit is for headers, and for its parked copy."""


class DecisionError(Exception):
    """A decision that cannot stand in the journal: a bug in the aggregate."""


def part_key(key: str, first_seq: int) -> str:
    """Return the key of an aggregate's parked copy that begins with event ``first_seq``."""
    return f"{key}/{first_seq}"


class EventBuilder(Generic[S]):
    """Turns the facts of a decision into events and what follows from them."""

    def __init__(self, spec: AggregateSpec[S], codec: Codec) -> None:
        self._spec = spec
        self._codec = codec
        # Bound once: they are asked at every event.
        self._meta, self._terminal, self._source = spec.meta, spec.terminal, spec.source
        self._journal = spec.topics.journal
        self._aggregate = spec.aggregate
        self._outbox, self._carries = spec.outbox, spec.carries

    def events(
        self,
        key: str,
        before: Tracked[S] | None,
        decided: Sequence[tuple[Fact, S]],
        command: Command,
        cause: str,
        env: Env,
    ) -> Step[S]:
        """Return the events of a decision, the work they call for and what is tracked after them.

        Raises DecisionError where something follows a terminal fact or an event is too large.
        """
        step: Step[S] = Step(key, before)
        state: S | None = None
        seq, digest = (before.seq, before.prev_hash) if before else (0, GENESIS)
        first, parts = (before.first_offset, before.parts) if before else (None, ())
        aggregate = self._aggregate
        for fact, state in decided:
            if step.ended:
                raise DecisionError(f"{type(fact).__name__} follows the end of {key}")
            seq += 1
            meta = self._meta(
                key,
                seq,
                state.tenant_id,
                env.now,
                state.status,
                cause,
                aggregate.actor(fact, command, state),
                state.traceparent,
                digest,
                env.definitions.position,
            )
            value = self._codec.encode_event(meta, fact)
            if len(value) > MAX_EVENT_BYTES:
                raise DecisionError(
                    f"{type(fact).__name__} takes {len(value)} bytes, {MAX_EVENT_BYTES} may be: "
                    "keep large contents in the artifact store"
                )
            digest = hashlib.sha256(value).digest()
            named = headers(
                type(fact).__name__, f"{key}/{seq}", self._source, env.now, key, state.traceparent
            )
            step.events.append(Message(self._journal, key, value, named))
            for work in aggregate.dispatch(fact, state, env.definitions):
                self._place(step, work, env, state.traceparent)
            kind = type(fact)
            if kind in self._outbox:
                sends = self._outbox[kind](meta, fact)
                step.sends += outgoing(sends, f"{key}/{seq}", env.now, state.traceparent)
            if kind in self._carries:
                self._check_carried(fact, state, env)
                self._drop(step, parts)
                first, parts = None, ()
            if kind in self._terminal:
                self._end(step, parts, meta, fact, named)
        if state is not None and not step.ended and step.events:
            step.after = Tracked(
                state,
                seq,
                digest,
                aggregate.next_timer(state),
                env.now,
                UNPLACED if first is None else first,
                parts,
            )
        return step

    def _check_carried(self, fact: Fact, state: S, env: Env) -> None:
        if self._aggregate.evolve(None, fact, env.now) != state:
            raise DecisionError(f"{type(fact).__name__} does not carry the whole state over")

    def _drop(self, step: Step[S], parts: Sequence[int]) -> None:
        """Drop parked copies that no restore needs any more."""
        for first_seq in parts:
            key = part_key(step.key, first_seq)
            step.others.append(Message(self._spec.topics.parked, key, None, []))

    def _place(self, step: Step[S], work: Work, env: Env, traceparent: str) -> None:
        if work.placement is Placement.LOCAL:
            step.local.append(work.record)
            return
        topic = self._spec.work_topics.get(type(work.record))
        if topic is None:
            raise DecisionError(f"no pool takes a {type(work.record).__name__}")
        kind, name = type(work.record).__name__, self._spec.name_of(work.record)
        value = self._codec.encode(topic, work.record)
        if len(value) > MAX_EVENT_BYTES:
            raise DecisionError(f"{kind} {name} takes {len(value)} bytes, too many for {topic}")
        named = headers(kind, name, self._source, env.now, step.key, traceparent)
        step.others.append(Message(topic, step.key, value, named))

    def _end(
        self,
        step: Step[S],
        parts: Sequence[int],
        meta: Record,
        fact: Fact,
        named: Headers,
    ) -> None:
        step.ended = True
        completions = self._spec.topics.completions
        if completions is not None:
            value = self._codec.encode_completion(meta, fact)
            step.others.append(Message(completions, step.key, value, named))
        self._drop(step, parts)
