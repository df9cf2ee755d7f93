"""What the gateway shows of itself: keys, who a caller is, what became of a request."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from runfold.events.values import RunStatus
from runfold.surfaces.application.shapes.base import SHAPE, Json, Shape, Usd
from runfold.surfaces.application.shapes.costs import Budget, CostSum
from runfold.surfaces.application.shapes.definitions import DefinitionRow
from runfold.surfaces.application.shapes.operations import DeadLetter
from runfold.surfaces.application.shapes.runs import (
    Approval,
    Completion,
    Event,
    RunDetail,
    RunSummary,
)


class ApiKey(Shape):
    """What is kept of an API key; ``state`` is active, expired or revoked.

    ``prefix`` is how the key begins, which is no secret. ``last_used_at``, and ``last_refused_at``,
    when it was presented and let nobody in, are exact to a minute.
    """

    shape: Literal[2] = SHAPE
    key_id: str
    prefix: str
    name: str
    tenant_id: str
    user_id: str
    roles: tuple[str, ...]
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    rotated_to: str | None
    last_used_at: datetime | None
    last_refused_at: datetime | None = None
    state: str


class Identity(Shape):
    """Who a caller is, and which request this is: what every request carries."""

    shape: Literal[2] = SHAPE
    user_id: str
    tenant_id: str
    role: str | None
    roles: tuple[str, ...]
    scopes: tuple[str, ...]
    data_classification: str
    request_id: str
    trace_id: str


class StatusCard(Shape):
    """A run in the six lines that a person looks at first."""

    current_run: str
    status: RunStatus
    last_action: str
    next_proposed_action: str | None
    requires_approval: bool
    estimated_cost_so_far: Usd | None


class RunView(RunDetail):
    """Where a run stands, with its card; a run that has only been asked for has ``seq`` 0."""

    card: StatusCard


class RunAccepted(Shape):
    """A request for a run that is durable; ``exit`` is there where its end was waited for."""

    shape: Literal[2] = SHAPE
    run_id: str
    status: RunStatus
    exit: Completion | None = None


class RunPage(Shape):
    """Some runs, the newest first; ``next`` is the cursor of those after them."""

    shape: Literal[2] = SHAPE
    runs: tuple[RunSummary, ...]
    next: str | None


class EventPage(Shape):
    """Some events of a run in order; ``next_after`` is where to go on, and more may be there.

    ``ended`` says that the last of them is the run's last.
    """

    shape: Literal[2] = SHAPE
    run_id: str
    events: tuple[Event, ...]
    next_after: int
    has_more: bool
    ended: bool


class Artifact(Shape):
    """Bytes that are kept for a tenant; ``sha256`` is that of what was given, hexadecimal.

    ``artifact_id`` is what the store has them under, which is another where a tenant is sealed.
    """

    shape: Literal[2] = SHAPE
    artifact_id: str
    ref: str
    sha256: str
    size: int
    media_type: str


class RunArtifact(Shape):
    """An artifact that a run names: ``seq`` is the first event that does, ``name`` a file's."""

    artifact_id: str
    ref: str
    sha256: str
    size: int
    media_type: str
    seq: int
    name: str | None


class RunArtifacts(Shape):
    """The artifacts of a run, in the order in which its events name them."""

    shape: Literal[2] = SHAPE
    run_id: str
    artifacts: tuple[RunArtifact, ...]


class ApprovalList(Shape):
    """What waits for a person, the oldest first."""

    shape: Literal[2] = SHAPE
    approvals: tuple[Approval, ...]


class ControlPublished(Shape):
    """A control that is durable, and of which nothing was on record in time.

    The event that it leads to has its ``request_id``.
    """

    shape: Literal[2] = SHAPE
    run_id: str
    request_id: str


class CostReport(Shape):
    """What was spent, by the dimensions that were asked for, the most expensive first."""

    shape: Literal[2] = SHAPE
    costs: tuple[CostSum, ...]


class BudgetList(Shape):
    """The runs that have a budget, the fullest first."""

    shape: Literal[2] = SHAPE
    budgets: tuple[Budget, ...]


class DefinitionList(Shape):
    """What is published, by kind and name."""

    shape: Literal[2] = SHAPE
    definitions: tuple[DefinitionRow, ...]


class Published(Shape):
    """What became of each definition, by its key; nothing new is published where one is refused."""

    shape: Literal[2] = SHAPE
    published: tuple[str, ...]
    unchanged: tuple[str, ...]
    remarks: tuple[str, ...]


class DeadLetterList(Shape):
    """Inputs that could not be used, the newest first."""

    shape: Literal[2] = SHAPE
    dead_letters: tuple[DeadLetter, ...]


class Rendering(Shape):
    """A run as a channel shows it, after its event ``seq``.

    ``body`` is a text of ``media_type``, or the JSON itself. ``seen`` is what the person was shown
    before: who goes on from here says ``seq`` as ``seen`` next time.
    """

    shape: Literal[2] = SHAPE
    run_id: str
    channel: str
    media_type: str
    body: Json
    seq: int
    seen: int | None = None
