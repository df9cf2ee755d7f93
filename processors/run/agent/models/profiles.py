"""The response profile of a run: what its name stands for, and what its model is told of it [65].

The words are read by the model of every run from behaviour 9 on: never change one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from runfold.events.definitions import Definitions
from runfold.events.definitions.agents.built_in_profiles import built_in, pin_of
from runfold.events.definitions.agents.response_profile import PROFILE, ResponseProfile
from runfold.events.definitions.store.resolving import UNKNOWN
from runfold.events.values import Pin
from runfold.processors.run.draft import DefinitionMissingError


class Chosen(NamedTuple):
    """What a name stands for; ``problem`` is empty, unknown, retired or withdrawn."""

    profile: ResponseProfile | None
    pin: Pin | None
    problem: str


def resolved(definitions: Definitions, name: str, tenant: str | None) -> Chosen:
    """Return what a request's ``response_profile`` stands for.

    What is published goes before what is built in, the tenant's own before what all share.
    """
    found = definitions.resolve(PROFILE, name, None, tenant)
    profile = found.definition(ResponseProfile)
    if profile is not None and found.published is not None:
        return Chosen(profile, found.published.pin, "")
    if found.problem != UNKNOWN:
        return Chosen(None, None, found.problem)
    shipped = built_in(name)
    return Chosen(shipped, pin_of(shipped), "") if shipped else Chosen(None, None, UNKNOWN)


def pinned(definitions: Definitions, pin: Pin, tenant: str | None) -> ResponseProfile | None:
    """Return the profile that a run pinned, whatever its state is now."""
    published = definitions.version(PROFILE, pin.name, pin.version, tenant)
    made = published.definition if published is not None else None
    if isinstance(made, ResponseProfile) and published is not None:
        # The digest says which of two of this name it was: a tenant's own, or a built-in one.
        if published.pin.digest == pin.digest:
            return made
        shared = definitions.version(PROFILE, pin.name, pin.version, None)
        if shared is not None and shared.pin.digest == pin.digest:
            return shared.definition if isinstance(shared.definition, ResponseProfile) else None
    shipped = built_in(f"{pin.name}@{pin.version}")
    return shipped if shipped is not None and pin_of(shipped).digest == pin.digest else None


def told(definitions: Definitions, pin: Pin | None, tenant: str | None) -> str:
    """Return what the model is told of the profile that its run pinned, empty where it has none.

    Raises DefinitionMissingError for one that is not there.
    """
    return section(_there(definitions, pin, tenant)) if pin is not None else ""


def dimensions(definitions: Definitions, pin: Pin | None, tenant: str | None) -> str:
    """Return what a tool is given of the profile, as JSON; raises as ``told``."""
    return _there(definitions, pin, tenant).body() if pin is not None else ""


def _there(definitions: Definitions, pin: Pin, tenant: str | None) -> ResponseProfile:
    profile = pinned(definitions, pin, tenant)
    if profile is None:
        raise DefinitionMissingError(f"response profile {pin.name}@{pin.version} is not published")
    return profile


_LENGTH = {
    "terse": "one or two sentences",
    "short": "at most five short sentences",
    "normal": "as long as it needs, and no longer",
    "detailed": "complete, with the details that somebody may want to look up",
}
_ARTIFACT = {
    "inline_preview": "say what each holds: it is shown beside the answer",
    "attachment": "say what each holds: it is attached",
    "link": "say what each holds: a link to it is given",
    "file_path": "name them by their paths",
    "download": "say what each holds: it can be downloaded",
    "summarize_and_offer_link": "summarize each in a sentence: a link to it is offered",
    "none": "none can be given: say in words what matters",
}
_APPROVAL = {
    "ask_one_clear_question": "ask one question at a time, which a yes or no answers",
    "voice_confirmation": "ask one question at a time, which a spoken yes or no answers",
    "buttons": "ask so that one of a few short options answers",
    "cli_prompt": "ask so that one line of text answers",
    "api_state_transition": "ask so that a program can answer: say which values are possible",
    "link": "ask so that it can be answered later, without what was said before",
}
_LOAD = {
    "light": "at most three things at a time",
    "moderate": "at most seven things at a time",
    "heavy": "as many as the answer has",
}
_UNSUPPORTED = {
    "describe": "describe in words",
    "link": "refer to",
    "omit": "leave out",
}


@lru_cache(maxsize=256)
def section(profile: ResponseProfile) -> str:
    """Return what a model is told of how its answers are given: a few lines, always the same."""
    spoken = {"speech", "voice"} & set(profile.allowed_modalities)
    other = _UNSUPPORTED[profile.fallback.unsupported]
    lines = [
        f"Your answers are read on this channel: {profile.channel}."
        if not spoken or "text" in profile.allowed_modalities
        else "Your answers are spoken to somebody who cannot see anything.",
        f"- length: {_LENGTH[profile.max_response_length]}",
        f"- style: {profile.preferred_style}",
        f"- can be shown: {', '.join(profile.allowed_modalities)}; {other} anything else",
        *([f"- structure: {', '.join(profile.structure)}"] if profile.structure else ()),
        *([f"- to keep in mind: {_LOAD[profile.memory_load]}"] if profile.memory_load else ()),
        f"- artifacts: {_ARTIFACT[profile.artifact_policy]}",
        f"- when you ask a person: {_APPROVAL[profile.approval_policy]}",
    ]
    if spoken:
        lines.append("- no ids, links, tables or nested lists: they cannot be spoken")
    if profile.fallback.hand_off_to:
        lines.append(f"- what is too long: offer it by {profile.fallback.hand_off_to}")
    return "\n".join(lines)
