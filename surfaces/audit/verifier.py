"""One run's history, checked event by event by a reader that trusts nobody's word.

It reads the bytes themselves: that each event follows its predecessor, that no tool was started
without a permit, that the run ends once, and that every decision, made again, says the same.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from runfold.events import run as j
from runfold.events.catalogue import TERMINAL_FACTS
from runfold.events.errors import ShutError
from runfold.events.probe import PROBE_AGENT, PROBE_TENANT
from runfold.events.run import GENESIS, Event
from runfold.processors.engine.aggregate import NewerReleaseError
from runfold.processors.run.replay import decisions
from runfold.processors.run.state import RunState
from runfold.surfaces.audit.contents import contents_of
from runfold.surfaces.audit.definitions import DefinitionHistory

NEWER_KIND = "newer"
"""The kind of a fault that is none of the run: only a newer release can judge what follows."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that should not be: which event, what kind of fault, and one sentence."""

    seq: int
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of one run; it is sound where ``faults`` is empty.

    ``probe`` says that it goes by the names of Runfold's own probe, ``shut`` that contents were
    ``erased`` or their ``key_lost``, so that decisions could not be made again.
    """

    run_id: str
    events: int
    decisions: int
    ended: bool
    faults: tuple[Fault, ...]
    probe: bool = False
    shut: str = ""


class Verifier:
    """Takes a run's events in order; ``verdict`` closes the last decision and says what was found.

    After the first break of the chain or the first differing decision the run's state is not
    known any more, so decisions are not judged beyond it.
    """

    def __init__(self, run_id: str, definitions: DefinitionHistory) -> None:
        self._run_id = run_id
        self._definitions = definitions
        self._faults: list[Fault] = []
        self._events = 0
        self._decisions = 0
        self._digest = GENESIS
        self._permits: set[str] = set()
        self._end: Event | None = None
        self._state: RunState | None = None
        self._begun_at: int | None = None
        self._open: list[Event] = []
        self._judges = True
        self._is_probe = False
        self._is_newer = False
        self._shut = ""

    def take(self, value: bytes, event: Event) -> None:
        """Check the next event, given with the bytes that are its value."""
        self._check_contents(event)
        self._take(value, event)

    def take_shut(self, value: bytes, error: ShutError) -> None:
        """Check an event whose contents nobody can read: everything but them, and no decision."""
        self._close_decision()
        self._judges, self._shut = False, self._shut or error.code
        if isinstance(error.found, Event):
            self._take(value, error.found)
        else:
            self.refuse(error.reason)

    def _take(self, value: bytes, event: Event) -> None:
        self._check_place(event)
        self._check_permit(event)
        self._events += 1
        if isinstance(event.fact, j.RunCreated):
            names = (event.meta.tenant_id, event.fact.agent.name)
            self._is_probe = names == (PROBE_TENANT, PROBE_AGENT)
        self._digest = hashlib.sha256(value).digest()
        if self._end is None and isinstance(event.fact, TERMINAL_FACTS):
            self._end = event
        if self._open and self._open[0].meta.cause != event.meta.cause:
            self._close_decision()
        self._open.append(event)

    @property
    def ended(self) -> bool:
        """Whether the run's terminal event was taken."""
        return self._end is not None

    def pass_by(self, value: bytes, reason: str) -> None:
        """Take an event of a newer release: a link of the chain, whose meaning nobody here knows.

        What depends on what it says is not judged from there on.
        """
        self._close_decision()
        self._leave_to_newer(self._events + 1, reason)
        self._events += 1
        self._digest = hashlib.sha256(value).digest()

    def refuse(self, reason: str) -> None:
        """Note a record among the run's events that cannot be read as one."""
        self._faults.append(Fault(self._events, "unreadable", reason))

    def verdict(self, completion: Event | None = None) -> Verdict:
        """Return what was found, given the run's record on ``runs.completions`` if it has one.

        No event is taken after it.
        """
        self._close_decision()
        if completion != self._end and not self._is_newer:
            self._faults.append(
                Fault(self._events, "completion", "its completion is not the end the journal tells")
            )
        return Verdict(
            self._run_id,
            self._events,
            self._decisions,
            self.ended,
            tuple(self._faults),
            self._is_probe,
            self._shut,
        )

    def _check_place(self, event: Event) -> None:
        meta, expected = event.meta, self._events + 1
        if meta.run_id != self._run_id:
            self._fault(event, "key", f"its key is {self._run_id}, it names {meta.run_id}")
        if meta.seq != expected:
            self._fault(event, "sequence", f"it is number {meta.seq} where {expected} must follow")
            self._judges = False
        if meta.prev_hash != self._digest:
            self._fault(event, "chain", "its prev_hash is not the hash of the event before it")
            self._judges = False
        if self.ended:
            self._fault(event, "end", f"{event.type} follows the end of the run")

    def _check_contents(self, event: Event) -> None:
        for content in contents_of(event.fact):
            held = content.inline
            if held is not None and content.key_id is None:
                digest = hashlib.sha256(held).digest()
                if digest != content.digest or len(held) != content.size:
                    self._fault(event, "content", f"{event.type} holds what its digest denies")

    def _check_permit(self, event: Event) -> None:
        match event.fact:
            case j.PolicyDecided(effect=effect, call_id=str(call_id)):
                if effect is j.PolicyEffect.PERMIT:
                    self._permits.add(call_id)
                else:
                    self._permits.discard(call_id)
            case j.ToolCallStarted(call_id=call_id) if (
                call_id not in self._permits and not self._is_newer
            ):
                self._fault(event, "permit", f"{call_id} was started without a preceding permit")
            case _:
                pass

    def _close_decision(self) -> None:
        decision, self._open = tuple(self._open), []
        if not decision or not self._judges:
            return
        try:
            self._judge(decision)
            self._state = self._folded(decision)
        except NewerReleaseError as error:
            self._leave_to_newer(decision[0].meta.seq, str(error))
        except Exception as error:  # noqa: BLE001 - a forged history may break anything
            self._fault(
                decision[0], "decision", f"cannot be decided again: {type(error).__name__}: {error}"
            )
            self._judges = False

    def _judge(self, decision: decisions.Decision) -> None:
        self._decisions += 1
        position = decisions.definitions_position(decision, self._begun_at) or 0
        if self._begun_at is None:
            self._begun_at = position
        definitions = self._definitions.at(position)
        difference = decisions.redecide(self._state, decision, definitions)
        if difference is not None:
            self._faults.append(Fault(difference.seq, "decision", str(difference)))
            self._judges = False

    def _folded(self, decision: decisions.Decision) -> RunState | None:
        state = self._state
        for event in decision:
            state = decisions.fold(state, (event,))
            if state is not None and state.status is not event.meta.status:
                self._fault(
                    event,
                    "status",
                    f"it says {event.meta.status.value}, folded it is {state.status.value}",
                )
        return state

    def _leave_to_newer(self, seq: int, reason: str) -> None:
        self._judges = False
        if not self._is_newer:
            self._is_newer = True
            self._faults.append(Fault(seq, NEWER_KIND, f"event {seq}: {reason}"))

    def _fault(self, event: Event, kind: str, reason: str) -> None:
        self._faults.append(Fault(event.meta.seq, kind, f"event {event.meta.seq}: {reason}"))
