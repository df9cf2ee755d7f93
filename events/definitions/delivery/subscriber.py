"""A person who is notified, how and when; on the wire its kind is ``subscriber``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from runfold.events.definitions.base import Definition
from runfold.events.definitions.delivery.subscription import Address, SecretName

SUBSCRIBER = "subscriber"
"""The kind's name on the wire."""

About = Literal["approval", "escalated", "completed", "failed", "budget", "alert"]
"""What a notification is about."""

Channel = Literal["webhook", "email", "slack", "webpush"]
"""How a notification is sent."""

Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class Quiet(BaseModel):
    """From when until when nothing is sent, on the subscriber's clock; it may go over midnight."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    begins: Clock
    ends: Clock


class Gather(BaseModel):
    """That notifications are gathered: sent once an hour, or once a day at a time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    every: Literal["hour", "day"]
    at: Clock = "08:00"


class Subscriber(Definition):
    """Who is notified of what, by which channel and when.

    ``address`` is an e-mail address, or the URL of a webhook; that of a Slack-compatible incoming
    webhook is itself a secret, which ``secret`` names. For a webhook ``secret`` is what it is
    signed with. By ``webpush`` the browsers of ``person`` are told; of a subscriber of all tenants
    ``address`` is the tenant in which the person has subscribed them. ``whose`` ``own`` means runs
    that ``person`` asked for, and what asks this person. What is ``urgent`` waits neither for the
    end of quiet hours nor is it gathered.
    """

    description: str = ""
    person: str = Field(default="", max_length=253)
    channel: Channel
    address: Annotated[str, Field(max_length=2000)] = ""
    secret: SecretName | None = None
    about: tuple[About, ...] = Field(min_length=1, max_length=6)
    whose: Literal["all", "own"] = "all"
    time_zone: Annotated[str, Field(max_length=64)] = "UTC"
    quiet: Quiet | None = None
    gather: Gather | None = None
    urgent: tuple[About, ...] = Field(default=(), max_length=6)


__all__ = ["SUBSCRIBER", "About", "Address", "Channel", "Gather", "Quiet", "Subscriber"]
