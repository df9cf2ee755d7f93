"""A manifest in the making: what is carried over from a document of another product."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runfold.infra.documents import Document, FieldPath
from runfold.surfaces.manifests.ossa.safety import not_honoured
from runfold.surfaces.manifests.problems import Remark

_MOST_TEXT = 2_000
_PROVIDERS = {"gemini": "google", "vertex_ai": "google", "azure": "azure", "dmr": "dmr"}


@dataclass(slots=True)
class Made:
    """An agent's manifest, and what to tell of the document that it comes from.

    ``of`` is the document and ``at`` the place in it of what is carried over.
    """

    of: Document
    at: FieldPath
    said: Mapping[str, Any]
    name: str
    spec: dict[str, Any] = field(default_factory=dict)
    description: str = ""
    told: list[Remark] = field(default_factory=list)

    def text(self, key: str) -> str:
        """Return a field that must be a text; nothing, with a remark, where it is none."""
        value = self.said.get(key)
        if value is None or isinstance(value, str):
            return (value or "").strip()
        self.lost(key, "it should be text")
        return ""

    def number(self, key: str, to: tuple[str, ...], *, whole: bool = True) -> None:
        """Carry over a number above zero to a place in the spec; a remark where it is none."""
        value = self.said.get(key)
        if value is None:
            return
        kinds = (int,) if whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds) or value <= 0:
            self.lost(key, "it should be a number above zero")
            return
        holder = self.spec
        for part in to[:-1]:
            holder = holder.setdefault(part, {})
        holder[to[-1]] = value

    def lost(self, key: str, why: str) -> None:
        """Tell that a field is not carried over."""
        self.told += not_honoured(self.of, (*self.at, key), self.said[key], why)

    def tell_the_rest(self, carried: Collection[str], why: Mapping[str, str]) -> None:
        """Tell of every field that is not among those ``carried``; ``why`` knows some of them."""
        for key in self.said:
            if key not in carried:
                self.lost(key, why.get(key, "it means nothing here"))

    def manifest(self) -> dict[str, Any]:
        """Return the manifest as it is written."""
        metadata = {"name": slug(self.name), "version": "1.0.0"}
        if self.description:
            metadata["description"] = self.description[:_MOST_TEXT]
        return {"apiVersion": "ossa/v0.4", "kind": "Agent", "metadata": metadata, "spec": self.spec}


def slug(name: str) -> str:
    """Return a name that a manifest can have."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:200].strip("-") or "agent"


def model_named(text: str) -> dict[str, Any]:
    """Return the ``llm`` of ``provider/model``; a model without a provider is one of OpenAI's."""
    provider, _, model = text.strip().partition("/")
    if not model:
        provider, model = "openai", provider
    return {"provider": _PROVIDERS.get(provider, provider), "model": model}


def tools_named(names: Iterable[str], kind: str = "function") -> list[dict[str, str]]:
    """Return the tools of a spec."""
    return [{"type": kind, "name": name} for name in names]
