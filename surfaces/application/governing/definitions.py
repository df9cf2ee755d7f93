"""Definitions: what is published, what a name stands for, and deciding about versions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from runfold.events import topics
from runfold.events.definitions import (
    KINDS,
    Decided,
    DefinitionAliased,
    DefinitionReleased,
    DefinitionRetired,
    Definitions,
    DefinitionWithdrawn,
    Listed,
    LiveRuns,
    State,
    StoreRecord,
    SwitchThrown,
)
from runfold.events.probe import reserved
from runfold.processors.definitions.keys import key_of_decision
from runfold.processors.definitions.permits import to_decide
from runfold.processors.definitions.record import fold
from runfold.processors.definitions.rules import SWITCHED, objection
from runfold.producers.log.port import LogReader, LogWriter, Start
from runfold.surfaces.application.errors import AmbiguousError, InvalidError, NotFoundError
from runfold.surfaces.application.governing import switching
from runfold.surfaces.application.shapes import Change, DefinitionDetail, DefinitionRow

_SHOWN = {"playbook": "model_script"}
"""How kinds are shown whose name on the wire is a former one."""

KINDS_SHOWN = ", ".join(_SHOWN.get(kind, kind) for kind in KINDS)
"""The kinds that somebody may name, as a sentence lists them."""

_WORDS = {
    "model_script": "playbook",
    "modelscript": "playbook",
    "script": "playbook",
    "tenantpolicy": "tenant_policy",
    "responseprofile": "response_profile",
    "profile": "response_profile",
}


@dataclass(frozen=True, slots=True)
class Reference:
    """A definition as people name it: ``kind/name@version``, kind and version where given."""

    kind: str | None
    name: str
    version: str | None

    @classmethod
    def of(cls, text: str) -> Reference:
        """Read a reference; raises InvalidError for a kind that there is not."""
        kind, slash, rest = text.rpartition("/")
        name, _, version = rest.partition("@")
        kind = _WORDS.get(kind.lower(), kind.lower())
        if slash and kind not in KINDS:
            raise InvalidError(f"There is no kind {kind!r}; there are {KINDS_SHOWN}.")
        if not name:
            raise InvalidError(f"{text!r} names nothing: write kind/name@version or name.")
        return cls(kind or None, name, version or None)


def shown_kind(kind: str) -> str:
    """Return a kind as people and programs are shown it."""
    return _SHOWN.get(kind, kind)


def shown_key(key: str) -> str:
    """Return a key such as ``kind/name@version`` as people and programs are shown it."""
    kind, slash, rest = key.partition("/")
    return f"{shown_kind(kind)}{slash}{rest}"


def read_definitions(reader: LogReader, known: Definitions | None = None) -> Definitions:
    """Return the definition store as it is on the log now; what is known is not read again."""
    definitions = known or Definitions()
    start: Start = {0: definitions.position} if definitions.position else "earliest"
    for found in reader.read(topics.REGISTRY, start):
        offset = found.place.offset
        if isinstance(found.record, StoreRecord):
            definitions, _ = fold(definitions, found.record, offset)
        elif offset >= definitions.position:
            definitions = definitions.through(offset + 1)
    return definitions


def list_definitions(
    definitions: Definitions, kind: str | None = None, tenant: str | None = None
) -> list[DefinitionRow]:
    """Return versions by kind and name; with a tenant only what it sees, without one all."""
    if kind is not None and (kind := _WORDS.get(kind, kind)) not in KINDS:
        raise InvalidError(f"There is no kind {kind!r}; there are {KINDS_SHOWN}.")
    return [
        DefinitionRow(**_row(definitions, each))
        for each in definitions
        if (kind is None or each.kind == kind) and (tenant is None or each.tenant in {None, tenant})
    ]


def show_definition(
    definitions: Definitions, text: str, tenant: str | None = None
) -> DefinitionDetail:
    """Return a version with its content: the one that is named, or what the name stands for."""
    found = _listed(definitions, text, tenant)
    body = found.definition.model_dump(mode="json")
    return DefinitionDetail(**_row(definitions, found), body=body)


def diff_definitions(
    definitions: Definitions, before: str, after: str, tenant: str | None = None
) -> list[Change]:
    """Return the fields that differ, by path; lists are compared as a whole."""
    one = show_definition(definitions, before, tenant)
    other = show_definition(definitions, after, tenant)
    if one.kind != other.kind:
        raise InvalidError(f"{before} is of kind {one.kind}, {after} of kind {other.kind}.")
    left, right = flat(one.body), flat(other.body)
    return [
        Change(field=name, before=left.get(name), after=right.get(name))
        for name in sorted({*left, *right})
        if left.get(name) != right.get(name)
    ]


@dataclass(frozen=True, slots=True)
class Who:
    """Who decides, in which roles, and why; all are put on record."""

    user: str
    reason: str
    roles: tuple[str, ...] = ()


class Governing:
    """Decides about definitions, for one tenant or for all; returns what then holds.

    Each method raises NotFoundError or InvalidError and then changes nothing.
    """

    def __init__(
        self,
        reader: LogReader,
        log: LogWriter,
        who: Who,
        tenant: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._reader = reader
        self._log = log
        self._who = who
        self._tenant = tenant
        self._now = now

    def release(self, text: str) -> Definitions:
        """Make a version the live one; a name without one stands for the newest again."""
        known = read_definitions(self._reader)
        asked = Reference.of(text)
        kind = _kind_of(known, asked, self._tenant)
        said = self._said(kind, asked.name) | {"version": asked.version}
        return self._decide(known, DefinitionReleased(**said))

    def retire(self, text: str, *, retired: bool = True) -> Definitions:
        """Let no name stand for a version any more, or take that back."""
        known, said = self._version(text)
        return self._decide(known, DefinitionRetired(**said, retired=retired))

    def withdraw(self, text: str, live_runs: str) -> Definitions:
        """Forbid a version to new runs, which cannot be undone; live ones ``finish`` or are
        ``refuse``d.
        """
        if live_runs not in {LiveRuns.FINISH.value, LiveRuns.REFUSE.value}:
            raise InvalidError(f"Live runs can finish or be refused, not {live_runs!r}.")
        known, said = self._version(text)
        return self._decide(known, DefinitionWithdrawn(**said, live_runs=LiveRuns(live_runs)))

    def alias(self, text: str, target: str | None) -> Definitions:
        """Let a name lead to another one, ``name`` or ``name@version``; None removes it."""
        known, asked = read_definitions(self._reader), Reference.of(text)
        meant = Reference.of(target) if target is not None else asked
        kind = asked.kind or _kind_of(known, meant, self._tenant)
        leads = None if target is None else target.rpartition("/")[2]
        return self._decide(known, DefinitionAliased(**self._said(kind, asked.name), target=leads))

    def switch(self, text: str, *, stopped: bool) -> Definitions:
        """Stop a tenant, an agent, a tool or a model, ``kind/name``, or let it go on again."""
        kind, slash, name = text.partition("/")
        if not slash:
            raise InvalidError(f"Say what {text} is: one of {', '.join(SWITCHED)}, as in agent/x.")
        if stopped and (fault := switching.fault_of(kind, name)):
            raise InvalidError(fault)
        known = read_definitions(self._reader)
        return self._decide(known, SwitchThrown(**self._said(kind, name), stopped=stopped))

    def _version(self, text: str) -> tuple[Definitions, dict[str, Any]]:
        known, asked = read_definitions(self._reader), Reference.of(text)
        if asked.version is None:
            raise InvalidError(f"Say which version of {asked.name}: {asked.name}@VERSION.")
        kind = _kind_of(known, asked, self._tenant)
        return known, self._said(kind, asked.name) | {"version": asked.version}

    def _said(self, kind: str, name: str) -> dict[str, Any]:
        return {
            "kind": kind,
            "name": name,
            "tenant": self._tenant,
            "reason": self._who.reason,
            "decided_at": self._now(),
            "decided_by": self._who.user,
        }

    def _decide(self, known: Definitions, decided: Decided) -> Definitions:
        removes = isinstance(decided, DefinitionAliased) and decided.target is None
        # An alias that came past this border hides the probe: whoever finds it can remove it.
        if not removes and (why := reserved(decided.tenant, decided.name)):
            raise InvalidError(f"{why}.")
        if reason := objection(known, decided):
            raise InvalidError(f"{reason[0].upper()}{reason[1:]}.")
        ruled = to_decide(known, decided, self._who.roles)
        if ruled.refusal:
            raise InvalidError(f"{ruled.refusal.rstrip('.')}.")
        decided = decided.model_copy(update={"permit": ruled.permit})
        self._log.publish(topics.REGISTRY, decided, key_of_decision(decided))
        return read_definitions(self._reader)


def _kind_of(definitions: Definitions, asked: Reference, tenant: str | None) -> str:
    if asked.kind is not None:
        return asked.kind
    every = {
        each.kind
        for each in definitions
        if each.definition.name == asked.name and each.tenant in {None, tenant}
    } | {kind for kind in KINDS if definitions.alias(kind, asked.name, tenant) is not None}
    if len(every) > 1:
        kinds = ", ".join(f"{kind}/{asked.name}" for kind in sorted(every))
        raise AmbiguousError(f"Several kinds have the name {asked.name}: say one of {kinds}.")
    if not every:
        raise NotFoundError(
            f"Nothing named {asked.name} is published: see `runfold definitions list`."
        )
    return every.pop()


def _listed(definitions: Definitions, text: str, tenant: str | None) -> Listed:
    asked = Reference.of(text)
    kind = _kind_of(definitions, asked, tenant)
    if asked.version is not None:
        found = definitions.version(kind, asked.name, asked.version, tenant)
    else:
        resolved = definitions.resolve(kind, asked.name, None, tenant)
        found = resolved.published
        if found is None and resolved.version is not None:
            found = definitions.version(kind, resolved.name, resolved.version, tenant)
    if found is None:
        raise NotFoundError(f"{text} is not published: see `runfold definitions list`.")
    return next(
        each for each in definitions if each.kind == kind and each.definition is found.definition
    )


def _row(definitions: Definitions, each: Listed) -> dict[str, Any]:
    made = each.definition
    live = definitions.resolve(each.kind, made.name, None, each.tenant).published
    return {
        "kind": shown_kind(each.kind),
        "name": made.name,
        "version": made.version,
        "tenant": each.tenant,
        "state": each.state.value,
        "live": each.state is State.ACTIVE and live is not None and live.definition is made,
        "released_for": each.released_for,
        "digest": each.digest.hex(),
        "published_at": each.published_at,
        "published_by": each.published_by,
        "position": each.position,
        "reason": each.reason,
    }


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """Return the fields of a JSON value by their paths; lists are kept whole."""
    if not isinstance(value, dict):
        return {path: value}
    fields: dict[str, Any] = {}
    for name, item in value.items():
        fields |= flat(item, f"{path}.{name}" if path else name)
    return fields
