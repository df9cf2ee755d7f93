"""Two tenants hammer each other with every id of the other: nothing is read, nothing changes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from runfold.events import run as j
from runfold.events import topics
from runfold.events.contents.content import text
from runfold.events.definitions import (
    AgentDefinition,
    Definition,
    ModelChoice,
    ModelScript,
    ScriptTurn,
)
from runfold.events.records import commands
from runfold.events.records.commands import RunRequested
from runfold.events.records.operations import DeadLetter
from runfold.events.run import Event
from runfold.infra.artifacts.errors import ArtifactError
from runfold.infra.artifacts.files import FileArtifacts
from runfold.processors.definitions.follower import DefinitionFollower
from runfold.processors.definitions.kafka import KafkaDefinitionLog
from runfold.processors.definitions.publisher import Author, publish
from runfold.producers.client import RunClient
from runfold.producers.identity import uuid7
from runfold.producers.log.kafka import Publisher, TopicReader
from runfold.projections import queries
from runfold.projections.queries import TenantViews
from runfold.projections.queries.tenants import list_tenants
from runfold.stack.settings import Settings
from runfold.surfaces.application.errors import ApplicationError
from runfold.surfaces.application.runs.reading import history
from runfold.surfaces.application.runs.reading.inbox import approvals
from runfold.surfaces.application.runs.runs import Runs
from runfold.surfaces.application.scope import TenantScope
from runfold.surfaces.cli import exits
from runfold.surfaces.cli.__main__ import run as command_line
from tests.deciders.given import tool
from tests.projections.running import projector, wait_caught_up
from tests.support.builders.history import CODEC
from tests.system.crash.product import Supervised
from tests.tenant.given import policy

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

TENANTS = ("one", "two")
WAITING, DONE = ("filer", "asker"), "quick"


def definitions(tenant: str) -> list[Definition]:
    """What a tenant publishes for itself: no name of it is one of the other's."""
    calls: dict[str, dict[str, Any]] = {
        "filer": {"name": f"{tenant}.write", "arguments": {"path": "{{ goal }}"}},
        "asker": {"name": "ask_human", "arguments": {"question": "{{ goal }}?"}},
        "quick": {"name": "complete_task", "arguments": {"summary": "{{ goal }}"}},
    }
    end = ScriptTurn(calls=({"name": "complete_task", "arguments": {"summary": "done"}},))
    contract = tool(f"{tenant}.write", risk_level=1, approval="always")
    found: list[Definition] = [contract, policy(caps=({"of": "tenant", "running": 50},))]
    for name, call in calls.items():
        script = ModelScript(
            name=f"{tenant}-{name}", version="1.0.0", turns=(ScriptTurn(calls=(call,)), end)
        )
        agent = AgentDefinition(
            name=f"{tenant}-{name}",
            version="1.0.0",
            instructions="work",
            prompt_version="1",
            model=ModelChoice(name=f"scripted:{script.name}"),
            tools=(contract.name,),
        )
        found += [script, agent]
    return found


@dataclass
class Tenant:
    """One tenant: its runs by agent, what they wait for, and what is kept for it.

    ``stolen`` are runs that it asked for with the other one's agents.
    """

    name: str
    runs: dict[str, str] = field(default_factory=dict)
    waits: dict[str, str] = field(default_factory=dict)
    stolen: dict[str, str] = field(default_factory=dict)
    artifact: str = ""


@dataclass
class World:
    """Both tenants on one deployment."""

    settings: Settings
    tenants: dict[str, Tenant]
    writer: Publisher
    controls: Counter[str] = field(default_factory=Counter)

    def other(self, than: Tenant) -> Tenant:
        return next(each for each in self.tenants.values() if each is not than)

    def events(self) -> dict[str, list[Event]]:
        found: dict[str, list[Event]] = {}
        for each in TopicReader(self.settings.kafka_config(), CODEC).read(topics.EVENTS):
            if isinstance(each.record, Event):
                found.setdefault(each.record.meta.run_id, []).append(each.record)
        return found

    def letters(self) -> Counter[str]:
        read = TopicReader(self.settings.kafka_config(), CODEC).read(topics.DEAD_LETTERS)
        records = [each.record for each in read if isinstance(each.record, DeadLetter)]
        return Counter((each.key or b"").decode() for each in records)

    def ask(self, tenant: str, agent: str, run_id: str = "", **more: Any) -> str:
        request = RunRequested(
            run_id=run_id or uuid7(),
            tenant_id=tenant,
            user_id=f"user of {tenant}",
            agent=agent,
            goal=text(f"secret of {tenant}"),
            requested_at=datetime.now(UTC),
            **more,
        )
        self.writer.publish(topics.REQUESTS, request, request.run_id)
        return request.run_id

    def control(self, kind: type[commands.Control], tenant: str, run_id: str, **said: Any) -> None:
        number = self.controls.total()
        self.controls[run_id] += 1
        control = kind.model_validate(
            {
                "request_id": f"hammer-{number}",
                "run_id": run_id,
                "tenant_id": tenant,
                "actor_id": "mallory",
                "requested_at": datetime.now(UTC),
                **said,
            }
        )
        self.writer.publish(topics.CONTROLS, control, run_id)


