"""A run driven in memory: the real decisions, tools and claims; a virtual clock, no servers.

    with_refund = MemoryRuntime.of("manifests.yaml", modules=["support_refund"])
    run = with_refund.run("Refund order A-100", agent="support-refund")
    run.approve(run.waits[0].call_id)
    assert run.completion.exit_code == 0

The clock moves by itself while a call is out or a retry is due; it stands where only a person or
``pass_time`` can go on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.base import Record
from runfold.events.definitions import Definition
from runfold.events.run import Event
from runfold.processors.definitions.fixed import FixedDefinitions, definitions_of
from runfold.processors.engine.aggregate import Timer
from runfold.processors.engine.memory import MemoryEngine
from runfold.processors.run.aggregate import RUNS
from runfold.processors.run.lifecycle.deadlines import RETRY
from runfold.processors.tool.builtin import builtin_contracts
from runfold.processors.tool.python.tools import contract_of
from runfold.producers.client import RequestOptions
from runfold.producers.client.messages import Messages
from runfold.surfaces.manifests import load
from runfold.surfaces.manifests.bases import bases, imported_here
from runfold.testing.answers import FakeModel
from runfold.testing.effects import WORK_TOPICS, MemoryEffects
from runfold.testing.history import History
from runfold.testing.run import MemoryRun
from runfold.testing.story import START


class MemoryRuntime:
    """Runfold in one process and one thread, without servers.

    ``definitions`` are agents, tool contracts, scripts, and functions marked with
    ``runfold.tool``. ``model`` answers in the place of every model; without one, scripts play.
    ``tools`` puts stand-ins in the place of tools, by name: a value, a function of the arguments,
    an exception. ``modules`` are those that ``python:`` tools may come from.
    """

    def __init__(
        self,
        *definitions: Definition | Callable[..., Any],
        model: FakeModel | None = None,
        tools: Mapping[str, Any] | None = None,
        modules: Sequence[str] = (),
        secrets: Mapping[str, str] | None = None,
        tenant_id: str = "default",
        user_id: str = "me",
        now: datetime = START,
    ) -> None:
        functions = [each for each in definitions if not isinstance(each, Definition)]
        self.definitions: tuple[Definition, ...] = tuple(
            each if isinstance(each, Definition) else contract_of(each) for each in definitions
        )
        published = definitions_of(self.definitions)
        self._messages = Messages(tenant_id, user_id)
        self._codec = Codec(LockRegistry())
        self._effects = MemoryEffects(published, functions, model, tools or {}, modules, secrets)
        self._engine = MemoryEngine(
            RUNS, self._codec, FixedDefinitions(published), self._submit, now
        )
        self._runs = 0

    @classmethod
    def of(
        cls,
        *manifests: Path | str,
        modules: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        accept_remarks: bool = False,
        **more: Any,
    ) -> MemoryRuntime:
        """Return a runtime of what manifest files declare, as ``runfold apply`` would publish it.

        ``env`` is what manifests may refer to, the process's own unless given; ``accept_remarks``
        is the consent that ``runfold apply`` has an option for. Raises InvalidManifestsError with
        every fault.
        """
        builtins = builtin_contracts()
        found = load(
            [Path(each) for each in manifests],
            env=os.environ if env is None else env,
            base_of=bases(builtins, modules, describe=imported_here),
            builtins=builtins,
            accept_remarks=accept_remarks,
        )
        return cls(*found.definitions, modules=modules, **more)

    @property
    def now(self) -> datetime:
        """The virtual time."""
        return self._engine.now

    def run(self, goal: str, agent: str, **options: Any) -> MemoryRun:
        """Ask for a run, let it go on as far as it can, and return it.

        ``options`` are those of ``runfold.Client.run``.
        """
        self._runs += 1
        given: RequestOptions = {"run_id": _run_id(self.now, self._runs), **options}  # type: ignore[typeddict-item]
        request = self._messages.request(goal, agent, **given)
        asked = request.model_copy(update={"requested_at": self.now})
        self._put(topics.REQUESTS, asked, asked.run_id)
        return MemoryRun(asked.run_id, self, self._messages)

    def control(self, control: Record, run_id: str) -> None:
        """Take a control of a run, and let it go on as far as it can."""
        self._put(topics.CONTROLS, control.model_copy(update={"requested_at": self.now}), run_id)

    def pass_time(self, seconds: float) -> None:
        """Let time pass: calls are answered and deadlines met at their own moments."""
        end = self.now + timedelta(seconds=seconds)
        self._engine.settle()
        while (due := self._next()) is not None and due <= end:
            self._until(due)
        self._until(end)
        self._settle()

    def restart(self) -> None:
        """Forget everything but the log, as a process that was killed, and go on from there."""
        self._effects.forget()
        self._engine.restart()
        self._settle()

    def events(self, run_id: str) -> list[Event]:
        """Return a run's events, as they stand on the journal."""
        return [event for _, event in self._journal(run_id)]

    def history(self, run_id: str) -> History:
        """Return what happened in a run, to be checked or kept in a file."""
        return History.of(self.definitions, tuple(value for value, _ in self._journal(run_id)))

    def _journal(self, run_id: str) -> Iterable[tuple[bytes, Event]]:
        for entry in self._engine.entries(topics.EVENTS):
            event = self._codec.decode(topics.EVENTS, entry.value or b"")
            if isinstance(event, Event) and event.meta.run_id == run_id:
                yield entry.value or b"", event

    def _put(self, topic: str, record: Record, key: str) -> None:
        self._engine.put(topic, key, self._codec.encode(topic, record))
        self._settle()

    def _settle(self) -> None:
        """Go on while a call is out or a retry is due."""
        while True:
            self._engine.settle()
            self._pool_work()
            due = self._effects.next_due()
            moves = due is not None or self._effects.silent(self.now)
            moments = [timer.due for timer in self._timers() if moves or timer.kind == RETRY]
            if due is not None:
                moments.append(due)
            if not moments:
                return
            self._until(min(moments))

    def _until(self, moment: datetime) -> None:
        """Move the clock, answer what is due, and decide."""
        moment = max(moment, self.now)
        for result in self._effects.answered(moment):
            self._engine.give(result)
        self._engine.pass_time(moment - self.now)
        self._pool_work()

    def _next(self) -> datetime | None:
        due = self._effects.next_due()
        moments = [timer.due for timer in self._timers()]
        return min([*moments, *([due] if due else [])], default=None)

    def _timers(self) -> list[Timer]:
        return [
            live.timer
            for live in self._engine.partition_state.live.values()
            if live.timer is not None
        ]

    def _submit(self, work: Record) -> None:
        self._effects.submit(work, self.now)

    def _pool_work(self) -> None:
        """Take the work that the run placed in a pool, as a pool would."""
        for topic in WORK_TOPICS:
            entries = self._engine.entries(topic)
            for entry in entries[self._effects.taken[topic] :]:
                work = self._codec.decode(topic, entry.value or b"")
                assert isinstance(work, Record)
                self._submit(work)
            self._effects.taken[topic] = len(entries)


def _run_id(now: datetime, number: int) -> str:
    """Return a UUIDv7 of the virtual time: the same in every run of a test."""
    millis = int(now.timestamp() * 1000)
    return str(UUID(int=millis << 80 | 0x7 << 76 | 0x2 << 62 | number))
