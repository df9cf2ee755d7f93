"""What policies decided, would decide, and who could do what by them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from runfold.surfaces.application.shapes.base import SHAPE, Json, Shape


class PolicyTestResult(Shape):
    """A test that stands beside a policy; ``said`` says why where it did not pass."""

    shape: Literal[2] = SHAPE
    policy: str
    test: str
    passed: bool
    said: str


class PolicyAnswer(Shape):
    """What is decided of an action: ``policies`` are the ids of the rules that decided it.

    ``persons`` is how many must approve, 0 for none, and ``terms`` what binds their approval.
    """

    effect: str
    approval: bool
    policies: tuple[str, ...]
    reason: str
    persons: int = 0
    terms: tuple[str, ...] = ()


class PolicyExplanation(Shape):
    """One decision on a call: as it was recorded, decided again then, and decided by the
    policies of now; ``inputs`` is what policies were shown of it.
    """

    shape: Literal[2] = SHAPE
    run_id: str
    call_id: str
    seq: int
    time: datetime
    principal: str
    action: str
    resource: str
    definitions: int
    policy_digest: str
    inputs: Json
    recorded: PolicyAnswer
    again: PolicyAnswer
    now: PolicyAnswer


class PolicyChange(Shape):
    """Recorded calls of a tool by an agent that would be decided otherwise; ``call_id`` is one."""

    agent: str
    tool: str
    was: str
    becomes: str
    policies: tuple[str, ...]
    calls: int
    call_id: str


class PolicySimulation(Shape):
    """What other policies would have said of calls that were recorded since a moment."""

    shape: Literal[2] = SHAPE
    since: datetime | None
    calls: int
    unchanged: int
    denied: int
    permitted: int
    asked: int
    unasked: int
    changes: tuple[PolicyChange, ...]


class Grant(Shape):
    """Whether an agent may do something: ``yes``, ``no``, or ``depends`` on the circumstances.

    Of a tool's calls, ``persons`` is how many must approve at the most and ``persons_least`` at
    the least; ``asks`` says what each rule asks for. None where nobody is asked about anything.
    """

    shape: Literal[2] = SHAPE
    agent: str
    version: str
    tool: str | None
    answer: str
    policies: tuple[str, ...]
    reason: str
    persons: int | None = None
    persons_least: int | None = None
    asks: tuple[str, ...] = ()
