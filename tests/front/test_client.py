"""The public client, blocking and on an event loop, on a log that answers at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

import runfold
from runfold.producers.client import AsyncRunClient, RunClient
from runfold.surfaces.application.runs.async_runs import AsyncRuns
from runfold.surfaces.application.runs.runs import Runs
from tests.deciders.given import RUN, TENANT, came_back, done, request
from tests.http.serving import serving
from tests.support.builders.stories import ASKS, LOOKS, SENDS, UNSURE, WRITES, Step
from tests.surfaces.answering import AnsweringLog, answering

CALL = f"{RUN}.2"


class Blocking:
    """An asynchronous client, used as the blocking one."""

    def __init__(self, client: runfold.AsyncClient, runner: asyncio.Runner) -> None:
        self._client = client
        self._runner = runner

    def run(self, goal: str, agent: str, **options: Any) -> BlockingRun:
        return BlockingRun(self._runner.run(self._client.run(goal, agent, **options)), self._runner)

    def get(self, run_id: str) -> BlockingRun:
        return BlockingRun(self._client.get(run_id), self._runner)


class BlockingRun:
    """An asynchronous run, used as the blocking one."""

    def __init__(self, run: runfold.AsyncRun, runner: asyncio.Runner) -> None:
        self._run = run
        self._runner = runner
        self.id = run.id

    def events(self, **how: Any) -> Iterator[runfold.Event]:
        async def all_of_them() -> list[runfold.Event]:
            return [event async for event in self._run.events(**how)]

        return iter(self._runner.run(all_of_them()))

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._run, name)
        return lambda *given, **named: self._runner.run(method(*given, **named))


class Desk:
    """A log on which runs are decided, and a client of it."""

    def __init__(self, log: AnsweringLog, client: runfold.Client) -> None:
        self.log = log
        self.client = client

    def after(self, *steps: Step) -> runfold.Run:
        """Tell a story, and return its run."""
        self.log.tell(steps)
        return self.client.get(RUN)


@pytest.fixture(params=["blocking", "asyncio", "http", "http-asyncio"])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    """The same client over Kafka's port and over a gateway on a socket, in both forms."""
    log = answering()
    if request.param.startswith("http"):
        with serving(log) as served:
            key = served.key(TENANT, "person-1")
            if request.param == "http":
                with runfold.connect_http(served.url, api_key=key) as over_http:
                    yield Desk(log, over_http)
            else:
                with asyncio.Runner() as runner:
                    awaited_http = runner.run(runfold.connect_http_async(served.url, api_key=key))
                    yield Desk(log, Blocking(awaited_http, runner))  # type: ignore[arg-type]
                    runner.run(awaited_http.close())
        return
    if request.param == "blocking":
        client = RunClient(log, log, TENANT, "person-1")
        with runfold.Client(Runs(client), client.close) as made:
            yield Desk(log, made)
    else:
        awaited = AsyncRunClient(log, log, TENANT, "person-1")
        with asyncio.Runner() as runner:
            client_of_loop = runfold.AsyncClient(AsyncRuns(awaited), awaited.close)
            yield Desk(log, Blocking(client_of_loop, runner))  # type: ignore[arg-type]
            runner.run(client_of_loop.close())


def test_a_run_that_was_asked_for_stands_on_the_journal(desk: Desk) -> None:
    run = desk.client.run("find out", agent="worker")
    status = run.status()

    assert (status.run_id, status.goal, status.agent) == (run.id, "find out", "worker")
    assert [event.type for event in run.events()][:2] == ["RunCreated", "RunStarted"]


def test_a_run_that_has_ended_says_how(desk: Desk) -> None:
    run = desk.after(request(), LOOKS, came_back(2), done(n=3))
    ended = run.wait(timeout=10)
    followed = [event.seq for event in run.events(follow=True, after_seq=2, timeout=10)]

    assert (ended.status, ended.exit_code, ended.payload) == (
        "success",
        0,
        {"summary": "all found"},
    )
    assert followed == list(range(3, run.status().seq + 1))


