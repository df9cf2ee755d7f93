"""Changing frozen state: a copy with some fields replaced."""

from __future__ import annotations

from typing import Any, TypeVar

T = TypeVar("T")


def changed(value: T, **changes: Any) -> T:
    """Return a copy of a frozen dataclass of this package with some fields changed.

    ``dataclasses.replace`` runs the whole initialiser, which is most of the time of a fold; this
    copies the fields as they are.
    """
    copy = object.__new__(type(value))
    object.__setattr__(copy, "__dict__", value.__dict__ | changes)
    return copy
