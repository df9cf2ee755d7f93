"""The texts of a decision: for people as codes, for the model as it reads them, by behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from runfold.events.wording import coded
from runfold.processors.run import wording_1, wording_4, wording_7, wording_9

_MODEL: tuple[tuple[int, Mapping[str, str]], ...] = (
    (9, wording_9.MODEL),
    (7, wording_7.MODEL),
    (4, wording_4.MODEL),
    (1, wording_1.MODEL),
)
"""Texts for the model by the behaviour that they began with, the newest first."""

Parameter = str | int


@lru_cache(maxsize=4096)
def _for_people(behaviour: int, code: str, parameters: tuple[tuple[str, Parameter], ...]) -> str:
    if behaviour >= 2:
        return coded(code, dict(parameters))
    return wording_1.PEOPLE[code].format_map(dict(parameters))


def for_people(behaviour: int, code: str, **parameters: Parameter) -> str:
    """Return a text that people read: a sentence in behaviour 1, from 2 on its code."""
    return _for_people(behaviour, code, tuple(parameters.items()))


def for_model(behaviour: int, code: str, **parameters: Parameter) -> str:
    """Return a text as the model reads it and as facts record it."""
    for begun, texts in _MODEL:
        if begun <= behaviour and code in texts:
            return texts[code].format_map(parameters)
    raise KeyError(code)
