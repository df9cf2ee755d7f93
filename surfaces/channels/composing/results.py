"""How a run ended, as blocks: its summary, and what it holds in the forms that can be shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from runfold.events.definitions import ResponseProfile
from runfold.surfaces.application import shapes
from runfold.surfaces.channels.composing.capabilities import Capabilities
from runfold.surfaces.channels.composing.shortening import (
    CHARACTERS,
    ITEMS,
    SENTENCES,
    in_words,
    one_line,
    shorten,
)
from runfold.surfaces.channels.document import Block, Grid, Items, Said, Text

_SUMMARIES = ("summary", "summary_markdown", "reason", "message")
_MOST_COLUMNS = 8
_MOST_ROWS = 50


class Shown(NamedTuple):
    """The blocks of a result; ``cut`` says whether something was left out."""

    blocks: tuple[Block, ...] = ()
    cut: bool = False


def result(detail: shapes.RunDetail, profile: ResponseProfile, can: Capabilities) -> Shown:
    """Return how a run ended, nothing where it lives."""
    if detail.exit is None:
        return Shown()
    payload = detail.exit.payload
    summary = shorten(
        _summary(payload),
        SENTENCES[profile.max_response_length],
        min(CHARACTERS[profile.max_response_length], can.characters),
    )
    blocks: list[Block] = [Text(Said.RESULT, summary.text)] if summary.text else []
    more = _Structured(profile, can)
    held = payload.get("result") if isinstance(payload, dict) else None
    if isinstance(held, dict) and profile.max_response_length != "terse":
        for name, value in list(held.items())[: can.items]:
            blocks += more.blocks(one_line(str(name), 80), value)
    left = isinstance(held, dict) and bool(held) and profile.max_response_length == "terse"
    return Shown(tuple(blocks), summary.cut or more.cut or left)


def _summary(payload: Any) -> str:
    if isinstance(payload, dict):
        for name in _SUMMARIES:
            if isinstance(payload.get(name), str) and payload[name].strip():
                return str(payload[name])
    return "" if payload in (None, {}) else in_words(payload, 2_000)


class _Structured:
    """Turns the parts of a structured result into blocks, and keeps whether any was cut."""

    def __init__(self, profile: ResponseProfile, can: Capabilities) -> None:
        self._profile = profile
        self._allowed = can.modalities & set(profile.allowed_modalities)
        self._items = min(can.items, ITEMS[profile.memory_load])
        self.cut = False

    def blocks(self, name: str, value: Any) -> Iterator[Block]:
        """Yield one part of a result."""
        if _is_table(value):
            yield from self._table(name, value)
        elif isinstance(value, list):
            kept = value[: self._items]
            self._note(cut=len(value) > len(kept))
            items = tuple(in_words(each) for each in kept)
            yield Items(Said.RESULT, name, items, len(value) - len(kept))
        else:
            yield Text(Said.RESULT, f"{name}: {in_words(value, 500)}")

    def _table(self, name: str, rows: list[dict[str, Any]]) -> Iterator[Block]:
        columns = list(dict.fromkeys(str(key) for row in rows for key in row))[:_MOST_COLUMNS]
        if "table" not in self._allowed:
            yield from self._instead(name, rows, columns)
            return
        kept = rows[:_MOST_ROWS]
        self._note(cut=len(rows) > len(kept))
        yield Grid(
            name,
            tuple(one_line(each, 80) for each in columns),
            tuple(tuple(in_words(row.get(each, "")) for each in columns) for row in kept),
            len(rows) - len(kept),
        )

    def _instead(
        self, name: str, rows: list[dict[str, Any]], columns: list[str]
    ) -> Iterator[Block]:
        """Yield what stands for a table that cannot be shown, as the profile's fallback says."""
        self._note(cut=True)
        match self._profile.fallback.unsupported:
            case "omit":
                return
            case "link":
                yield Text(
                    Said.NOTE, f"{name}: {len(rows)} rows of {', '.join(columns)}, not shown."
                )
            case _:
                kept = rows[: self._items]
                items = tuple(in_words(row) for row in kept)
                yield Items(Said.RESULT, name, items, len(rows) - len(kept))

    def _note(self, *, cut: bool) -> None:
        self.cut = self.cut or cut


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)
