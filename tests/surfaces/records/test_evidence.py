"""Evidence by safety level: what retention by class keeps for the calls that were made."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import Engine

from runfold.events import topics
from runfold.events.definitions import TenantPolicy
from runfold.events.definitions.levels import LEVELS
from runfold.events.definitions.tool import RiskName
from runfold.events.values import DataClassification
from runfold.processors.definitions.record import announce
from runfold.surfaces.application.governing import evidence
from runfold.surfaces.application.governing.retaining import Kept, retain
from tests.surfaces.kept import START, World, days, views, world

__all__ = ["views", "world"]


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, datetime, str]]:
    """Calls of the tenant's runs: level, when the run moved last, its class."""
    found: list[tuple[int, datetime, str]] = []

    def evidence_of(
        _views: object, since: datetime, until: datetime, data_class: str | None = None
    ) -> dict[int, datetime]:
        ended: dict[int, datetime] = {}
        for level, at, of in found:
            if since <= at <= until and data_class in {None, of}:
                ended[level] = max(at, ended.get(level, at))
        return ended

    monkeypatch.setattr(evidence, "evidence_of", evidence_of)
    return found


def policy(world: World, days: dict[RiskName, int], tenant: str | None = "acme") -> None:
    """Publish a policy of a tenant, or one of all, that says how long evidence is kept."""
    said = TenantPolicy(name="default", version="1.0.0", evidence_days=days)
    record = announce(said, "me", world.now, tenant)
    world.log.publish(topics.REGISTRY, record, f"policy/{tenant}")


Called = list[tuple[int, datetime, str]]


@pytest.mark.parametrize("level", range(1, 5))
def test_a_level_keeps_its_evidence_longer_than_its_class(
    world: World, views: Engine, called: Called, level: int
) -> None:
    called.append((level, START, ""))
    world.keeping.seal("acme")
    world.asks("did it")
    days(world, views, ["general=1"], 4)
    world.now = START + timedelta(days=LEVELS[level].kept_days - 1)
    days(world, views, ["general=1"], 1)
    assert world.goals() == ["did it"]
    days(world, views, ["general=1"], 1)
    assert world.goals() == ["(erased)"]


def test_reads_are_kept_as_their_class(world: World, views: Engine, called: Called) -> None:
    called.append((0, START, ""))
    world.keeping.seal("acme")
    world.asks("read it")
    days(world, views, ["general=1"], 4)
    assert world.goals() == ["(erased)"]


def test_what_is_kept_as_evidence_is_said(world: World, views: Engine, called: Called) -> None:
    called.append((3, START, ""))
    world.keeping.seal("acme")
    days(world, views, ["general=1"], 3)
    with views.connect() as connection:
        steps = list(
            retain(world.keeping, "acme", Kept.read(["general=1"]), connection, world.beside(views))
        )
    (said,) = [each.done for each in steps if each.what == "evidence"]
    assert said == ("1 keys are kept for calls of level 3 (external_side_effect) until 2029-02-28")


def test_what_was_sealed_while_no_such_run_went_on_goes_with_its_class(
    world: World, views: Engine, called: Called
) -> None:
    world.keeping.seal("acme")
    world.asks("early")
    days(world, views, ["general=5"], 2)
    called.append((4, world.now, ""))
    world.asks("late")
    days(world, views, ["general=5"], 40)
    assert world.goals() == ["(erased)", "late"]


def test_evidence_of_one_class_keeps_no_key_of_another(
    world: World, views: Engine, called: Called
) -> None:
    called.append((4, START, "internal"))
    world.keeping.seal("acme")
    world.keeping.seal("acme", "restricted")
    world.asks("secret", data_classification=DataClassification.RESTRICTED)
    world.asks("other")
    days(world, views, ["general=1", "restricted=1"], 9)
    assert world.goals() == ["(erased)", "other"]


@pytest.mark.parametrize(
    ("of", "days_of_level", "kept"),
    [
        ("acme", {"high_risk": 2}, False),
        ("acme", {"high_risk": 0}, False),
        (None, {"high_risk": 2}, False),
        ("acme", {"read_only": 0}, True),
        ("umbrella", {"high_risk": 2}, True),
    ],
)
def test_only_the_policy_in_force_loosens_it(
    world: World,
    views: Engine,
    called: Called,
    of: str | None,
    days_of_level: dict[RiskName, int],
    kept: bool,
) -> None:
    called.append((4, START, ""))
    policy(world, days_of_level, of)
    world.keeping.seal("acme")
    world.asks("did it")
    days(world, views, ["general=1"], 9)
    assert world.goals() == ["did it" if kept else "(erased)"]


def test_a_policy_tightens_it(world: World, views: Engine, called: Called) -> None:
    called.append((0, START, ""))
    policy(world, {"read_only": 100})
    world.keeping.seal("acme")
    world.asks("read it")
    days(world, views, ["general=1"], 4)
    world.now = START + timedelta(days=99)
    days(world, views, ["general=1"], 1)
    assert world.goals() == ["read it"]


@pytest.mark.parametrize("said", [{"high_risk": -1}, {"level 4": 1}, {"high_risk": 36_501}])
def test_a_time_of_evidence_that_is_none_is_refused(said: Any) -> None:
    with pytest.raises(ValidationError):
        TenantPolicy(name="default", version="1.0.0", evidence_days=said)


def test_a_policy_that_says_nothing_of_it_keeps_its_digest() -> None:
    assert "evidence_days" not in TenantPolicy(name="default", version="1.0.0").body()
