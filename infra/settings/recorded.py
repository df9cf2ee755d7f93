"""The settings that something was started with, kept without their secrets, and what has changed.

Of each setting two texts are kept: how it may be shown, and a keyed digest of all of it, which
covers the files that it names. Whoever has the record can tell that a secret is another one, and
not what it is.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from runfold.infra.settings.declared import variables
from runfold.infra.settings.listing import settings_in
from runfold.infra.settings.table import KNOWN
from runfold.infra.settings.variable import hidden

Recorded = Mapping[str, tuple[str, str]]
"""How a setting may be shown, and its digest, by the name of its variable."""

_STARTER = "runfold up"
_BUT = "all but the "
_EVERYBODY = frozenset({"all", "all but runfold"})
# Whoever starts a process chooses these, or they say nothing of how it works.
_NOT_KEPT = frozenset(
    variable.name
    for variable in (
        variables.HOME,
        variables.CACHE,
        variables.XDG_CACHE_HOME,
        variables.READY_FILE,
        variables.INSTANCE,
        variables.METRICS_PORT,
        variables.FAILPOINT,
    )
)
_FILES = frozenset(
    variable.name for variable in (variables.PROVIDERS, variables.PRICES, variables.MONITOR_RULES)
)
_PATH = "PYTHONPATH"
_KEYS = "_API_KEY"
_MOST_BYTES = 10_000_000
_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Change:
    """A setting that is another one now; a text is "" where it is not set.

    Where both texts are the same, what differs is secret, or in a file that it names.
    """

    name: str
    was: str
    now: str

    def __str__(self) -> str:
        if self.was == self.now:
            what = "is another one now" if self.name not in _FILES else "has changed in its file"
            return f"{self.name} {what}"
        return f"{self.name} was {self.was or 'not set'}, is now {self.now or 'not set'}"


def recorded(env: Mapping[str, str], key: str, readers: frozenset[str], *, calls: bool) -> Recorded:
    """Return what an environment says to ``readers``, as the table of settings names them.

    Defaults are left out. Who ``calls`` models and tools also reads keys that no table names, and
    finds modules by PYTHONPATH.
    """
    found = {}
    for name, shown in _told(env, readers, calls=calls):
        text = env[name].strip()
        digest = hmac.new(key.encode(), text.encode(errors="replace"), hashlib.sha256)
        if name in _FILES:
            for part in text.split(","):
                digest.update(_content(part.strip()))
        found[name] = (_in_short(shown), digest.hexdigest())
    return found


def changes(was: Recorded, now: Recorded) -> tuple[Change, ...]:
    """Return what differs between two records that were made with the same key, by name."""
    nothing = ("", "")
    return tuple(
        Change(name, was.get(name, nothing)[0], now.get(name, nothing)[0])
        for name in sorted({*was, *now})
        if was.get(name, nothing)[1] != now.get(name, nothing)[1]
    )


def _told(
    env: Mapping[str, str], readers: frozenset[str], *, calls: bool
) -> Iterator[tuple[str, str]]:
    # A server is started by `runfold up` and reads nothing of ours itself.
    wanted = readers if _STARTER in readers else readers | _EVERYBODY
    for each in settings_in(env, {}):
        concerned = _concerned(wanted, each.readers)
        given = each.source == "environment" and each.value and each.value != each.default
        if concerned and given and each.name not in _NOT_KEPT:
            yield each.name, each.value or ""
    if not calls:
        return
    for name in sorted(env):
        if name.endswith(_KEYS) and name not in KNOWN and env[name].strip():
            yield name, hidden(env[name])
    if env.get(_PATH, "").strip():
        yield _PATH, env[_PATH]


def _concerned(wanted: frozenset[str], readers: str) -> bool:
    """Return whether one of ``wanted`` is among those that a setting says read it."""
    named = {word.strip() for word in readers.split(",")}
    if wanted & named or _STARTER in wanted:
        return bool(wanted & named)
    left_out = [word.removeprefix(_BUT) for word in named if word.startswith(_BUT)]
    return any(each not in wanted for each in left_out)


def _content(path: str) -> bytes:
    """Return what a file holds, nothing where the text is no path of one."""
    try:
        with Path(path).expanduser().open("rb") as file:
            return file.read(_MOST_BYTES)
    except (OSError, ValueError, RuntimeError):
        return b""


def _in_short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
