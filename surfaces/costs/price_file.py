"""A price table as a file: US dollars per million tokens, by ``provider:model`` or pattern.

    "openai:gpt-5-mini": {input_mtok: 0.25, output_mtok: 2.00, cache_read_mtok: 0.025}
    "house:*": unpriced

``unpriced`` says on purpose that there is no price; a name beats a pattern, an earlier pattern a
later one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path

from runfold.events.values import Usage
from runfold.infra.documents import single
from runfold.processors.model.prices import PriceTable

UNPRICED = "unpriced"


class PriceFileError(Exception):
    """A price table that cannot be used; the message has ``file:line: reason`` a line."""


@dataclass(frozen=True, slots=True)
class PriceFile:
    """The prices of a file, by name or pattern; None is a model that deliberately has none."""

    path: Path
    entries: Mapping[str, Mapping[str, Decimal] | None]

    def settles(self, model: str) -> bool:
        """Return whether the file says anything of a model: a price, or that it has none."""
        return self._entry(model) is not None

    def price(self, model: str, usage: Usage, at: datetime) -> Decimal | None:
        """Return what an answer costs by this file; None where that is not known."""
        entry = self._entry(model)
        rates = None if entry is None else self.entries[entry]
        if rates is None:
            return None
        priced = PriceTable(((model, rates),)).price(model, usage, at)
        return None if priced is None else priced.cost

    def as_json(self) -> dict[str, object]:
        """Return the prices as they are kept with what was computed from them."""
        return {
            entry: UNPRICED if rates is None else {name: f"{rates[name]:f}" for name in rates}
            for entry, rates in self.entries.items()
        }

    def _entry(self, model: str) -> str | None:
        if model in self.entries:
            return model
        return next((entry for entry in self.entries if fnmatchcase(model, entry)), None)

    def refuse_missing(self, calls: Mapping[str, int]) -> None:
        """Raise PriceFileError where ``calls`` by model name models the file says nothing of."""
        missing = sorted((name, count) for name, count in calls.items() if not self.settles(name))
        _refuse(
            f'{self.path}:1: no entry for "{name}", which answered {count} calls in that time: '
            f'give its prices, or say "{name}": {UNPRICED}'
            for name, count in missing
        )


def read(path: Path) -> PriceFile:
    """Return the prices of a file; raises PriceFileError with every bad entry, OSError."""
    try:
        found = single(path.read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError as error:
        raise PriceFileError(f"{path}:1: not UTF-8 text: save it as UTF-8") from error
    _refuse(map(str, found.problems))
    document = found.data
    if not isinstance(document, dict) or not document:
        raise PriceFileError(f"{path}:1: a price table maps provider:model to its prices")
    entries: dict[str, Mapping[str, Decimal] | None] = {}
    problems = []
    for key, spec in document.items():
        name = str(key)
        try:
            entries[name] = None if spec == UNPRICED else _rates(name, spec)
        except ValueError as error:
            problems.append(f"{path}:{found.line((name,))}: {error}")
    _refuse(problems)
    return PriceFile(path, entries)


def _rates(name: str, spec: object) -> Mapping[str, Decimal]:
    if ":" not in name and "*" not in name:
        raise ValueError(
            f'"{name}" names no model: write provider:model, or a pattern such as openai:*'
        )
    ((_, rates),) = PriceTable.of({name: spec}).entries
    return rates


def _refuse(problems: Iterable[str]) -> None:
    told = list(problems)
    if told:
        raise PriceFileError("\n".join(told))
