"""That people are waited for: nothing begins in their place, and nobody is passed over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from runfold.events import run as j
from runfold.events.base import Fact
from runfold.events.calls.kinds import MODEL
from tests.system.oracle.histories import Histories


def people_are_waited_for(read: Histories) -> Iterator[str]:
    """Nothing begins while a run is paused, and no model while it is held, braked or out of money.

    A holder alone answers in the model's place.
    """
    for run_id, entries in read.runs.items():
        waits = _Waits()
        for entry in entries:
            yield from waits.wrong(run_id, entry.event.fact)
            waits.take(entry.event.fact)


@dataclass
class _Waits:
    """For what a run waits, by names that are told, and who holds it."""

    stops: set[str] = field(default_factory=set)
    holder: str = ""

    def take(self, fact: Fact) -> None:
        """Take the next fact of the run in."""
        match fact:
            case j.RunPaused():
                self.stops.add("paused")
            case j.RunResumed():
                self.stops.discard("paused")
            case j.RunTakenOver(by=by):
                self.stops.add("held")
                self.holder = by
            case j.RunHandedBack():
                self.stops.discard("held")
            case j.HumanInputRequested(question_id=question, brake=str()):
                self.stops.add(question)
            case j.HumanInputReceived(question_id=question):
                self.stops.discard(question)
            case j.ExtensionAwaited(question_id=question):
                self.stops.add(f"more/{question}")
            case j.RunExtended(question_id=str(question)):
                self.stops.discard(f"more/{question}")
            case _:
                pass

    def wrong(self, run_id: str, fact: Fact) -> Iterator[str]:
        """Yield what is wrong with the next fact."""
        for_what = ", ".join(sorted(self.stops))
        match fact:
            case j.PersonReplied(by=by) if "held" not in self.stops or by != self.holder:
                yield f"{run_id}: {by} answered in the model's place, whom {self.holder} held"
            case j.ToolCallStarted(call_id=call) if "paused" in self.stops:
                yield f"{call}: begins while its run is paused"
            case j.ModelCalled() if self.stops:
                yield f"{run_id}: a model is called while it waits: {for_what}"
            case j.CallBegun(kind=MODEL.name) if self.stops:
                yield f"{run_id}: a model call begins while it waits: {for_what}"
            case _:
                pass


def deadlines_are_kept(read: Histories) -> Iterator[str]:
    """Nobody is passed over, or decided for, before their time."""
    for entries in read.runs.values():
        until: dict[str, j.ApprovalRequested | j.WaitEscalated] = {}
        for entry in entries:
            fact, now = entry.event.fact, entry.event.meta.time
            early = ""
            match fact:
                case j.ApprovalRequested():
                    until[fact.call_id] = fact
                case j.WaitEscalated():
                    before = until[fact.call_id]
                    early = "others are asked" if before.until and now < before.until else ""
                    until[fact.call_id] = fact
                case j.ToolCallDenied(code="not_decided"):
                    before = until[fact.call_id]
                    last = before.until or before.deadline
                    early = "it is denied" if last and now < last else ""
                    if before.until and (
                        not isinstance(before, j.WaitEscalated) or before.step < before.steps
                    ):
                        early = "it is denied, and not all were asked,"
                case _:
                    continue
            if early:
                yield f"{fact.call_id}: {early} before the time of whoever was asked"
