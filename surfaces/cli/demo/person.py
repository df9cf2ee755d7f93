"""The person in the demo: asked on a terminal, or agreed beforehand."""

from __future__ import annotations

from runfold.events import run as j
from runfold.events.contents.content import JSON, Content
from runfold.events.records.commands import Resolution
from runfold.events.run import Event
from runfold.producers.client import RunClient
from runfold.surfaces.cli import output
from runfold.surfaces.words import arguments, shortened

_SHOWN_LINES = 12


class Person:
    """Answers what a run asks, once each; ``yes`` answers in the person's place."""

    def __init__(self, client: RunClient, run_id: str, *, yes: bool) -> None:
        self._client = client
        self._run_id = run_id
        self._yes = yes
        self._proposed: dict[str, j.ToolCallProposed] = {}

    def hear(self, event: Event) -> None:
        """Answer an event if it asks something."""
        match event.fact:
            case j.ToolCallProposed() as proposed:
                self._proposed[proposed.call_id] = proposed
            case j.ApprovalRequested(call_id=call_id):
                self._approve(self._proposed[call_id])
            case j.HumanInputRequested(question_id=question_id):
                self._client.answer(self._run_id, question_id, self._answer())
            case j.ToolCallUncertain(call_id=call_id):
                self._client.resolve(self._run_id, call_id, self._found_out())
            case _:
                pass

    def _approve(self, proposed: j.ToolCallProposed) -> None:
        console = output.console()
        if self._yes:
            console.print("  approved beforehand (--yes)", style="magenta")
            self._client.approve(self._run_id, proposed.call_id, comment="approved by --yes")
            return
        console.print(f"  {proposed.tool}({arguments(proposed.arguments)})", markup=False)
        for line in _preview(proposed.arguments):
            console.print(f"  │ {line}", style="dim", markup=False)
        if _ask("  Approve it? [y/N] ").lower() in {"y", "yes"}:
            self._client.approve(self._run_id, proposed.call_id)
        else:
            self._client.deny(self._run_id, proposed.call_id, "the person at the terminal said no")

    def _answer(self) -> str:
        return "Use your own judgement." if self._yes else _ask("  Your answer: ")

    def _found_out(self) -> Resolution:
        # A report that may have been written can be written again without harm.
        happened = not self._yes and _ask("  Did it happen? [y/N] ").lower() in {"y", "yes"}
        return Resolution.HAPPENED if happened else Resolution.DID_NOT_HAPPEN


def _ask(question: str) -> str:
    try:
        return output.console().input(question, markup=False).strip()
    except EOFError:
        return ""


def _preview(content: Content) -> list[str]:
    """Return the beginning of the longest text among a call's arguments."""
    import json

    if content.inline is None or content.media_type != JSON:
        return []
    value = json.loads(content.inline)
    texts = [held for held in value.values() if isinstance(held, str) and "\n" in held]
    lines = max(texts, key=len, default="").splitlines()
    shown = [shortened(line, 100) for line in lines[:_SHOWN_LINES]]
    return [*shown, f"… {len(lines)} lines in all"] if len(lines) > _SHOWN_LINES else shown
