"""Publishing definitions: once per version, and never other content under a version."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from runfold.events import topics
from runfold.events.base import Record
from runfold.events.definitions import (
    Definition,
    Definitions,
    PolicyDefinition,
    StorePermit,
    ToolContract,
)
from runfold.processors.definitions.permits import Ruled, to_publish
from runfold.processors.definitions.record import announce, find, key, kind_of
from runfold.processors.definitions.unusable import contracts_of, unusable
from runfold.processors.run.policy.cedar.checking import rule_ids
from runfold.processors.run.policy.cedar.people import Person


class DefinitionWriter(Protocol):
    """Puts a record on a topic and returns when it is there."""

    def publish(self, topic: str, record: Record, key: str) -> object:
        """Publish; raises an error of the log port when it is not known to be there."""
        ...


class CompleteDefinitions(Protocol):
    """Knows everything that is published at the time of asking."""

    def complete(self, timeout: float) -> Definitions:
        """Return them; raises DefinitionStoreUnavailableError after ``timeout`` seconds."""
        ...


@dataclass(frozen=True, slots=True)
class Refusal:
    """A definition that cannot be published, and one sentence that says what to do."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """What became of each definition, by key; where one is refused, the new ones are held back.

    ``other_code`` names tools that stay as published and do not pin the code that is here.
    """

    published: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()
    held: tuple[str, ...] = ()
    other_code: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Author:
    """Who publishes, when, and for which tenant; None is for all.

    ``roles`` are the author's, for the policies that say who may publish. ``pins_code`` False lets
    a version stand whose content differs in the digest of its code only: in development code
    changes more often than versions.
    """

    by: str
    now: datetime
    tenant: str | None = None
    pins_code: bool = True
    roles: tuple[str, ...] = ()

    def key(self, definition: Definition) -> str:
        """Return the key that a definition is published under."""
        return key(definition, self.tenant)

    def alias_of(self, known: Definitions, definition: Definition) -> str | None:
        """Return what the definition's name leads to where it is an alias."""
        return known.alias(kind_of(definition), definition.name, self.tenant)

    def ruled(self, known: Definitions, definition: Definition) -> Ruled:
        """Return what the policies in force say of the author's publishing a definition."""
        who = Person(self.by, self.roles, self.tenant)
        return to_publish(known, kind_of(definition), definition, who, self.now)

    def same(self, offered: Definition, held: Definition) -> bool:
        """Return whether publishing would change nothing that must not change.

        A digest of code that one of them lacks, because its module could not be imported or an
        earlier release published it, is no other content.
        """
        if offered.digest() == held.digest():
            return True
        if not isinstance(offered, ToolContract) or not isinstance(held, ToolContract):
            return False
        if offered.model_copy(update={"code_digest": held.code_digest}) != held:
            return False
        return not self.pins_code or None in {offered.code_digest, held.code_digest}


def publish(
    definitions: Sequence[Definition],
    *,
    log: DefinitionWriter,
    store: CompleteDefinitions,
    author: Author,
    timeout: float = 15.0,
    dry_run: bool = False,
) -> Report:
    """Publish what is new, in the given order, unless a version is taken by other content.

    ``dry_run`` only returns what would become of each.

    Two publishers at once cannot both win: the first record holds, the other is told.
    """
    before, key_of = store.complete(timeout), author.key
    known = [(each, find(before, each, author.tenant)) for each in definitions]
    new = [each for each, held in known if held is None]
    same = [(each, held) for each, held in known if held and author.same(each, held)]
    other_code = tuple(key_of(each) for each, held in same if each.digest() != held.digest())
    refused = tuple(
        refusal(each, held) for each, held in known if held and not author.same(each, held)
    )
    refused += tuple(_hidden(each) for each in new if author.alias_of(before, each))
    contracts = contracts_of(before, author.tenant, new) if _has_policies(new) else []
    refused += tuple(Refusal(key(each), why) for each in new if (why := unusable(each, contracts)))
    refused += tuple(_taken_ids(new, before, author.tenant))
    ruled = {key(each): author.ruled(before, each) for each in new}
    refused += tuple(Refusal(where, said.refusal) for where, said in ruled.items() if said.refusal)
    unchanged = tuple(key_of(each) for each, _ in same)
    if refused:
        refused_keys = {each.key for each in refused}
        held_back = tuple(key_of(each) for each in new if key(each) not in refused_keys)
        return Report((), unchanged, refused, held_back, other_code)
    if dry_run:
        return Report(tuple(key_of(each) for each in new), unchanged, (), (), other_code)
    for each in new:
        _put(each, log, author, ruled[key(each)].permit)
    lost = _settle(new, log, store.complete(timeout), author)
    taken = {each.key for each in lost}
    won = tuple(key_of(each) for each in new if key(each) not in taken)
    return Report(won, unchanged, tuple(lost), (), other_code)


def _has_policies(new: Sequence[Definition]) -> bool:
    return any(isinstance(each, PolicyDefinition) for each in new)


def _taken_ids(
    new: Sequence[Definition], before: Definitions, tenant: str | None
) -> Iterator[Refusal]:
    """Refuse rules whose ids another policy in force has: on record an id names one rule."""
    known = before.policies(tenant) if _has_policies(new) else None
    others = [each.definition for each in known.policies] if known is not None else []
    policies = [each for each in (*others, *new) if isinstance(each, PolicyDefinition)]
    for each in new:
        if not isinstance(each, PolicyDefinition):
            continue
        held = {i for other in policies if other.name != each.name for i in rule_ids(other)}
        for taken in sorted(held & set(rule_ids(each))):
            sentence = f"another policy in force has a rule {taken}: give it another @id"
            yield Refusal(key(each), sentence)


def _hidden(definition: Definition) -> Refusal:
    sentence = f"{definition.name} is an alias, which would hide it: remove the alias first"
    return Refusal(key(definition), sentence)


def _put(
    definition: Definition, log: DefinitionWriter, author: Author, permit: StorePermit | None = None
) -> None:
    record = announce(definition, author.by, author.now, author.tenant, permit)
    log.publish(topics.REGISTRY, record, author.key(definition))


def _settle(
    new: Sequence[Definition], log: DefinitionWriter, held: Definitions, author: Author
) -> list[Refusal]:
    """Give way where another publisher was first."""
    lost: list[Refusal] = []
    for each in new:
        first = held.version(kind_of(each), each.name, each.version, author.tenant)
        if first is not None and first.pin.digest != each.digest():
            if first.tenant == author.tenant:
                # Compaction keeps the last record of a key: it must be the one that holds.
                _put(first.definition, log, author)
            lost.append(refusal(each, first.definition))
    return lost


def refusal(offered: Definition, held: Definition) -> Refusal:
    """Return why a version that is taken by other content cannot be published again."""
    ours, theirs = offered.model_dump(mode="json"), held.model_dump(mode="json")
    names = [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]
    return Refusal(
        key(offered),
        f"{kind_of(offered)} {offered.name} {offered.version} is published already with other "
        f"content ({', '.join(names)} differ), and a version never changes: set metadata.version "
        f"to {next_version(offered.version)} or another one that is free.",
    )


def next_version(version: str) -> str:
    """Return the version with its last number raised by one."""
    head, dot, last = version.rpartition(".")
    return f"{head}{dot}{int(last) + 1}" if last.isdecimal() else f"{version}.1"
