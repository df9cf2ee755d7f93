"""One setting: a variable of the environment, what it means, and how it is read."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from runfold.infra.settings.errors import ConfigError
from runfold.infra.settings.kinds import Kind

T = TypeVar("T")

Mask = Callable[[str], str]
"""Shows a value without what is secret in it."""

_SHOWN_CHARS = 60


def hidden(_value: str) -> str:
    """Show nothing of a value."""
    return "***"


def without_password(url: str) -> str:
    """Show an address with its password replaced, and nothing of what does not look like one."""
    scheme, found, rest = url.partition("://")
    if not found:
        return hidden(url)
    credentials, at, place = rest.rpartition("@")
    user, colon, _ = credentials.partition(":")
    # A password may also stand among the parameters.
    place = place if "password" not in place.lower() else place.partition("?")[0] + "?***"
    return f"{scheme}://{user}{':***' if colon else ''}{at}{place}"


@dataclass(frozen=True, slots=True)
class Variable(Generic[T]):
    """A row of the table of settings.

    ``default`` is what holds where the variable is not set or empty; ``shown`` says it in words
    where the value itself does not. ``mask`` is given for what holds a secret.
    """

    name: str
    kind: Kind[T]
    default: T
    readers: str
    meaning: str
    shown: str = ""
    mask: Mask | None = None

    def read(self, env: Mapping[str, str] | None = None) -> T:
        """Return the value in an environment; raises ConfigError where it cannot be meant."""
        text = self.text(env)
        if not text:
            return self.default
        try:
            return self.kind.parse(text)
        except ValueError:
            # Not chained: a traceback would quote the value, which may be secret.
            raise ConfigError(
                f"{self.name} must be {self.kind.expects}, not {self._quoted(text)}."
            ) from None

    def text(self, env: Mapping[str, str] | None = None) -> str:
        """Return what the environment says as it is, without spaces around it; "" if nothing."""
        return (os.environ if env is None else env).get(self.name, "").strip()

    def need(self, env: Mapping[str, str] | None, otherwise: str) -> T:
        """Return the value; raises ConfigError with a sentence where there is none."""
        if not self.text(env):
            raise ConfigError(f"{self.name} is not set: {otherwise}")
        return self.read(env)

    def masked(self, text: str) -> str:
        """Return a value as it may be shown."""
        return self.mask(text) if self.mask is not None else text

    def _quoted(self, text: str) -> str:
        if self.mask is not None:
            return "what it holds now (not shown: it may be secret)"
        if len(text) > _SHOWN_CHARS:
            return f"{text[:_SHOWN_CHARS]!r}… ({len(text)} characters)"
        return repr(text)


@dataclass(frozen=True, slots=True)
class Family:
    """Many variables with one beginning, such as ``RUNFOLD_SECRET_*``.

    One whose name contains an entry of ``secret`` holds a secret; the empty entry is in every name.
    """

    prefix: str
    readers: str
    meaning: str
    secret: tuple[str, ...] = ()
    documented: bool = True

    @property
    def name(self) -> str:
        """The beginning, and a star for the rest."""
        return f"{self.prefix}*"

    def holds(self, name: str) -> bool:
        """Return whether a variable belongs to it."""
        return name.startswith(self.prefix) and name != self.prefix

    def hides(self, name: str) -> bool:
        """Return whether a variable of the family holds a secret."""
        return any(part in name for part in self.secret)
