"""A version is published once, and never changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from runfold.events.base import Record
from runfold.events.definitions import (
    Definition,
    DefinitionPublished,
    Definitions,
    ModelScript,
    ScriptTurn,
)
from runfold.processors.definitions.follower import DefinitionFollower
from runfold.processors.definitions.memory import MemoryDefinitionLog
from runfold.processors.definitions.publisher import Author, Report, next_version, publish
from runfold.processors.definitions.record import announce
from tests.definitions.given import READ, script
from tests.definitions.governing import aliased

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def registry() -> MemoryDefinitionLog:
    return MemoryDefinitionLog()


@pytest.fixture
def follower(registry: MemoryDefinitionLog) -> Iterator[DefinitionFollower]:
    with DefinitionFollower(registry.reader()) as following:
        yield following


def said(name: str, text: str, version: str = "1.0.0") -> ModelScript:
    return ModelScript(name=name, version=version, turns=(ScriptTurn(text=text),))


def apply(registry: MemoryDefinitionLog, follower: DefinitionFollower, *what: Definition) -> Report:
    return publish(what, log=registry, store=follower, author=Author("ann", NOW), timeout=5)


def test_new_definitions_are_published(
    registry: MemoryDefinitionLog, follower: DefinitionFollower
) -> None:
    report = apply(registry, follower, script("filing"), READ)
    assert report == Report(published=("playbook/filing@1.0.0", "tool/files.read@1.0.0"))
    assert follower.current().tool("files.read") == READ
    assert follower.current().position == 2


def test_the_same_again_changes_nothing(
    registry: MemoryDefinitionLog, follower: DefinitionFollower
) -> None:
    apply(registry, follower, READ)
    assert apply(registry, follower, READ) == Report(unchanged=("tool/files.read@1.0.0",))
    assert registry.end(0) == 1


def test_other_content_under_a_version_is_refused_and_holds_back_the_rest(
    registry: MemoryDefinitionLog, follower: DefinitionFollower
) -> None:
    apply(registry, follower, READ)
    slower = READ.model_copy(update={"timeout_ms": 9, "config": {"root": "/x"}})
    report = apply(registry, follower, script("filing"), slower)
    assert (report.published, report.held) == ((), ("playbook/filing@1.0.0",))
    (refused,) = report.refused
    assert refused.key == "tool/files.read@1.0.0"
    assert refused.reason == (
        "tool files.read 1.0.0 is published already with other content (timeout_ms, config "
        "differ), and a version never changes: set metadata.version to 1.0.1 or another one that "
        "is free."
    )
    assert registry.end(0) == 1


def test_a_new_version_becomes_the_newest(
    registry: MemoryDefinitionLog, follower: DefinitionFollower
) -> None:
    apply(registry, follower, said("filing", "a", "1.9.0"), said("filing", "b", "1.10.0"))
    newest = follower.current().model_script("filing")
    assert newest is not None
    assert newest.version == "1.10.0"


class Hasty(MemoryDefinitionLog):
    """Lets another publisher in between the look and the leap."""

    def publish(self, topic: str, record: Record, key: str) -> int:
        if self.end(0) == 0:
            self.append(announce(said("filing", "first"), "bob", NOW))
        return super().publish(topic, record, key)


def test_of_two_publishers_at_once_the_first_holds_and_the_other_is_told() -> None:
    registry = Hasty()
    with DefinitionFollower(registry.reader()) as follower:
        report = apply(registry, follower, said("filing", "second"), READ)
        definitions = follower.complete(5)
        last = registry.wait_for(registry.end(0) - 1, 0)
    assert report.published == ("tool/files.read@1.0.0",)
    assert [each.key for each in report.refused] == ["playbook/filing@1.0.0"]
    assert definitions.model_script("filing") == said("filing", "first")
    # Compaction will keep the last record of the key: it says the same as the one that holds.
    assert isinstance(last, DefinitionPublished)
    assert last.digest == said("filing", "first").digest()
    assert follower.skipped == 1


def test_a_store_that_may_be_old_publishes_nothing() -> None:
    class Behind:
        def complete(self, timeout: float) -> Definitions:
            raise TimeoutError

    registry = MemoryDefinitionLog()
    with pytest.raises(TimeoutError):
        publish([READ], log=registry, store=Behind(), author=Author("ann", NOW))
    assert registry.end(0) == 0


@pytest.mark.parametrize(("old", "new"), [("1.0.9", "1.0.10"), ("2.1", "2.2"), ("1.x", "1.x.1")])
def test_the_suggested_version_is_the_next_one(old: str, new: str) -> None:
    assert next_version(old) == new


def test_a_tenant_publishes_for_itself(
    registry: MemoryDefinitionLog, follower: DefinitionFollower
) -> None:
    author = Author("ann", NOW, "acme")
    said_first = publish([READ], log=registry, store=follower, author=author, timeout=5)
    assert said_first == Report(published=("tool/files.read@1.0.0#acme",))
    assert follower.current().tool("files.read") is None
    assert follower.current().tool("files.read", None, "acme") == READ
    again = publish([READ], log=registry, store=follower, author=author, timeout=5)
    assert again == Report(unchanged=("tool/files.read@1.0.0#acme",))


def test_a_tenant_is_refused_a_version_that_all_have(
    registry: MemoryDefinitionLog, follower: DefinitionFollower
) -> None:
    apply(registry, follower, READ)
    slower = READ.model_copy(update={"timeout_ms": 99_000})
    author = Author("ann", NOW, "acme")
    report = publish([slower], log=registry, store=follower, author=author, timeout=5)
    assert [each.key for each in report.refused] == ["tool/files.read@1.0.0"]
    assert registry.end(0) == 1


def test_code_alone_needs_a_new_version_unless_it_is_development(
    registry: MemoryDefinitionLog, follower: DefinitionFollower
) -> None:
    first, other = (READ.model_copy(update={"code_digest": digest}) for digest in ("a", "b"))
    apply(registry, follower, first)
    assert "code_digest differ" in apply(registry, follower, other).refused[0].reason
    # What knows no code says nothing against it, as contracts of earlier releases do not.
    key = "tool/files.read@1.0.0"
    assert apply(registry, follower, READ) == Report(unchanged=(key,), other_code=(key,))
    lenient = Author("ann", NOW, pins_code=False)
    report = publish([other], log=registry, store=follower, author=lenient, timeout=5)
    assert report == Report(unchanged=(key,), other_code=(key,))
    slower = other.model_copy(update={"timeout_ms": 99_000})
    assert publish([slower], log=registry, store=follower, author=lenient, timeout=5).refused


def test_the_name_of_an_alias_is_taken(
    registry: MemoryDefinitionLog, follower: DefinitionFollower
) -> None:
    apply(registry, follower, READ)
    registry.append(aliased("files", "files.read", kind="tool"))
    named = READ.model_copy(update={"name": "files"})
    report = apply(registry, follower, named)
    assert [each.key for each in report.refused] == ["tool/files@1.0.0"]
    assert "is an alias" in report.refused[0].reason
    assert report.held == ()
