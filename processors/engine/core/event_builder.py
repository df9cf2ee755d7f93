"""Giving facts their place in a run's chain: sequence, status, cause, actor, previous hash."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Generic

from runfold.events import topics
from runfold.events.avro.headers import Headers
from runfold.events.base import Fact, Record
from runfold.events.calls import ModelWork, ToolWork
from runfold.events.catalogue import TERMINAL_FACTS
from runfold.events.run import GENESIS, Meta
from runfold.events.trusted import trusted
from runfold.events.values import Placement
from runfold.processors.engine.aggregate import Aggregate, Command, Env, S, Work
from runfold.processors.engine.core.messages import Message, headers
from runfold.processors.engine.core.outcome import Step
from runfold.processors.engine.core.partition_state import UNPLACED, Tracked
from runfold.processors.engine.ports import Codec

MAX_EVENT_BYTES = topics.MAX_RECORD_BYTES - 65_536
"""The largest event; the rest of a record's limit is for headers, and for its parked copy."""

_TERMINAL = frozenset(TERMINAL_FACTS)

_WORK_TOPICS: dict[type[Record], str] = {
    ModelWork: topics.MODEL_CALLS,
    ToolWork: topics.TOOL_CALLS,
}


class DecisionError(Exception):
    """A decision that cannot stand in the journal: a bug in the aggregate."""


def part_key(run_id: str, first_seq: int) -> str:
    """Return the key of a run's parked copy that begins with event ``first_seq``."""
    return f"{run_id}/{first_seq}"


class EventBuilder(Generic[S]):
    """Turns the facts of a decision into events and what follows from them."""

    def __init__(self, aggregate: Aggregate[S], codec: Codec) -> None:
        self._aggregate = aggregate
        self._codec = codec

    def events(
        self,
        run_id: str,
        run: Tracked[S] | None,
        decided: Sequence[tuple[Fact, S]],
        command: Command,
        cause: str,
        env: Env,
    ) -> Step[S]:
        """Return the events of a decision, the work they call for and the run after them.

        Raises DecisionError where something follows a terminal fact or an event is too large.
        """
        step: Step[S] = Step(run_id, run)
        state: S | None = None
        seq, digest = (run.seq, run.prev_hash) if run else (0, GENESIS)
        for fact, state in decided:
            if step.ended:
                raise DecisionError(f"{type(fact).__name__} follows the end of the run")
            seq += 1
            meta = trusted(Meta)(
                run_id=run_id,
                seq=seq,
                tenant_id=state.tenant_id,
                time=env.now,
                status=state.status,
                cause=cause,
                actor=self._aggregate.actor(fact, command, state),
                traceparent=state.traceparent,
                prev_hash=digest,
            )
            value = self._codec.encode_event(meta, fact)
            if len(value) > MAX_EVENT_BYTES:
                raise DecisionError(
                    f"{type(fact).__name__} takes {len(value)} bytes, {MAX_EVENT_BYTES} may be: "
                    "keep large contents in the artifact store"
                )
            digest = hashlib.sha256(value).digest()
            named = headers(
                type(fact).__name__, f"{run_id}/{seq}", env.now, run_id, state.traceparent
            )
            step.events.append(Message(topics.EVENTS, run_id, value, named))
            for work in self._aggregate.dispatch(fact, state, env.definitions):
                self._place(step, work, env, state.traceparent)
            if type(fact) in _TERMINAL:
                self._end(step, run, meta, fact, named)
        if state is not None and not step.ended and step.events:
            step.run = self._tracked(run, state, seq, digest, env)
        return step

    def _tracked(
        self, before: Tracked[S] | None, state: S, seq: int, digest: bytes, env: Env
    ) -> Tracked[S]:
        first = before.first_offset if before else None
        return Tracked(
            state,
            seq,
            digest,
            self._aggregate.next_timer(state),
            env.now,
            UNPLACED if first is None else first,
            before.parts if before else (),
        )

    def _place(self, step: Step[S], work: Work, env: Env, traceparent: str) -> None:
        if work.placement is Placement.LOCAL:
            step.local.append(work.record)
            return
        topic = _WORK_TOPICS.get(type(work.record))
        if topic is None:
            raise DecisionError(f"no pool takes a {type(work.record).__name__}")
        name = type(work.record).__name__
        call = (
            f"{getattr(work.record, 'call_id', step.run_id)}/{getattr(work.record, 'attempt', 1)}"
        )
        value = self._codec.encode(topic, work.record)
        if len(value) > MAX_EVENT_BYTES:
            raise DecisionError(f"{name} {call} takes {len(value)} bytes, too many for {topic}")
        step.others.append(
            Message(
                topic, step.run_id, value, headers(name, call, env.now, step.run_id, traceparent)
            )
        )

    def _end(
        self,
        step: Step[S],
        before: Tracked[S] | None,
        meta: Meta,
        fact: Fact,
        named: Headers,
    ) -> None:
        step.ended = True
        value = self._codec.encode_completion(meta, fact)
        step.others.append(Message(topics.COMPLETIONS, step.run_id, value, named))
        for first_seq in before.parts if before else ():
            key = part_key(step.run_id, first_seq)
            step.others.append(Message(topics.PARKED, key, None, []))
