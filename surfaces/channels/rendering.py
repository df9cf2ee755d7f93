"""Rendering a run for a channel: whose profile holds, which adapter serves, what was seen."""

from __future__ import annotations

from dataclasses import dataclass, field

from runfold.events.definitions import Definitions, ResponseProfile
from runfold.events.definitions.agents.built_in_profiles import for_channel
from runfold.events.definitions.agents.response_profile import CHANNELS
from runfold.processors.run.agent.models.profiles import pinned, resolved
from runfold.surfaces.application.errors import InvalidError, NotFoundError
from runfold.surfaces.channels.adapters.api import Api
from runfold.surfaces.channels.adapters.cli import Cli
from runfold.surfaces.channels.adapters.desktop import Desktop
from runfold.surfaces.channels.adapters.email import Email, Envelope
from runfold.surfaces.channels.adapters.mobile import Mobile
from runfold.surfaces.channels.adapters.slack import Slack
from runfold.surfaces.channels.adapters.teams import Teams
from runfold.surfaces.channels.adapters.voice import Voice
from runfold.surfaces.channels.adapters.web import Web
from runfold.surfaces.channels.adapters.workspace import Workspace
from runfold.surfaces.channels.composing.capabilities import CAPABILITIES, adapter_name
from runfold.surfaces.channels.composing.composer import compose
from runfold.surfaces.channels.composing.picture import Picture
from runfold.surfaces.channels.document import Document
from runfold.surfaces.channels.links import Links
from runfold.surfaces.channels.port import Adapter, Payload
from runfold.surfaces.manifests.problems import did_you_mean


@dataclass(frozen=True, slots=True)
class Wiring:
    """What adapters are told of the deployment: its links, a thread, a mail's envelope, folders."""

    links: Links = field(default_factory=Links)
    thread: str = ""
    envelope: Envelope | None = None
    workspace: Workspace | None = None


def adapter_of(channel: str, wiring: Wiring | None = None) -> Adapter:
    """Return the adapter that serves a channel; raises InvalidError for what is no channel."""
    told = wiring or Wiring()
    made: dict[str, Adapter] = {
        "api": Api(),
        "cli": Cli(),
        "web": Web(told.links),
        "mobile": Mobile(told.links),
        "voice": Voice(),
        "slack": Slack(told.links, told.thread),
        "teams": Teams(told.links),
        "email": Email(told.links, told.envelope),
        "desktop": Desktop(told.workspace),
    }
    return made[adapter_name(known_channel(channel))]


def known_channel(said: str) -> str:
    """Return a channel's name; raises InvalidError with the nearest one."""
    name = said.strip().lower().replace("-", "_")
    if name not in CHANNELS:
        near = did_you_mean(name, CHANNELS)
        raise InvalidError(f"There is no channel {said[:60]!r}: {', '.join(CHANNELS)}.{near}")
    return name


def profile_for(
    definitions: Definitions, tenant: str, channel: str, asked: str | None, picture: Picture
) -> ResponseProfile:
    """Return the profile that a rendering goes by.

    The one that is asked for; else the run's own where it is for this channel; else the published
    or built-in one of the channel. Raises NotFoundError for one that is not there.
    """
    if asked is not None:
        found = resolved(definitions, asked, tenant)
        if found.profile is None:
            raise NotFoundError(
                f"There is no response profile {asked[:100]!r} ({found.problem}): "
                "`runfold definitions list response_profile` shows what is published."
            )
        return found.profile
    own = pinned(definitions, picture.profile, tenant) if picture.profile else None
    if own is not None and own.channel == channel:
        return own
    return resolved(definitions, channel.replace("_", "-"), tenant).profile or for_channel(channel)


def rendered(
    picture: Picture,
    channel: str,
    profile: ResponseProfile,
    *,
    seen: int | None = None,
    wiring: Wiring | None = None,
) -> Payload:
    """Return a run as a channel shows it; raises InvalidError for what is no channel."""
    return adapter_of(channel, wiring).render(document_of(picture, channel, profile, seen))


def document_of(
    picture: Picture, channel: str, profile: ResponseProfile, seen: int | None = None
) -> Document:
    """Return a run as a document for a channel; a profile of another channel keeps its rules."""
    name = known_channel(channel)
    ruled = profile if profile.channel == name else profile.model_copy(update={"channel": name})
    return compose(picture, ruled, CAPABILITIES[adapter_name(name)], seen)
