"""What may be said beyond what must be: the options of requests and of feedback."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from runfold.events.people.origin import Origin
from runfold.events.values import Attachment, DataClassification, Label, Limits


class RequestOptions(TypedDict, total=False):
    """What a request may say beyond goal and agent, as in ``RunRequest``."""

    run_id: str
    tenant_id: str
    user_id: str
    agent_version: str
    attachments: tuple[Attachment, ...]
    roles: tuple[str, ...]
    scopes: tuple[str, ...]
    limits: Limits
    data_classification: DataClassification
    response_profile: str
    region: str
    labels: tuple[Label, ...]
    feature: str
    priority: int
    thread_id: str
    variant: str
    source: str
    deadline: datetime
    origin: Origin


class FeedbackOptions(TypedDict, total=False):
    """What may be said about a run, as in ``FeedbackGiven``."""

    rating: int | None
    text: str | None
    correction: str | None
    seq: int | None
    labels: tuple[Label, ...]
    source: str
