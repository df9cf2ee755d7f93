"""What each channel can show and take, whatever a profile asks for."""

from __future__ import annotations

from dataclasses import dataclass

from runfold.events.definitions.agents.response_profile import Modality

_EYES: frozenset[Modality] = frozenset({"text", "image", "file"})


@dataclass(frozen=True, slots=True)
class Capabilities:
    """``characters`` bounds the text of a message, ``items`` a list, ``asks`` what is asked.

    ``buttons`` says whether a person can press one; ``links`` whether a link can be followed.
    """

    modalities: frozenset[Modality]
    characters: int
    items: int
    asks: int
    buttons: bool = True
    links: bool = True


CAPABILITIES: dict[str, Capabilities] = {
    "api": Capabilities(
        frozenset({"json", "text", "table", "file", "image", "chart", "video"}),
        1_000_000, 1_000, 100,
    ),
    "cli": Capabilities(
        frozenset({"text", "table", "json"}), 100_000, 200, 100, buttons=False
    ),
    "web": Capabilities(_EYES | {"table", "chart", "video", "json"}, 200_000, 500, 100),
    "mobile": Capabilities(_EYES, 1_200, 5, 1),
    "voice": Capabilities(
        frozenset({"speech", "voice"}), 600, 3, 1, buttons=False, links=False
    ),
    "slack": Capabilities(_EYES, 6_000, 20, 5),
    "teams": Capabilities(_EYES | {"table"}, 6_000, 20, 5, buttons=False),
    "email": Capabilities(_EYES | {"table"}, 50_000, 100, 20),
    "desktop": Capabilities(_EYES | {"table", "chart", "video", "json"}, 100_000, 200, 100),
}  # fmt: skip
"""By the channel that has an adapter."""

SERVED_AS: dict[str, str] = {
    "browser_extension": "web",
    "ide": "api",
    "mcp": "api",
    "tui": "cli",
    "webhook": "api",
    "worker": "api",
}
"""The adapter that serves a channel without one of its own."""


def adapter_name(channel: str) -> str:
    """Return which adapter serves a channel; raises KeyError for what is no channel."""
    name = SERVED_AS.get(channel, channel)
    if name not in CAPABILITIES:
        raise KeyError(channel)
    return name