def wait(done: Callable[[], bool], process: Supervised, what: str) -> None:
    until = time.monotonic() + 180
    while not done():
        assert time.monotonic() < until, f"{what}: {process.said()}"
        process.tend()
        time.sleep(0.3)


@pytest.fixture
def world(settings: Settings, tmp_path: Path) -> Iterator[tuple[World, Supervised]]:
    """Both tenants with a run that waits for an approval, one for an answer, and one that ended."""
    found = World(settings, {}, Publisher(settings.producer_config(), CODEC))
    store = FileArtifacts(settings.home / "artifacts")
    with DefinitionFollower(KafkaDefinitionLog(settings.kafka_config(), CODEC)) as known:
        for name in TENANTS:
            author = Author("test", datetime.now(UTC), name)
            report = publish(definitions(name), log=found.writer, store=known, author=author)
            assert not report.refused, report.refused
            kept = store.put(f"secret of {name}".encode(), "text/plain", name)
            found.tenants[name] = Tenant(name, artifact=kept.ref or "")
    process = Supervised(["runfold.processors.run"], settings.to_env(), tmp_path / "runs.log")
    try:
        with projector(settings):
            for tenant in found.tenants.values():
                for agent in (*WAITING, DONE):
                    tenant.runs[agent] = found.ask(tenant.name, f"{tenant.name}-{agent}")
            wait(lambda: _ready(found), process, "every run waits or has ended")
            yield found, process
    finally:
        process.process.kill()
        process.process.wait()


def _ready(world: World) -> bool:
    events = world.events()
    for tenant in world.tenants.values():
        for agent, run_id in tenant.runs.items():
            for event in events.get(run_id, ()):
                match event.fact:
                    case (
                        j.ApprovalRequested(call_id=call) | j.HumanInputRequested(question_id=call)
                    ):
                        tenant.waits[agent] = call
                    case j.RunCompleted():
                        tenant.waits[agent] = "ended"
                    case _:
                        pass
    return all(set(each.waits) == {*WAITING, DONE} for each in world.tenants.values())


