"""The response profiles that come with Runfold, one a channel.

They stand in for what nobody has published, in decisions too: a run pins their digest. So a version
that was released never changes; what shall be otherwise is a further version, in ``_EVERY`` after
the one before, and for runs of the behaviour that begins with it.
"""

from __future__ import annotations

from typing import Any

from runfold.events.definitions.agents.response_profile import ResponseProfile
from runfold.events.trusted import trusted
from runfold.events.values import Pin

_HEARD: dict[str, Any] = {"allowed_modalities": ("speech",), "structure": ("prose",)}
_MACHINE: dict[str, Any] = {
    "max_response_length": "detailed",
    "preferred_style": "precise",
    "allowed_modalities": ("json", "text", "table", "file"),
    "artifact_policy": "link",
    "progress_policy": "every_step",
    "approval_policy": "api_state_transition",
    "structure": ("schema",),
    "rhythm": "async_job",
}
_CHAT: dict[str, Any] = {
    "max_response_length": "short",
    "preferred_style": "direct",
    "allowed_modalities": ("text", "image", "file"),
    "artifact_policy": "summarize_and_offer_link",
    "progress_policy": "milestones",
    "approval_policy": "buttons",
    "structure": ("prose", "bullets"),
    "rhythm": "synchronous_chat",
    "memory_load": "moderate",
}
_RICH: dict[str, Any] = {
    "max_response_length": "detailed",
    "preferred_style": "thorough",
    "allowed_modalities": ("text", "table", "image", "chart", "file", "video"),
    "artifact_policy": "inline_preview",
    "progress_policy": "every_step",
    "approval_policy": "buttons",
    "structure": ("prose", "bullets", "table", "timeline", "diff"),
    "rhythm": "streaming_progress",
    "memory_load": "heavy",
}
_TERMINAL: dict[str, Any] = {
    "max_response_length": "short",
    "preferred_style": "precise",
    "allowed_modalities": ("text", "table"),
    "artifact_policy": "file_path",
    "progress_policy": "every_step",
    "approval_policy": "cli_prompt",
    "structure": ("diff", "command_output", "bullets", "prose"),
    "rhythm": "streaming_progress",
}

_OF: dict[str, dict[str, Any]] = {
    "api": _MACHINE,
    "browser-extension": {**_CHAT, "channel": "browser_extension"},
    "cli": _TERMINAL,
    "desktop": {**_RICH, "max_response_length": "normal", "artifact_policy": "file_path"},
    "email": {
        **_RICH,
        "max_response_length": "normal",
        "allowed_modalities": ("text", "table", "file"),
        "artifact_policy": "link",
        "progress_policy": "none",
        "approval_policy": "link",
        "structure": ("prose", "bullets", "table"),
        "rhythm": "notification",
    },
    "ide": {**_TERMINAL, "approval_policy": "buttons"},
    "mcp": _MACHINE,
    "mobile": {
        **_CHAT,
        "preferred_style": "compact",
        "progress_policy": "brief_status_only",
        "structure": ("card", "bullets"),
        "rhythm": "notification",
        "memory_load": "light",
        "fallback": {"unsupported": "describe", "hand_off_to": "web"},
    },
    "slack": _CHAT,
    "teams": _CHAT,
    "tui": _TERMINAL,
    "voice": {
        **_HEARD,
        "max_response_length": "short",
        "preferred_style": "direct",
        "artifact_policy": "summarize_and_offer_link",
        "progress_policy": "brief_status_only",
        "approval_policy": "ask_one_clear_question",
        "rhythm": "synchronous_chat",
        "memory_load": "light",
        "fallback": {"unsupported": "describe", "hand_off_to": "email"},
    },
    "web": _RICH,
    "webhook": _MACHINE,
    "worker": _MACHINE,
}


def _made(name: str, said: dict[str, Any]) -> ResponseProfile:
    return ResponseProfile.model_validate(
        {"channel": name, **said, "name": name, "version": "1.0.0"}
    )


_EVERY: tuple[ResponseProfile, ...] = tuple([_made(name, said) for name, said in _OF.items()])

BUILT_IN: dict[str, ResponseProfile] = {}
"""By ``name``, the newest, and by ``name@version``."""
for _each in _EVERY:
    BUILT_IN[_each.name] = BUILT_IN[f"{_each.name}@{_each.version}"] = _each

_PINS = {
    (made.name, made.version): trusted(Pin)(
        name=made.name, version=made.version, digest=made.digest()
    )
    for made in _EVERY
}


def built_in(reference: str) -> ResponseProfile | None:
    """Return the built-in profile of a name or ``name@version``, None where there is none."""
    return BUILT_IN.get(reference.strip().replace("_", "-"))


def pin_of(made: ResponseProfile) -> Pin:
    """Return what names a built-in profile in a run."""
    return _PINS[made.name, made.version]


def for_channel(channel: str) -> ResponseProfile:
    """Return the built-in profile of a channel."""
    return BUILT_IN[channel.replace("_", "-")]
