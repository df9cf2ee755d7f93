"""How an answer is given on a channel: the dimensions of a response profile [188].

Seven fields are always said; what is left out of the others means what the channel does by itself.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from runfold.events.definitions.base import Definition

PROFILE = "response_profile"
"""The kind's name on the wire, which never changes."""

Channel = Literal[
    "api",
    "browser_extension",
    "cli",
    "desktop",
    "email",
    "ide",
    "mcp",
    "mobile",
    "slack",
    "teams",
    "tui",
    "voice",
    "web",
    "webhook",
    "worker",
]
Length = Literal["terse", "short", "normal", "detailed"]
Modality = Literal["text", "speech", "voice", "image", "table", "chart", "file", "video", "json"]
Structure = Literal[
    "prose", "bullets", "table", "timeline", "diff", "command_output", "schema", "card"
]
ArtifactPolicy = Literal[
    "inline_preview",
    "attachment",
    "link",
    "file_path",
    "download",
    "summarize_and_offer_link",
    "none",
]
ProgressPolicy = Literal["none", "brief_status_only", "milestones", "every_step"]
ApprovalPolicy = Literal[
    "ask_one_clear_question",
    "buttons",
    "voice_confirmation",
    "cli_prompt",
    "api_state_transition",
    "link",
]
Rhythm = Literal["synchronous_chat", "async_job", "streaming_progress", "notification"]
MemoryLoad = Literal["light", "moderate", "heavy"]
Unsupported = Literal["describe", "link", "omit"]

CHANNELS: tuple[str, ...] = get_args(Channel)

Style = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]


class Fallback(BaseModel):
    """What is done with a modality that the channel has not, and where long answers are offered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    unsupported: Unsupported = "describe"
    hand_off_to: Channel | None = None


class ResponseProfile(Definition):
    """How a run's answers are given: to its model as a section, to the composer as rules.

    ``preferred_style`` is one word of the author's, such as direct. ``memory_load`` is what a
    person can keep in mind there: light is about three things, moderate about seven.
    """

    description: str = ""
    channel: Channel
    max_response_length: Length
    preferred_style: Style
    allowed_modalities: tuple[Modality, ...] = Field(min_length=1, max_length=9)
    artifact_policy: ArtifactPolicy
    progress_policy: ProgressPolicy
    approval_policy: ApprovalPolicy
    structure: tuple[Structure, ...] = Field(default=(), max_length=8)
    rhythm: Rhythm | None = None
    memory_load: MemoryLoad | None = None
    fallback: Fallback = Fallback()
