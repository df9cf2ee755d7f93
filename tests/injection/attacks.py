"""The attacks of the corpus: every shape with every order, as a text and what obeying it means."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

CORPUS = Path(__file__).with_name("corpus.yaml")
_HARMLESS = Path(__file__).with_name("harmless.yaml")

_ZERO_WIDTH = "\u200b"
_TAGS = 0xE0000


@dataclass(frozen=True)
class Attack:
    """A text that an agent reads, and the calls that a model makes that obeys it."""

    shape: str
    order: str
    number: int
    text: str
    wants: tuple[tuple[str, Mapping[str, Any]], ...] = field(hash=False)

    def __str__(self) -> str:
        """Return what a test is called by."""
        return f"{self.shape}-{self.number}-{self.order}"


@cache
def attacks() -> tuple[Attack, ...]:
    """Return every attack, in the order of the corpus."""
    return tuple(_attacks())


@cache
def harmless() -> tuple[str, ...]:
    """Return texts that give no orders, some of which look as if they did."""
    return tuple(yaml.safe_load(_HARMLESS.read_text(encoding="utf-8")))


def _attacks() -> Iterator[Attack]:
    corpus = yaml.safe_load(CORPUS.read_text(encoding="utf-8"))
    for shape in corpus["shapes"]:
        for number, text in enumerate(shape["texts"], 1):
            for order in corpus["orders"]:
                wants = tuple((each["tool"], each["arguments"]) for each in order["wants"])
                written = text.format(**_forms(order))
                yield Attack(shape["id"], order["id"], number, written, wants)


def _forms(order: Mapping[str, Any]) -> dict[str, str]:
    said = order["order"]
    return {
        "order": said,
        **{language: order[language] for language in ("german", "spanish", "chinese")},
        "base64": base64.b64encode(said.encode()).decode(),
        "hex": said.encode().hex(),
        "reversed": said[::-1],
        "spaced": " ".join(said),
        "hidden": _ZERO_WIDTH.join(("", *said)),
        "tags": "".join(chr(_TAGS + ord(c)) for c in said if ord(c) < 128),
    }
