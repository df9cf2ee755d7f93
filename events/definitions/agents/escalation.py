"""Who is asked next while nobody decides, and what happens in the end; declared by an agent [107].

asked ──after_ms──▶ step 1 ──after_ms──▶ step 2 ──end_ms──▶ deny | fail | approve
└─ end: wait: nothing more
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

MOST_STEPS = 16
LONGEST_MS = 366 * 86_400_000
_KINDS = ("role/", "user/")

Asked = Annotated[str, Field(min_length=1, max_length=256)]
Ending = Literal["deny", "fail", "wait", "approve"]


class EscalationStep(BaseModel):
    """Who is asked ``after_ms`` after the step before, and what the channel is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    after_ms: int = Field(ge=1, le=LONGEST_MS)
    ask: tuple[Asked, ...]
    text: str = Field(default="", max_length=1_000)


class Escalation(BaseModel):
    """Who is asked at first, the steps, and what happens ``end_ms`` after the last of them.

    ``approve`` holds for calls of risk level 0 and 1; above it means ``deny``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ask: tuple[Asked, ...] = ()
    steps: tuple[EscalationStep, ...] = ()
    end: Ending = "wait"
    end_ms: int | None = Field(default=None, ge=1, le=LONGEST_MS)


def faults_of(kind: str, said: Escalation) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with an escalation: the field, and a sentence that says what to do."""
    if len(said.steps) > MOST_STEPS:
        yield "steps", f"at most {MOST_STEPS} steps can be named"
    if not said.steps and not said.ask and said.end == "wait":
        yield "", "nothing follows: name who is asked, a step, or an end"
    if said.end == "wait" and said.end_ms is not None:
        yield "end_ms", "nothing happens at the end: leave end_ms out, or say deny or fail"
    if said.end != "wait" and said.end_ms is None:
        yield "end_ms", f"say after how long the end ({said.end}) comes"
    if said.end == "approve" and kind == "questions":
        yield "end", "a question cannot be approved: say deny, fail or wait"
    for at, step in enumerate(said.steps):
        if not step.ask:
            yield f"steps.{at}.ask", "say who is asked: role/NAME or user/NAME"
    for name in (*said.ask, *(each for step in said.steps for each in step.ask)):
        if not any(name.startswith(kind_) and name[len(kind_) :].strip() for kind_ in _KINDS):
            yield "ask", f"{name} is nobody: write role/NAME or user/NAME"


class Escalations(BaseModel):
    """What is done while a person does not decide, for approvals and for questions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    approvals: Escalation | None = None
    questions: Escalation | None = None

    def declared(self) -> dict[str, Escalation]:
        """Return what is declared, by what it is for."""
        both = {"approvals": self.approvals, "questions": self.questions}
        return {kind: said for kind, said in both.items() if said is not None}


def _checked(said: Escalations) -> Escalations:
    for kind, each in said.declared().items():
        for field, sentence in faults_of(kind, each):
            raise ValueError(f"escalation.{kind}{'.' if field else ''}{field}: {sentence}")
    return said


Declared = Annotated[Escalations, AfterValidator(_checked)]
"""The escalations of an agent, checked."""


def read(said: dict[str, Any]) -> Escalations:
    """Return escalations as a manifest says them; raises pydantic.ValidationError."""
    return Escalations.model_validate(said)
