"""Who may publish and promote: asked by the client, on record, judged again by whoever reads."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from runfold.events.base import Record
from runfold.events.definitions import (
    AuthorityDelegated,
    Definition,
    DefinitionPublished,
    DefinitionReleased,
    Definitions,
    PolicyTest,
    StoreRecord,
    SwitchThrown,
)
from runfold.events.probe import PROBE_TENANT
from runfold.processors.definitions.follower import DefinitionFollower
from runfold.processors.definitions.memory import MemoryDefinitionLog
from runfold.processors.definitions.permits import to_decide, unpermitted
from runfold.processors.definitions.publisher import Author, Report, publish
from runfold.processors.definitions.record import announce, fold
from runfold.processors.run.policy.cedar.checking import faults
from runfold.surfaces.application.errors import InvalidError
from runfold.surfaces.application.governing.definitions import Governing, Who
from tests.deciders.given import LOOK, tool
from tests.deciders.governed import policy

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
NIGHT = NOW.replace(hour=3)
DANGEROUS = tool("wipe", risk_level=3, owner="ops")
PUBLISHERS = """@id("publishers")
permit(principal in Role::"publisher", action == Action::"definition.publish", resource);
@id("no-dangerous") @reason("Ask security.")
forbid(principal, action == Action::"definition.publish", resource)
when { resource has level && resource.level >= 3 };"""
NIGHTS = """@id("nights") forbid(principal, action == Action::"release.promote", resource)
when { context.hour < 6 && context.change != "stop" };"""
ALL = "permit(principal, action, resource);"


@pytest.fixture
def registry() -> MemoryDefinitionLog:
    return MemoryDefinitionLog()


@pytest.fixture
def store(registry: MemoryDefinitionLog) -> Iterator[DefinitionFollower]:
    with DefinitionFollower(registry.reader()) as following:
        yield following


Apply = Any


@pytest.fixture
def apply(registry: MemoryDefinitionLog, store: DefinitionFollower) -> Apply:
    def put(*what: Definition, **author: Any) -> Report:
        said = Author(**{"by": "ann", "now": NOW, **author})
        return publish(what, log=registry, store=store, author=said, timeout=5)

    return put


def records(registry: MemoryDefinitionLog) -> list[tuple[int, StoreRecord]]:
    found = [(n, registry.wait_for(n, 0)) for n in range(registry.end(0))]
    return [(n, each) for n, each in found if isinstance(each, StoreRecord)]


def test_without_a_rule_that_names_it_everybody_publishes_and_nothing_is_recorded(
    apply: Apply, registry: MemoryDefinitionLog
) -> None:
    assert apply(policy(ALL)).published
    assert apply(DANGEROUS).published
    assert all(record.permit is None for _, record in records(registry))
    assert list(unpermitted(records(registry))) == []


def test_once_a_permit_names_it_others_may_not_publish(
    apply: Apply, registry: MemoryDefinitionLog
) -> None:
    apply(policy(PUBLISHERS, "who"))
    refused = apply(LOOK)
    assert refused.published == ()
    (why,) = refused.refused
    assert "ann may not do definition.publish on tool/look: no rule permits it" in why.reason
    assert apply(LOOK, roles=("publisher",)).published
    _, record = records(registry)[-1]
    assert record.permit is not None
    assert record.permit.policy_ids == ("publishers",)
    assert record.permit.roles == ("publisher",)
    assert record.permit.position == 1
    assert list(unpermitted(records(registry))) == []


def test_a_forbid_wins_and_says_why(apply: Apply) -> None:
    apply(policy(PUBLISHERS, "who"))
    (why,) = apply(DANGEROUS, roles=("publisher",)).refused
    assert "forbidden by no-dangerous: Ask security." in why.reason


def test_a_policy_that_permits_more_is_judged_by_those_that_are_in_force(apply: Apply) -> None:
    apply(policy(PUBLISHERS, "who"))
    everybody = 'permit(principal, action == Action::"definition.publish", resource);'
    report = apply(policy(everybody, "more"), LOOK)
    assert report.published == ()
    assert len(report.refused) == 2


def test_what_a_record_without_permit_says_is_found(
    apply: Apply, registry: MemoryDefinitionLog
) -> None:
    apply(policy(PUBLISHERS, "who"))
    registry.append(announce(LOOK, "mallory", NOW))
    (found,) = unpermitted(records(registry))
    assert (found.offset, found.by, found.what) == (
        1, "mallory", "DefinitionPublished of tool/look@1.0",
    )  # fmt: skip
    assert "no rule permits it" in found.why


def test_a_permit_that_was_made_up_is_found(apply: Apply, registry: MemoryDefinitionLog) -> None:
    apply(policy(PUBLISHERS, "who"))
    apply(LOOK, roles=("publisher",))
    _, good = records(registry)[-1]
    assert isinstance(good, DefinitionPublished)
    registry.append(announce(DANGEROUS, "mallory", NOW, permit=good.permit))
    (found,) = unpermitted(records(registry))
    assert "forbidden by no-dangerous" in found.why


def test_what_is_permitted_to_everybody_still_names_its_permit(
    apply: Apply, registry: MemoryDefinitionLog
) -> None:
    apply(policy('forbid(principal == User::"bob", action == Action::"definition.publish",'
                 " resource);", "who"))  # fmt: skip
    registry.append(announce(LOOK, "ann", NOW))
    (found,) = unpermitted(records(registry))
    assert "names no permit" in found.why


def test_saying_again_what_is_published_is_nothing_new(
    apply: Apply, registry: MemoryDefinitionLog
) -> None:
    apply(LOOK)
    apply(policy(PUBLISHERS, "who"))
    registry.append(announce(LOOK, "mallory", NOW))
    assert list(unpermitted(records(registry))) == []


def test_a_tenants_own_policies_say_who_may_publish_for_it(apply: Apply) -> None:
    apply(policy(PUBLISHERS, "who"), tenant="acme")
    assert apply(LOOK, tenant="acme").refused
    assert apply(LOOK, tenant="other").published
    assert apply(tool("more", risk_level=0)).published


def test_the_probe_is_not_asked_about(apply: Apply, registry: MemoryDefinitionLog) -> None:
    apply(policy(PUBLISHERS, "who"))
    assert apply(LOOK, tenant=PROBE_TENANT, by="runfold up").published
    assert list(unpermitted(records(registry))) == []


def test_letting_others_act_is_promoting_too(apply: Apply, registry: MemoryDefinitionLog) -> None:
    told = """@id("own") permit(principal == User::"ann", action == Action::"release.promote",
    resource == Definition::"delegation/ann") when { context.change == "delegate" };"""
    apply(policy(told, "who"))
    said = AuthorityDelegated(
        kind="delegation",
        name="ann",
        delegate="bob",
        tenant=None,
        starts_at=NOW,
        ends_at=NOW + timedelta(days=1),
        reason="holiday",
        decided_at=NOW,
        decided_by="ann",
    )
    with DefinitionFollower(registry.reader()) as following:
        definitions = following.complete(5)
    ruled = to_decide(definitions, said, ())
    assert ruled.permit is not None
    by_others = said.model_copy(update={"decided_by": "bob"})
    assert "bob may not do release.promote (delegate) on delegation/ann" in (
        to_decide(definitions, by_others, ()).refusal
    )
    registry.append(by_others)
    (found,) = unpermitted(records(registry))
    assert (found.by, found.what) == ("bob", "AuthorityDelegated of delegation/ann")


class Log:
    """A log in memory as deciding about definitions reads and writes it."""

    def __init__(self, known: Definitions) -> None:
        self.known, self.said = known, list[Record]()

    def publish(self, topic: str, record: Record, key: str) -> None:
        self.said.append(record)


def governing(log: Log, monkeypatch: pytest.MonkeyPatch, now: datetime, *roles: str) -> Governing:
    monkeypatch.setattr(
        "runfold.surfaces.application.governing.definitions.read_definitions",
        lambda _reader: log.known,
    )
    return Governing(log, log, Who("ann", "tested", roles), now=lambda: now)  # type: ignore[arg-type]


def test_promoting_is_asked_with_what_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    known, _ = fold(Definitions(), announce(LOOK, "ann", NOW), 0)
    known, _ = fold(known, announce(policy(NIGHTS, "nights"), "ann", NOW), 1)
    log = Log(known)
    night, day = governing(log, monkeypatch, NIGHT), governing(log, monkeypatch, NOW)
    for refused in (
        lambda: night.release("tool/look@1.0"),
        lambda: night.retire("tool/look@1.0"),
        lambda: night.withdraw("tool/look@1.0", "finish"),
        lambda: night.alias("tool/seen", "look@1.0"),
    ):
        with pytest.raises(InvalidError, match="forbidden by nights"):
            refused()
    assert log.said == []
    night.switch("tool/look", stopped=True)
    day.release("tool/look@1.0")
    thrown, released = log.said
    assert isinstance(thrown, SwitchThrown)
    assert isinstance(released, DefinitionReleased)
    assert thrown.permit is not None
    assert released.permit is not None
    assert released.permit.policy_digest == known.policies(None).digest


def test_a_permit_may_depend_on_the_level_and_the_owner_of_what_is_promoted() -> None:
    rule = """permit(principal, action == Action::"release.promote", resource)
    when { resource has level && resource.level < 3 && resource has owner
           && resource.owner == "ops" };"""
    known = Definitions()
    for n, each in enumerate((tool("safe", risk_level=1, owner="ops"), DANGEROUS, policy(rule))):
        known, _ = fold(known, announce(each, "ann", NOW), n)
    for name, refused in (("safe", False), ("wipe", True)):
        decided = DefinitionReleased(
            kind="tool", name=name, version="1.0", tenant=None, reason="", decided_at=NOW,
            decided_by="ann",
        )  # fmt: skip
        assert bool(to_decide(known, decided, ()).refusal) is refused


def test_a_policy_that_cannot_be_parsed_keeps_nobody_from_withdrawing_it() -> None:
    bad = policy(ALL, "bad").model_copy(update={"cedar": "no cedar"})
    known, _ = fold(Definitions(), announce(bad, "mallory", NOW), 0)
    decided = DefinitionReleased(
        kind="policy", name="bad", version="1.0", tenant=None, reason="", decided_at=NOW,
        decided_by="ann",
    )  # fmt: skip
    assert to_decide(known, decided, ()).refusal == ""


def test_rules_that_name_no_action_are_checked_against_what_agents_do_alone() -> None:
    spent = 'forbid(principal, action, resource) when { context.cost.greaterThan(decimal("9.0")) };'
    assert faults(policy(spent), [LOOK]) == []
    assert faults(policy(PUBLISHERS + spent), [LOOK]) == []
    night = """forbid(principal, action == Action::"release.promote", resource)
    when { context.cost.greaterThan(decimal("9.0")) };"""
    (fault,) = faults(policy(night + spent), [LOOK])
    assert "attribute `cost`" in fault
    asks = '@approval("always") permit(principal, action == Action::"release.promote", resource);'
    (fault,) = faults(policy(asks), [LOOK])
    assert "@approval belongs to a permit of calls" in fault


def test_tests_beside_a_policy_may_speak_of_people() -> None:
    def test_of(expect: str, action: str, **more: Any) -> PolicyTest:
        said = {"principal": 'User::"ann"', "resource": 'Definition::"tool/wipe"', **more}
        return PolicyTest(name=expect, action=action, expect=expect, **said)

    made = policy(PUBLISHERS + NIGHTS).model_copy(
        update={
            "tests": (
                test_of("permit", "definition.publish", context={"roles": ["publisher"]}),
                test_of("nothing", "definition.publish"),
                test_of("forbid", "definition.publish", resource_attributes={"level": 4}),
                test_of("forbid", "release.promote", context={"hour": 3}),
                test_of("nothing", "release.promote", context={"hour": 3, "change": "stop"}),
            )
        }
    )
    assert faults(made, [LOOK]) == []
    broken = replace_expected(made)
    assert len(faults(broken, [LOOK])) == 5


def replace_expected(made: Any) -> Any:
    other = {"permit": "forbid", "forbid": "nothing", "nothing": "permit"}
    tests = tuple(each.model_copy(update={"expect": other[each.expect]}) for each in made.tests)
    return made.model_copy(update={"tests": tests})