def test_nothing_of_another_tenant_is_read_or_changed(
    world: tuple[World, Supervised], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    found, process = world
    for name, value in found.settings.to_env().items():
        monkeypatch.setenv(name, value)
    before = found.events()
    for attacker in found.tenants.values():
        victim = found.other(attacker)
        _by_use_cases(found, attacker, victim)
        _by_command_line(attacker, victim, capsys)
        _by_topics(found, attacker, victim)
    wait_caught_up(found.settings)
    for attacker in found.tenants.values():
        _by_views(found, attacker, found.other(attacker))
        _by_artifacts(found, attacker, found.other(attacker))
    wait(lambda: _answered(found, before), process, "every control has an outcome on record")
    _need_unchanged(found, before)
    # What the owner does still counts: no approval was spent, no question answered.
    for tenant in found.tenants.values():
        run_id, call = tenant.runs["asker"], tenant.waits["asker"]
        found.control(
            commands.AnswerQuestion, tenant.name, run_id, question_id=call, content=text("yes")
        )
    wait(lambda: _ended(found, "asker"), process, "the owners' answers count")


def _by_use_cases(world: World, attacker: Tenant, victim: Tenant) -> None:
    """Every use case of runs, in the attacker's scope, with the victim's ids."""
    kafka = world.settings.kafka_config()
    client = RunClient(
        world.writer, TopicReader(kafka, CODEC), tenant_id=attacker.name, user_id="mallory"
    )
    runs = Runs(client, TenantScope(attacker.name), within=1)
    for agent, run_id in victim.runs.items():
        call = victim.waits[agent]
        tries: list[Callable[[], object]] = [
            lambda: runs.status(run_id),  # noqa: B023
            lambda: list(runs.events(run_id)),  # noqa: B023
            lambda: list(runs.events(run_id, follow=True, timeout=1)),  # noqa: B023
            lambda: runs.wait(run_id, timeout=1),  # noqa: B023
            lambda: runs.approve(run_id, call),  # noqa: B023
            lambda: runs.deny(run_id, call, "no"),  # noqa: B023
            lambda: runs.answer(run_id, call, "yes"),  # noqa: B023
            lambda: runs.resolve(run_id, call, commands.Resolution.HAPPENED),  # noqa: B023
            lambda: runs.pause(run_id),  # noqa: B023
            lambda: runs.resume(run_id),  # noqa: B023
            lambda: runs.cancel(run_id),  # noqa: B023
            lambda: runs.tell(run_id, "x"),  # noqa: B023
            lambda: runs.instruct(run_id, "x"),  # noqa: B023
        ]
        for number, attempt in enumerate(tries):
            with pytest.raises(ApplicationError) as refused:
                attempt()
            assert "secret" not in str(refused.value), number


def _by_command_line(attacker: Tenant, victim: Tenant, capsys: Any) -> None:
    for agent, run_id in victim.runs.items():
        call = victim.waits[agent] if agent != DONE else f"{run_id}.1"
        for arguments in (
            ["show", run_id],
            ["logs", run_id],
            ["approve", call],
            ["deny", call, "--reason", "no"],
            ["answer", call, "yes"],
            ["resolve", call, "--happened"],
            ["pause", run_id],
            ["resume", run_id],
            ["cancel", run_id, "--reason", "no"],
            ["tell", run_id, "x"],
            ["instruct", run_id, "x"],
        ):
            code = command_line([*arguments, "--tenant", attacker.name])
            said = capsys.readouterr()
            assert code == exits.NOT_FOUND, (arguments, said)
            assert "secret" not in said.out + said.err
    for listing in (["runs"], ["approvals"], ["costs"], ["costs", "budgets"], ["tenant", "list"]):
        assert command_line([*listing, "--json", "--tenant", attacker.name]) == exits.OK
        said = capsys.readouterr().out
        assert not any(each in said for each in (*victim.runs.values(), f"secret of {victim.name}"))


def _by_topics(world: World, attacker: Tenant, victim: Tenant) -> None:
    """What is written past every surface: the run itself looks whose it is."""
    for agent, run_id in victim.runs.items():
        call, me = victim.waits[agent], attacker.name
        world.control(commands.ApproveToolCall, me, run_id, call_id=call)
        world.control(commands.DenyToolCall, me, run_id, call_id=call, reason="no")
        world.control(
            commands.ResolveToolCall,
            me,
            run_id,
            call_id=call,
            resolution=commands.Resolution.HAPPENED,
        )
        world.control(commands.AnswerQuestion, me, run_id, question_id=call, content=text("x"))
        world.control(commands.PauseRun, me, run_id)
        world.control(commands.ResumeRun, me, run_id)
        world.control(commands.SendMessage, me, run_id, content=text("x"))
        world.control(commands.EditInstructions, me, run_id, content=text("x"))
        world.control(commands.CancelRun, me, run_id, reason="no")
        # A request under the id of a run that there is.
        world.ask(me, f"{me}-{agent}", run_id)
    for agent in victim.runs:
        attacker.stolen[agent] = world.ask(attacker.name, f"{victim.name}-{agent}")


def _by_views(world: World, attacker: Tenant, victim: Tenant) -> None:
    database = create_engine(
        world.settings.database_url.replace("postgresql://", "postgresql+psycopg://")
    )
    with database.connect() as connection:
        views = TenantViews(connection, attacker.name)
        for run_id in (victim.runs[agent] for agent in (*WAITING, DONE)):
            assert queries.run(views, run_id) is None
            assert queries.timeline(views, run_id) == []
            assert queries.calls(views, run_id) == ([], [])
            assert queries.latest_checkpoint(views, run_id) is None
            assert queries.audit_of(views, run_id) is None
            assert queries.ids_beginning_with(views, run_id[:20]) == []
            assert queries.costs_by(views, "model", run_id=run_id) == []
            assert approvals(views, run_id) == []
            for ask in (history.history, history.detail, history.state_at):
                with pytest.raises(ApplicationError):
                    ask(views, run_id)  # type: ignore[operator]
        assert {row["tenant_id"] for row in list_tenants(views)} <= {attacker.name}
    database.dispose()


def _by_artifacts(world: World, attacker: Tenant, victim: Tenant) -> None:
    store = FileArtifacts(world.settings.home / "artifacts")
    with pytest.raises(ArtifactError):
        store.get(victim.artifact, attacker.name)
    assert store.get(victim.artifact, victim.name) == f"secret of {victim.name}".encode()


def _answered(world: World, before: dict[str, list[Event]]) -> bool:
    events, letters = world.events(), world.letters()
    for tenant in world.tenants.values():
        for agent in (*WAITING, DONE):
            run_id = tenant.runs[agent]
            new = events[run_id][len(before[run_id]) :]
            if len(new) + letters[run_id] < world.controls[run_id]:
                return False
        if not all(run in events for run in tenant.stolen.values()):
            return False
    return True


def _need_unchanged(world: World, before: dict[str, list[Event]]) -> None:
    events = world.events()
    for tenant in world.tenants.values():
        for name, run_id in tenant.stolen.items():
            # The agent of another tenant is one that there is not.
            assert [type(each.fact) for each in events[run_id]] == [j.RunRefused], name
        for name, run_id in tenant.runs.items():
            new = events[run_id][len(before.get(run_id, ())) :]
            if name == DONE:
                assert new == []
            else:
                assert {type(each.fact) for each in new} == {j.RequestIgnored}
                assert new[-1].meta.status is before[run_id][-1].meta.status
            assert {each.meta.tenant_id for each in events[run_id]} == {tenant.name}


def _ended(world: World, agent: str) -> bool:
    events = world.events()
    return all(
        isinstance(events[each.runs[agent]][-1].fact, j.RunCompleted)
        for each in world.tenants.values()
    )
