"""A run that waits for people, step by step, and that one of them takes over: the run processor is
killed in between, and the journal, the views and the audit agree on all of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from runfold.events import run as j
from runfold.events import topics
from runfold.events.base import Fact
from runfold.events.contents.content import text
from runfold.events.definitions import (
    AgentDefinition,
    AuthorityDelegated,
    ModelChoice,
    ModelScript,
    ScriptTurn,
)
from runfold.events.records import commands
from runfold.events.run import Event
from runfold.processors.definitions.keys import key_of_decision
from runfold.processors.run.replay import decisions
from runfold.producers.identity import uuid7
from runfold.producers.log.kafka import Publisher, TopicReader
from runfold.stack.settings import Settings
from runfold.surfaces.application.governing.definitions import read_definitions
from tests.projections.running import projector, wait_caught_up
from tests.support.builders.stories import CODEC
from tests.system.crash.agent import publish_definitions
from tests.system.crash.product import Supervised

pytestmark = [pytest.mark.integration, pytest.mark.crash, pytest.mark.timeout(400)]

TENANT, STEP_MS = "acme", 1_500


def _definitions() -> list[Any]:
    asks = {"name": "ask_human", "arguments": {"question": "which file?"}}
    done = {"name": "complete_task", "arguments": {"summary": "the model did the rest"}}
    return [
        ModelScript(
            name="clerk",
            version="1.0.0",
            turns=(
                ScriptTurn(calls=(asks,)),
                ScriptTurn(calls=(done,), delay_ms=45_000),
                ScriptTurn(calls=(done,)),
            ),
        ),
        AgentDefinition(
            name="clerk",
            version="1.0.0",
            instructions="ask",
            prompt_version="1",
            model=ModelChoice(name="scripted:clerk"),
            escalation={  # type: ignore[arg-type] # pydantic reads it
                "questions": {
                    "ask": ["role/desk"],
                    "steps": [
                        {"after_ms": STEP_MS, "ask": ["user/ann"]},
                        {"after_ms": STEP_MS, "ask": ["role/duty"], "text": "#ops"},
                    ],
                }
            },
        ),
    ]


class Told:
    """One run on real servers, whose processor is killed at will."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self.settings, self.run_id = settings, uuid7()
        self.writer = Publisher(settings.producer_config(), CODEC)
        self.process = Supervised(["runfold.processors.run"], settings.to_env(), log)

    def events(self) -> list[Event]:
        found = TopicReader(self.settings.kafka_config(), CODEC).read(topics.EVENTS)
        return [each.record for each in found if isinstance(each.record, Event)]

    def facts(self, kind: type[Fact]) -> list[Any]:
        return [event.fact for event in self.events() if isinstance(event.fact, kind)]

    def wait(self, kind: type[Fact], count: int = 1) -> None:
        until = time.monotonic() + 150
        while len(self.facts(kind)) < count:
            assert time.monotonic() < until, (kind, [event.type for event in self.events()])
            self.process.tend()
            time.sleep(0.2)

    def says(self, kind: Callable[..., commands.Control], by: str, **fields: Any) -> None:
        control = kind(
            request_id=uuid7(),
            run_id=self.run_id,
            tenant_id=TENANT,
            actor_id=by,
            requested_at=datetime.now(UTC),
            **fields,
        )
        self.writer.publish(topics.CONTROLS, control, self.run_id)
        # As any client may: what was said twice is heard once.
        self.writer.publish(topics.CONTROLS, control, self.run_id)

    def asked_for(self) -> None:
        asked = commands.RunRequested(
            run_id=self.run_id,
            tenant_id=TENANT,
            user_id="ada",
            agent="clerk",
            goal=text("find the file"),
            requested_at=datetime.now(UTC),
        )
        self.writer.publish(topics.REQUESTS, asked, self.run_id)


def _delegates(told: Told) -> None:
    now = datetime.now(UTC)
    record = AuthorityDelegated(
        kind="delegation",
        name="ann",
        delegate="bob",
        tenant=None,
        starts_at=now,
        ends_at=now + timedelta(days=1),
        reason="holiday",
        decided_at=now,
        decided_by="ann",
    )
    told.writer.publish(topics.REGISTRY, record, key_of_decision(record))


def test_steps_a_take_over_and_its_end_survive_kills(settings: Settings, tmp_path: Path) -> None:
    publish_definitions(settings, _definitions())
    told = Told(settings, tmp_path / "runs.log")
    try:
        _delegates(told)
        told.asked_for()
        told.wait(j.WaitEscalated, 1)
        told.process.kill()
        told.wait(j.WaitEscalated, 2)
        told.process.kill()
        (question,) = told.facts(j.HumanInputRequested)
        told.says(
            commands.AnswerQuestion,
            "bob",
            question_id=question.question_id,
            content=text("the second"),
            on_behalf_of="ann",
        )
        told.wait(j.ModelCalled, 2)
        told.says(commands.TakeOverRun, "ann", reason="it takes too long")
        told.wait(j.RunTakenOver)
        told.process.kill()
        told.says(commands.TakeOverRun, "eve")
        told.says(commands.ReplyAsModel, "ann", text=text("I have found it"))
        told.wait(j.PersonReplied)
        told.process.kill()
        told.says(commands.HandBackRun, "ann", reason="found")
        told.wait(j.RunCompleted)
    finally:
        told.process.process.kill()
        told.process.process.wait()
    _judge(told)
    _views(settings)


def _judge(told: Told) -> None:
    steps = told.facts(j.WaitEscalated)
    assert [each.step for each in steps] == [1, 2]
    assert steps[0].asks == ("user/ann", "user/bob for user/ann")
    (heard,) = told.facts(j.HumanInputReceived)
    assert heard.on_behalf_of == "ann"
    names = [event.type for event in told.events()]
    taken, back = names.index("RunTakenOver"), names.index("RunHandedBack")
    assert "ModelCalled" not in names[taken:back]
    assert (names.count("RunTakenOver"), names.count("PersonReplied")) == (1, 1)
    (ignored,) = told.facts(j.RequestIgnored)
    assert ignored.control == "TakeOverRun"
    known = read_definitions(TopicReader(told.settings.kafka_config(), CODEC))
    state: Any = None
    for decision in decisions.decisions(told.events()):
        assert decisions.redecide(state, decision, known) is None
        state = decisions.fold(state, decision)


def _views(settings: Settings) -> None:
    with projector(settings):
        wait_caught_up(settings)
    with psycopg.connect(settings.database_url) as connection:
        connection.execute("SET LOCAL search_path TO runfold")
        run = connection.execute("SELECT status, held_by FROM runs").fetchone()
        asked = connection.execute(
            "SELECT status, step, steps, asks_json, asks_text, decided_by, on_behalf_of"
            " FROM approvals"
        ).fetchone()
        calls = connection.execute("SELECT status FROM model_calls ORDER BY called_at").fetchall()
    assert run == ("completed", "")
    assert asked == ("answered", 2, 2, ["role/duty"], "#ops", "bob", "ann")
    assert [status for (status,) in calls] == ["responded", "withdrawn", "responded"]
