"""The port of the adapters: a document outward, an intent inward. One contract suite holds all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from runfold.surfaces.channels.document import Document
from runfold.surfaces.channels.inbound.intents import Heard, Inbound


@dataclass(frozen=True, slots=True)
class Payload:
    """What is handed to the channel: a text of a media type."""

    channel: str
    media_type: str
    body: str


class Adapter(Protocol):
    """One channel. It keeps nothing, and does nothing but turn the one into the other.

    ``render`` escapes every text of the document for its channel, and keeps within its sizes.
    ``read`` never raises: what cannot be understood is ``Unclear``. It believes nobody: who spoke
    is what the channel's signature has proved, which is checked before.
    """

    name: str

    def render(self, document: Document) -> Payload:
        """Return a document as this channel shows it."""
        ...

    def read(self, inbound: Inbound) -> Heard:
        """Return what somebody on this channel means."""
        ...
