"""What web push is told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PushSettings:
    """``key`` names the private key in the store of secrets; ``contact`` is who may be asked."""

    key: str = "webpush"
    contact: str = ""
    links: str = ""
