"""Options of every command that steers a run: in whose name it speaks, and how it answers."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from inspect import Parameter
from typing import Any

from runfold.surfaces.cli import options


@dataclass(frozen=True, slots=True)
class Speaking:
    """In whose name a control is sent, with which roles; ``json`` shows its outcome as JSON.

    ``tenant`` narrows where the run is looked for; None looks everywhere.
    """

    tenant: str | None
    user: str
    role: list[str] | None
    json: bool


_OPTIONS: dict[str, tuple[Any, Any]] = {
    "tenant": (options.Narrow, None),
    "user": (options.UserOrBy, "me"),
    "role": (options.Roles, None),
    "json": (options.Json, False),
}
"""By the name of the field: what is read from the command line, and what it is unless given."""


def steers(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command with these options behind its own; it is given them as ``speaks``."""

    @wraps(command)
    def whole(**given: Any) -> None:
        said = {name: given.pop(name) for name in _OPTIONS}
        command(**given, speaks=Speaking(**said))

    kinds = typing.get_type_hints(command, include_extras=True)
    own = [
        each.replace(annotation=kinds[each.name])
        for each in inspect.signature(command).parameters.values()
        if each.name != "speaks"
    ]
    more = [
        Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=kind)
        for name, (kind, default) in _OPTIONS.items()
    ]
    whole.__signature__ = inspect.Signature([*own, *more])  # type: ignore[attr-defined]
    whole.__annotations__ = {each.name: each.annotation for each in (*own, *more)}
    return whole
