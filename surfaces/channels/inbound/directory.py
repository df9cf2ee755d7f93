"""Which workspaces of other channels may speak to this deployment, and who their people are here.

One file says it, ``RUNFOLD_CHANNELS_FILE``. Secrets are named in it, and held by the secret store.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runfold.events.expected import unexpected
from runfold.infra.documents import MAX_FILE_BYTES, single
from runfold.infra.settings.errors import ConfigError

Name = Annotated[str, Field(min_length=1, max_length=256)]
SLACK, TEAMS = "slack", "teams"


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Person(_Closed):
    """Who somebody on a channel is here; ``scopes`` are the gateway's, and those of their runs."""

    user: Name
    roles: tuple[Name, ...] = ()
    scopes: tuple[Name, ...] = ("runs:read", "runs:write")


class Workspace(_Closed):
    """A workspace of a channel: its id there, whose runs it asks for, and of which agent.

    ``secret`` names the secret that proves its requests. ``profile`` is the response profile of its
    runs, the channel's own unless said. ``users`` are by the channel's ids.
    """

    team: Name
    secret: Name
    tenant: Name
    agent: Name
    profile: Name | None = None
    users: dict[str, Person] = Field(default_factory=dict, max_length=100_000)


class Directory(_Closed):
    """``pages`` is where people open runs; ``link_key`` names the secret that signs links."""

    pages: str = Field(default="", pattern=r"^(https?://[^\s?#]{1,500}[^\s?#/])?$")
    link_key: Name | None = None
    slack: tuple[Workspace, ...] = Field(default=(), max_length=1_000)
    teams: tuple[Workspace, ...] = Field(default=(), max_length=1_000)

    def of(self, channel: str, team: str) -> tuple[Workspace, ...]:
        """Return the workspaces of a channel with this id; there may be several in Teams."""
        every = {SLACK: self.slack, TEAMS: self.teams}.get(channel, ())
        return tuple(each for each in every if team and each.team == team)


def read_directory(file: Path | None) -> Directory:
    """Return what a file says, an empty directory without one; ConfigError says what to change."""
    if file is None:
        return Directory()
    name = "RUNFOLD_CHANNELS_FILE"
    try:
        data = file.read_bytes()
        if len(data) > MAX_FILE_BYTES:
            raise ConfigError(f"{name}: {file} has more than {MAX_FILE_BYTES} bytes: split it.")
        text = data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{name}: {file} cannot be read ({type(error).__name__}): give a text file."
        ) from error
    document = single(text, str(file))
    if document.problems:
        raise ConfigError(f"{name}: {document.problems[0]}")
    try:
        return Directory.model_validate(document.data or {})
    except ValidationError as error:
        first = unexpected(error)[0]
        line = document.line(first.place)
        raise ConfigError(f"{name}: {file}:{line}: {first.sentence('the file')}.") from None
