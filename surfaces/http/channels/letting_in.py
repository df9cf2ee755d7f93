"""Who speaks on a channel: the signature first, then the directory; nobody else is heard."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from runfold.events.values import DataClassification
from runfold.surfaces.channels.inbound.directory import SLACK, Person, Workspace
from runfold.surfaces.channels.inbound.intents import Heard, Sender
from runfold.surfaces.channels.inbound.reading import json_object, word
from runfold.surfaces.channels.inbound.signatures import (
    UnsignedError,
    need_now,
    need_slack,
    need_teams,
)
from runfold.surfaces.http.access.identity import Caller, Marks
from runfold.surfaces.http.channels.wiring import Channels
from runfold.surfaces.http.refusals.problems import Problem


@dataclass(frozen=True, slots=True)
class Known:
    """The workspace whose secret signed a request, and its signature."""

    workspace: Workspace
    signature: str


async def workspace_of(
    channels: Channels, channel: str, request: Request, body: bytes, heard: Heard
) -> Known:
    """Return the workspace that signed a request; raises Problem, the same for every reason.

    Which workspace it claims to be only chooses the secret that it is held against.
    """
    headers = {
        name: value
        for name, value in request.headers.items()
        if name in {"authorization", "x-slack-signature", "x-slack-request-timestamp"}
    }
    for each in channels.directory.of(channel, heard.sender.team):
        secret = await channels.secret(each.secret, each.tenant)
        try:
            if channel == SLACK:
                need_slack(body, headers, secret, channels.wall())
                return Known(each, headers["x-slack-signature"])
            need_teams(body, headers, secret)
            need_now(word(json_object(body), "timestamp"), channels.wall())
        except UnsignedError:
            continue
        # The signature alone: around it the same request could be written otherwise.
        return Known(each, headers["authorization"].partition(" ")[2].strip())
    raise Problem(
        "unsigned",
        "This request is signed by no workspace that is known here, or not now: see "
        "RUNFOLD_CHANNELS_FILE.",
    )


def person_of(workspace: Workspace, sender: Sender) -> Person | None:
    """Return who a sender is here, None for somebody unknown."""
    return workspace.users.get(sender.user) if sender.user else None


def caller_on(channel: str, workspace: Workspace, person: Person, marks: Marks) -> Caller:
    """Return a person as who makes the request."""
    return Caller(
        tenant_id=workspace.tenant,
        user_id=person.user,
        roles=person.roles,
        scopes=person.scopes,
        data_classification=DataClassification.INTERNAL,
        key_id=f"{channel}/{workspace.team}/{person.user}",
        request_id=marks.request_id,
        trace_id=marks.trace_id,
    )