@pytest.mark.parametrize(
    ("story", "method", "given", "led_to"),
    [
        ((request(), WRITES), "approve", (CALL,), "ToolCallApproved"),
        ((request(), WRITES), "deny", (CALL, "no"), "ToolCallDenied"),
        ((request(), SENDS, UNSURE), "resolve", (CALL, "happened"), "ToolCallSucceeded"),
        ((request(), LOOKS), "take_over", ("it is lost",), "RunTakenOver"),
        ((request(), LOOKS), "pause", ("lunch",), "RunPaused"),
        ((request(), LOOKS), "cancel", ("enough",), "RunCancelled"),
        ((request(), LOOKS), "tell", ("look there",), "UserMessageReceived"),
        ((request(), LOOKS), "instruct", ("be brief",), "UserMessageReceived"),
        ((request(), ASKS), "answer", (CALL, "this one"), "HumanInputReceived"),
    ],
)
def test_a_control_returns_what_became_of_it(
    desk: Desk, story: tuple[Step, ...], method: str, given: tuple[str, ...], led_to: str
) -> None:
    outcome = getattr(desk.after(*story), method)(*given)

    assert (outcome.type, outcome.applied, outcome.actor.id) == (led_to, True, "person-1")


def test_a_person_answers_in_the_places_of_model_and_tool_and_hands_back(desk: Desk) -> None:
    run = desk.after(request(), LOOKS)
    run.take_over("it is lost")
    assert run.status().held_by == "person-1"
    given = run.give_result(CALL, {"lines": 3})
    assert (given.type, given.fact["by"]) == ("ResultGiven", "person-1")
    said = run.reply("I look elsewhere", calls=[("look", {"path": "b"})])
    assert (said.type, said.applied) == ("PersonReplied", True)
    assert run.hand_back("done").applied
    assert run.status().held_by is None


def test_an_answer_that_cannot_be_taken_says_why(desk: Desk) -> None:
    run = desk.after(request())
    run.take_over("it is lost")
    refused = run.reply(calls=[("fly", {})])
    assert not refused.applied
    assert "fly" in refused.text


def test_a_paused_run_is_resumed(desk: Desk) -> None:
    run = desk.after(request(), LOOKS)

    assert [run.pause().type, run.resume().type] == ["RunPaused", "RunResumed"]


def test_the_arguments_of_an_approval_are_what_the_tool_is_given(desk: Desk) -> None:
    run = desk.after(request(), WRITES)
    outcome = run.approve(CALL, arguments={"path": "b"}, comment="there")

    assert outcome.fact["comment"] == "there"
    assert [call.arguments for call in run.status().calls] == [{"path": "b"}]


def test_what_goes_wrong_says_what_to_do(desk: Desk) -> None:
    ended = desk.after(request(), LOOKS, came_back(2), done(n=3))
    unknown = desk.client.get("019ca945-0a00-7000-8000-00000000ffff")

    with pytest.raises(runfold.NotFoundError):
        unknown.status()
    with pytest.raises(runfold.RunEndedError):
        ended.pause()
    with pytest.raises(runfold.InvalidError, match="goal has 1,000,001 bytes"):
        desk.client.run("x" * 1_000_001, agent="worker")
    # It may be about to come; a gateway knows what was asked for, and need not wait.
    with pytest.raises((runfold.NotYetError, runfold.NotFoundError)):
        unknown.wait(timeout=0.1)


def test_without_a_stack_and_an_address_connect_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("RUNFOLD_HOME", str(tmp_path))
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    sentence = "Nothing runs here: start it with `runfold up`, or set KAFKA_BOOTSTRAP_SERVERS."

    with pytest.raises(runfold.UnavailableError) as blocking:
        runfold.connect()
    with pytest.raises(runfold.UnavailableError) as awaited:
        asyncio.run(runfold.connect_async())

    assert [str(blocking.value), str(awaited.value)] == [sentence, sentence]


def test_the_errors_are_a_tree_by_what_the_caller_must_do() -> None:
    tree = {
        kind.__name__: json.dumps([base.__name__ for base in kind.__mro__[1:-3]])
        for kind in (runfold.InvalidError, runfold.RunEndedError, runfold.NotYetError)
    }

    assert tree == {
        "InvalidError": '["RefusedError", "ApplicationError"]',
        "RunEndedError": '["RefusedError", "ApplicationError"]',
        "NotYetError": '["RetryError", "ApplicationError"]',
    }
