"""The names of Runfold's own probe are of no use to anybody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import insert

from runfold.events import topics
from runfold.events.definitions import (
    AgentDefinition,
    Definition,
    DefinitionAliased,
    Definitions,
    DefinitionWithdrawn,
    LiveRuns,
)
from runfold.events.probe import PROBE_AGENT, PROBE_TENANT, PROBE_TOOL
from runfold.producers.client import AsyncRunClient, RunClient
from runfold.producers.client.client import probing
from runfold.producers.errors import RefusedError
from runfold.producers.log.memory import MemoryLog
from runfold.projections import queries, schema
from runfold.projections.queries import OperatorViews, TenantViews
from runfold.projections.tables import costs, runs
from runfold.surfaces.application.errors import InvalidError
from runfold.surfaces.application.governing.definitions import Governing, Who
from runfold.surfaces.application.governing.publish import declared, need_free
from runfold.surfaces.application.operations import probe_definitions
from runfold.surfaces.application.operations.probe_definitions import ProbeError, is_ours, wanted
from tests.contracts.logs import CODEC
from tests.definitions.governing import NOW, WHO, of, script, store

who: Any = WHO

OTHERS = script("1.0.0", PROBE_AGENT, "mine now")


def memory() -> MemoryLog:
    return MemoryLog(CODEC, [topic.name for topic in topics.TOPICS])


def load(paths: Any, known: Definitions, tenant: str) -> Any:
    return declared(paths, {}, known, tenant).definitions


def found(*records: Any) -> tuple[str, list[Definition], Definitions]:
    known = store(*records)
    return *wanted(load, known), known


@pytest.mark.parametrize(
    "options", [{}, {"tenant_id": PROBE_TENANT}, {"source": "probe"}], ids=["plain", "as", "source"]
)
def test_a_request_in_the_name_of_the_probe_is_refused(options: Any) -> None:
    log = memory()
    own = "default" if "tenant_id" in options else PROBE_TENANT
    with pytest.raises(RefusedError, match="reserved for Runfold's own probe"):
        RunClient(log, log, own).request("free", PROBE_AGENT, **options)
    assert not list(log.read(topics.REQUESTS))


def test_so_it_is_where_it_is_asked_for_on_an_event_loop() -> None:
    log = memory()
    with pytest.raises(RefusedError, match="reserved for Runfold's own probe"):
        asyncio.run(AsyncRunClient(log, log, PROBE_TENANT).request("free", PROBE_AGENT))
    assert not list(log.read(topics.REQUESTS))


def test_the_probe_itself_may_ask() -> None:
    log = memory()
    probing(RunClient(log, log)).request("see", PROBE_AGENT)
    (asked,) = log.read(topics.REQUESTS)
    assert asked.record.tenant_id == PROBE_TENANT  # type: ignore[union-attr]


DECISIONS: dict[str, Callable[[Governing], object]] = {
    "release": lambda g: g.release(f"model_script/{PROBE_AGENT}@1.0.0"),
    "retire": lambda g: g.retire(f"model_script/{PROBE_AGENT}@1.0.0"),
    "withdraw": lambda g: g.withdraw(f"model_script/{PROBE_AGENT}@1.0.0", "refuse"),
    "alias": lambda g: g.alias(f"agent/{PROBE_AGENT}", f"model_script/{PROBE_AGENT}@1.0.0"),
}


@pytest.mark.parametrize("tenant", [PROBE_TENANT, None])
@pytest.mark.parametrize("name", DECISIONS)
def test_nobody_decides_about_its_definitions(name: str, tenant: str | None) -> None:
    log = memory()
    record = of(OTHERS, tenant)
    log.publish(topics.REGISTRY, record, "k")
    with pytest.raises(InvalidError, match="reserved for Runfold's own probe"):
        DECISIONS[name](Governing(log, log, Who("me", ""), tenant))
    assert len(list(log.read(topics.REGISTRY))) == 1


def test_an_alias_that_hides_it_can_be_removed() -> None:
    log = memory()
    log.publish(topics.REGISTRY, of(script("1.0.0", "evil")), "k")
    hides = DefinitionAliased(kind="playbook", name=PROBE_AGENT, target="evil", tenant=None, **who)
    log.publish(topics.REGISTRY, hides, "a")
    known = Governing(log, log, Who("me", "")).alias(f"model_script/{PROBE_AGENT}", None)
    assert known.alias("playbook", PROBE_AGENT) is None


@pytest.mark.parametrize("names", [(PROBE_AGENT,), (PROBE_TOOL,), ("mine", PROBE_TOOL)])
def test_its_names_cannot_be_published(names: tuple[str, ...]) -> None:
    with pytest.raises(InvalidError, match="reserved for Runfold's own probe"):
        need_free(None, *names)
    need_free("acme", "runfold-probes", "probe")


def test_the_version_follows_from_the_content(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    version, made, known = found()
    assert {each.version for each in made} == {version}
    assert not any(is_ours(known, each) for each in made)
    again, same, published = found(*(of(each, PROBE_TENANT) for each in made))
    assert (again, same) == (version, made)
    assert all(is_ours(published, each) for each in same)
    other = tmp_path / "probe.yaml"
    other.write_text(probe_definitions.MANIFEST.read_text().replace("all the way", "far"))
    monkeypatch.setattr(probe_definitions, "MANIFEST", other)
    assert found()[0] != version


def test_what_the_agent_names_is_pinned() -> None:
    version, made, _ = found()
    agent = next(each for each in made if each.name == PROBE_AGENT and hasattr(each, "tools"))
    assert isinstance(agent, AgentDefinition)
    assert agent.tools == (f"{PROBE_TOOL}@{version}",)
    assert agent.model.name.endswith(f":{PROBE_AGENT}@{version}")


def test_what_is_withdrawn_or_of_a_stranger_stands_in_no_way() -> None:
    version, made, _ = found()
    ours = [of(each, PROBE_TENANT) for each in made]
    agent = next(each for each in made if hasattr(each, "tools"))
    gone = DefinitionWithdrawn(
        kind="agent",
        name=PROBE_AGENT,
        version=version,
        live_runs=LiveRuns.REFUSE,
        tenant=PROBE_TENANT,
        **who,
    )
    strange = script(version, PROBE_AGENT, "mine now")
    for records in ([*ours, gone], [of(strange)], [of(strange, PROBE_TENANT)]):
        other, new, known = found(*records)
        assert other != version
        assert not any(objection_to(known, each) for each in new)
    newer = agent.model_copy(update={"version": "9.0.0"})
    assert found(*ours, of(newer, PROBE_TENANT))[0] == version


def objection_to(known: Definitions, definition: Definition) -> bool:
    return known.version("agent", definition.name, definition.version, PROBE_TENANT) is not None


def test_an_alias_in_its_place_is_named() -> None:
    hides = DefinitionAliased(kind="agent", name=PROBE_AGENT, target="evil", tenant=None, **who)
    evil = found()[1][-1].model_copy(update={"name": "evil"})
    with pytest.raises(ProbeError, match=f"alias agent/{PROBE_AGENT}` removes it"):
        found(of(evil), hides)


def row(run_id: str, tenant: str, agent: str, cost: Decimal, unpriced: int) -> dict[str, Any]:
    return {
        "run_id": run_id, "tenant_id": tenant, "user_id": "u", "agent": agent,
        "status": "completed", "created_at": NOW, "updated_at": NOW, "seq": 1, "cost_usd": cost,
        "unpriced_calls": unpriced, "journal_partition": 0, "first_offset": 0,
    }  # fmt: skip


@pytest.mark.integration
def test_a_run_of_its_tenant_is_shown_unless_it_is_the_probe_and_free(database_url: str) -> None:
    schema.ensure(database_url)
    engine = schema.engine(database_url)
    cases = {
        "aaaa-probe": (PROBE_TENANT, PROBE_AGENT, Decimal(0), 0),
        "aaaa-agent": (PROBE_TENANT, "other", Decimal(0), 0),
        "aaaa-cost": (PROBE_TENANT, PROBE_AGENT, Decimal("0.01"), 0),
        "aaaa-unpriced": (PROBE_TENANT, PROBE_AGENT, Decimal(0), 1),
        "aaaa-scripted": (PROBE_TENANT, PROBE_AGENT, Decimal(0), 2),
        "aaaa-theirs": ("acme", PROBE_AGENT, Decimal(0), 0),
    }
    shown = set(cases) - {"aaaa-probe", "aaaa-scripted"}
    with engine.connect() as connection:
        for run_id, said in cases.items():
            connection.execute(insert(runs).values(row(run_id, *said)))
            cost = None if said[3] else said[2]
            charged = cost_row(run_id, said[0], said[1], cost)
            charged["provider"] = "scripted" if run_id == "aaaa-scripted" else "house"
            connection.execute(insert(costs).values(charged))
        everybody = OperatorViews(connection, "a test")
        assert {each["run_id"] for each in queries.list_runs(everybody)} == shown
        assert {each["run_id"] for each in queries.costs_by(everybody, "run_id")} == shown
        assert set(queries.ids_beginning_with(everybody, "aaaa", 9)) == shown
        assert queries.run(everybody, "aaaa-probe") is not None
        own = TenantViews(connection, PROBE_TENANT)
        assert len(queries.list_runs(own)) == 5
    engine.dispose()


def cost_row(run_id: str, tenant: str, agent: str, cost: Decimal | None) -> dict[str, Any]:
    said = {"run_id": run_id, "tenant_id": tenant, "agent": agent, "cost_usd": cost}
    given: dict[str, Any] = {
        column.name: 0 if str(column.type) in {"BIGINT", "INTEGER", "SMALLINT"} else "x"
        for column in costs.columns
        if not column.nullable and column.name not in said
    }
    given |= {"time": datetime.now(UTC)} if "time" in costs.c else {}
    return given | said
