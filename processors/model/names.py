"""Model names, ``provider:model``, and what ``default`` stands for."""

from __future__ import annotations

from collections.abc import Sequence

SCRIPTED = "scripted"
DEFAULT = "default"


def split(name: str) -> tuple[str, str]:
    """Return provider and model; the model may hold colons, and is empty where none is named."""
    provider, _, model = name.partition(":")
    return provider, model


def resolve(name: str, configured: Sequence[str]) -> str:
    """Return the model that is really spoken to: ``default:<script>`` becomes the first name
    configured, or ``scripted:<script>`` where there is none or it says ``scripted``.
    """
    provider, script = split(name)
    if provider != DEFAULT:
        return name
    chosen = configured[0] if configured else SCRIPTED
    return f"{SCRIPTED}:{script}" if chosen == SCRIPTED else chosen
