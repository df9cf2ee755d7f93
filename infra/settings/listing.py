"""What every setting holds and where that comes from, as ``runfold config`` shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from runfold.infra.settings.errors import ConfigError
from runfold.infra.settings.table import FAMILIES, KNOWN, VARIABLES
from runfold.infra.settings.variable import Family, Variable, hidden, without_password

NOTHING = "none"
"""What the table shows where there is no default."""

Source = Literal["default", "environment", "stack"]
"""The stack is what ``runfold up`` started: it knows the addresses of its own servers."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable; ``value`` is masked where it is secret, None where there is none.

    ``problem`` is the sentence that says what to set, empty where the value can be used.
    """

    name: str
    value: str | None
    source: Source
    secret: bool
    default: str
    readers: str
    meaning: str
    problem: str = ""


def settings_in(env: Mapping[str, str], stack: Mapping[str, str]) -> tuple[Setting, ...]:
    """Return every setting of an environment; ``stack`` holds what a running stack adds to it."""
    named = [_variable(variable, env, stack) for variable in VARIABLES]
    return (*named, *_members(env))


def _variable(variable: Variable[Any], env: Mapping[str, str], stack: Mapping[str, str]) -> Setting:
    text, source, problem = variable.text(env), "environment", ""
    if text:
        try:
            variable.read(env)
        except ConfigError as error:
            problem = str(error)
    elif text := stack.get(variable.name, ""):
        source = "stack"
    else:
        text, source = default_of(variable), "default"
    shown = text if source == "default" else variable.masked(text)
    return Setting(
        name=variable.name,
        value=None if shown in ("", NOTHING) else shown,
        source=source,  # type: ignore[arg-type]
        secret=variable.mask is not None,
        default=default_of(variable),
        readers=variable.readers.replace("`", ""),
        meaning=variable.meaning.replace("`", ""),
        problem=problem,
    )


def _members(env: Mapping[str, str]) -> Iterator[Setting]:
    for family in FAMILIES:
        for name in sorted(name for name in env if family.holds(name) and name not in KNOWN):
            yield _member(family, name, env[name])


def _member(family: Family, name: str, text: str) -> Setting:
    return Setting(
        name=name,
        value=_shown(family, name, text),
        source="environment",
        secret=family.hides(name),
        default="",
        readers=family.readers.replace("`", ""),
        meaning=family.meaning.replace("`", ""),
    )


def _shown(family: Family, name: str, text: str) -> str | None:
    if family.hides(name):
        return hidden(text) if text else None
    return without_password(text) if "://" in text else text or None


def default_of(variable: Variable[Any]) -> str:
    """Return what holds where a variable is not set, in words, without marks of Markdown."""
    return (variable.shown or str(variable.default)).replace("`", "")
