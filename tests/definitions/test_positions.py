"""Snapshots share one memory: each stays what it is, and any earlier one is found at once."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runfold.events.definitions import Definitions, LiveRuns, StoreRecord
from runfold.events.definitions.store import log as memory
from runfold.processors.definitions.record import fold
from tests.definitions.governing import aliased, published, released, retired, script, withdrawn

VERSIONS = ("1.0.0", "1.1.0", "1.10.0")
TENANTS = (None, "acme", "other")


def records() -> st.SearchStrategy[StoreRecord]:
    version, tenant = st.sampled_from(VERSIONS), st.sampled_from(TENANTS)
    makers: list[st.SearchStrategy[StoreRecord]] = [
        st.builds(published, version, tenant),
        st.builds(lambda v, t: released(v, tenant=t), st.none() | version, tenant),
        st.builds(lambda v, t, r: retired(v, retired=r, tenant=t), version, tenant, st.booleans()),
        st.builds(
            lambda v, t, c: withdrawn(v, c, tenant=t),
            version,
            tenant,
            st.sampled_from(list(LiveRuns)[1:]),
        ),
        st.builds(
            lambda n, to, t: aliased(n, to, tenant=t),
            st.sampled_from(("a", "b")),
            st.sampled_from((None, "a", "b", "filing", "filing@1.0.0")),
            tenant,
        ),
    ]
    return st.one_of(makers)


def seen(definitions: Definitions) -> list[Any]:
    """Everything that can be asked of a snapshot, as values."""
    names = ("filing", "a", "b", *(f"filing@{version}" for version in VERSIONS))
    return [
        definitions.position,
        list(definitions),
        [definitions.names("playbook", tenant) for tenant in TENANTS],
        [definitions.resolve("playbook", n, None, t) for n in names for t in TENANTS],
        [
            definitions.stops_live_runs("playbook", "filing", v, t)
            for v in VERSIONS
            for t in TENANTS
        ],
    ]


@settings(max_examples=60, deadline=None)
@given(st.lists(records(), max_size=12))
def test_a_snapshot_is_what_reading_up_to_it_gives(said: list[StoreRecord]) -> None:
    definitions, kept, views = Definitions(), [Definitions()], [seen(Definitions())]
    for offset, record in enumerate(said):
        definitions, _ = fold(definitions, record, offset)
        kept.append(definitions)
        views.append(seen(definitions))
    # What was kept on the way did not change, and each is found again from the last one.
    assert [seen(each) for each in kept] == views
    assert [seen(definitions.at(position)) for position in range(len(said) + 1)] == views


def test_two_ways_on_from_one_snapshot_do_not_meet() -> None:
    first = Definitions().plus("playbook", script("1.0.0").body(), 1)
    one = first.plus("playbook", script("1.1.0").body(), 2)
    other = first.plus("playbook", script("1.2.0").body(), 2)
    later = first.through(5)
    again = first.plus("playbook", script("1.3.0").body(), 3)
    assert [
        [each.definition.version for each in snapshot]
        for snapshot in (first, one, other, later, again)
    ] == [["1.0.0"], ["1.0.0", "1.1.0"], ["1.0.0", "1.2.0"], ["1.0.0"], ["1.0.0", "1.3.0"]]


def test_what_is_not_known_yet_cannot_be_asked() -> None:
    definitions = Definitions().plus("playbook", script().body(), 3)
    with pytest.raises(ValueError, match="known up to 3, not to 4"):
        definitions.at(4)
    with pytest.raises(ValueError, match="position 3 does not follow 3"):
        definitions.plus("playbook", script("2.0.0").body(), 3)


class _Counted(list[Any]):
    """A list that counts how often an item is looked at."""

    looks = 0

    def __getitem__(self, at: Any) -> Any:
        _Counted.looks += 1
        return super().__getitem__(at)


def work(count: int, monkeypatch: pytest.MonkeyPatch, ask: Callable[[Definitions], None]) -> int:
    """The items looked at when ``count`` versions of one name are folded and then asked about."""
    definitions = Definitions()
    with monkeypatch.context() as patched:
        forks: list[int] = []
        original = memory.DefinitionMemory.forked

        def forked(self: memory.DefinitionMemory, at: int) -> memory.DefinitionMemory:
            forks.append(at)
            return original(self, at)

        patched.setattr(memory.DefinitionMemory, "forked", forked)
        key = memory.Name("playbook", "filing")
        inner = definitions._memory
        inner.names[key], inner.newest[key] = _Counted(), _Counted()
        _Counted.looks = 0
        for at in range(count):
            definitions = definitions.plus("playbook", script(f"1.{at}.0").body(), at + 1)
        assert forks == []
        ask(definitions)
    return _Counted.looks


def test_the_work_grows_with_the_definitions_and_not_with_their_square(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nothing(_definitions: Definitions) -> None:
        return

    small, large = work(200, monkeypatch, nothing), work(800, monkeypatch, nothing)
    assert large <= 4 * small + 8


def test_any_position_is_found_by_a_binary_search(monkeypatch: pytest.MonkeyPatch) -> None:
    def everywhere(definitions: Definitions) -> None:
        _Counted.looks = 0
        rng = random.Random(7)
        for _ in range(100):
            position = rng.randrange(1, definitions.position + 1)
            found = definitions.at(position).model_script("filing")
            assert found is not None
            assert found.version == f"1.{position - 1}.0"

    small, large = work(200, monkeypatch, everywhere), work(1600, monkeypatch, everywhere)
    # Three doublings are three looks more in each list that is searched.
    assert large <= small + 100 * 3 * 3
