"""The child of a run processor that asks the providers dies; its runs complete, its lanes go on."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from runfold.events import topics
from runfold.events.definitions import AgentDefinition, ModelChoice
from runfold.events.run import Event, ModelCalled, ModelFailed, ModelResponded, RunCompleted
from runfold.events.values import Limits
from runfold.producers.log.kafka import Publisher, TopicReader
from runfold.stack.settings import Settings
from tests.model import server
from tests.model.server import Answer, chat, chat_call
from tests.support.stack import wait_until
from tests.system.crash.agent import CODEC, publish_definitions, request
from tests.system.crash.product import Supervised

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

RUNS = 6
PATIENCE_S = 120.0
DONE = chat(None, [chat_call("c1", "complete_task", '{"summary": "well"}')], "tool_calls")
LATE = Answer(hang_s=600, body=DONE)
AGENT = AgentDefinition(
    name="asks",
    version="1.0.0",
    instructions="Complete the task.",
    prompt_version="1",
    model=ModelChoice(name="openai:gpt-4o", timeout_ms=600_000),
    tools=(),
    limits=Limits(max_model_calls=5),
)


@pytest.fixture
def openai() -> Iterator[server.Provider]:
    with server.provider() as found:
        yield found


@pytest.fixture
def runs(settings: Settings, openai: server.Provider) -> Iterator[Supervised]:
    publish_definitions(settings, [AGENT])
    own = {"OPENAI_API_KEY": "sk-none", "OPENAI_BASE_URL": openai.address}
    env = {**settings.to_env(), **own, "RUNFOLD_MODEL": ""}
    process = Supervised(["runfold.processors.run"], env, settings.home / "runs.log")
    try:
        yield process
    finally:
        process.process.kill()
        process.process.wait()


def child_of(parent: int) -> int | None:
    """The process that asks the providers for another one."""
    for folder in Path("/proc").iterdir():
        try:
            command = folder.joinpath("cmdline").read_bytes()
            fields = folder.joinpath("stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if b"runfold.processors.model.apart" in command and int(fields[1]) == parent:
            return int(folder.name)
    return None


def asked_for(settings: Settings, count: int) -> set[str]:
    writer = Publisher(settings.producer_config(), CODEC)
    asked = [request(f"order {number}", agent="asks") for number in range(count)]
    for each in asked:
        writer.publish(topics.REQUESTS, each, each.run_id)
    return {each.run_id for each in asked}


def journal_of(settings: Settings) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    for delivery in TopicReader(settings.kafka_config(), CODEC).read(topics.EVENTS):
        if isinstance(delivery.record, Event):
            found.setdefault((delivery.key or b"").decode(), []).append(delivery.record)
    return found


def completed(settings: Settings) -> set[str]:
    return {
        run
        for run, events in journal_of(settings).items()
        if any(isinstance(event.fact, RunCompleted) for event in events)
    }


def test_runs_complete_though_their_child_is_killed_in_the_middle_of_calls(
    settings: Settings, openai: server.Provider, runs: Supervised
) -> None:
    openai.will(*[LATE] * RUNS, Answer(200, DONE))
    wanted = asked_for(settings, RUNS)
    wait_until(lambda: len(openai.asked) == RUNS, PATIENCE_S)
    first = child_of(runs.process.pid)
    assert first is not None
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: completed(settings) >= wanted, PATIENCE_S)
    assert runs.process.poll() is None
    assert child_of(runs.process.pid) not in {None, first}
    for run, events in journal_of(settings).items():
        facts = [event.fact for event in events]
        assert sum(isinstance(fact, ModelCalled) for fact in facts) == 1, run
        (answered,) = [fact for fact in facts if isinstance(fact, ModelResponded)]
        assert [each.error_type for each in answered.attempts] == ["process_died", None], run
    assert len(openai.asked) == 2 * RUNS


def test_a_run_whose_calls_kill_the_child_each_time_fails_and_others_complete(
    settings: Settings, openai: server.Provider, runs: Supervised
) -> None:
    openai.will(LATE)
    (poison,) = asked_for(settings, 1)
    killed: set[int] = set()

    def ended() -> bool:
        child = child_of(runs.process.pid)
        if child is not None and child not in killed and len(openai.asked) > len(killed):
            killed.add(child)
            os.kill(child, signal.SIGKILL)
        return any(isinstance(event.fact, ModelFailed) for event in journal_of(settings)[poison])

    wait_until(lambda: poison in journal_of(settings), PATIENCE_S)
    wait_until(ended, PATIENCE_S)
    openai.will(Answer(200, DONE))
    wanted = asked_for(settings, 2)
    wait_until(lambda: completed(settings) >= wanted, PATIENCE_S)
    assert runs.process.poll() is None
    failed = [
        event.fact for event in journal_of(settings)[poison] if isinstance(event.fact, ModelFailed)
    ]
    assert {fact.error.error_type for fact in failed} == {"process_died"}


def test_a_run_processor_that_is_killed_leaves_no_child(
    settings: Settings, openai: server.Provider, runs: Supervised
) -> None:
    openai.will(LATE)
    asked_for(settings, 1)
    wait_until(lambda: len(openai.asked) == 1, PATIENCE_S)
    child = child_of(runs.process.pid)
    assert child is not None
    runs.kill()
    folder = Path(f"/proc/{child}")
    wait_until(lambda: not folder.exists() or b"apart" not in _command(folder), PATIENCE_S)


def _command(folder: Path) -> bytes:
    try:
        return folder.joinpath("cmdline").read_bytes()
    except OSError:
        return b""
