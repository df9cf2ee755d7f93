"""The examples: every manifest is valid, and the scripted runs do what they say."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from runfold.events.calls import Message, ModelWork, Role, ToolSchema
from runfold.events.contents.content import json_content, text
from runfold.events.definitions import ModelScript, ToolContract
from runfold.events.values import Attribution, DataClassification
from runfold.infra.artifacts.memory import MemoryArtifacts
from runfold.processors.model.scripted.model import Scripted
from runfold.processors.model.scripted.templates import Scope, fill
from runfold.processors.run.agent.controls.control_tools import EXITS, SCHEMAS
from runfold.processors.run.policy.cedar.checking import faults as faults_of
from runfold.processors.tool import ToolContext, builtin_contracts
from runfold.processors.tool.builtin import builtin_implementation
from runfold.processors.tool.errors import ToolRefusedError
from runfold.processors.tool.execution import Implementation
from runfold.processors.tool.python.tools import python_implementation
from runfold.processors.tool.results import jsonable
from runfold.surfaces.manifests import InvalidManifestsError, Manifests, load
from runfold.surfaces.manifests.bases import bases
from tests.deciders.governed import policy

EXAMPLES = Path(__file__).parents[2] / "examples"

BAD_LOG = """\
[2026-01-05 10:00:00,000] INFO started (kafka.Server)
[2026-01-05 10:00:01,000] WARN disk 91% full (kafka.Log)
[2026-01-05 10:00:02,000] ERROR write failed for partition 3 (kafka.Log)
java.io.IOException: No space left on device
\tat kafka.Log.append(Log.java:1)
[2026-01-05 10:00:03,000] ERROR write failed for partition 4 (kafka.Log)
[2026-01-05 10:00:04,000] INFO stopped (kafka.Server)
"""
GOOD_LOG = "[2026-01-05 10:00:00,000] INFO started\n[2026-01-05 10:00:09,000] INFO stopped\n"


@pytest.fixture(autouse=True)
def python_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES / "support-refund"))


def manifests(folder: str, **env: str) -> Manifests:
    shipped = builtin_contracts()
    return load(
        [EXAMPLES / folder],
        env=env,
        base_of=bases(shipped, {"support_refund"}),
        builtins=shipped,
    )


def ran(run: Implementation, arguments: Mapping[str, Any], context: ToolContext) -> object:
    async def call() -> object:
        return await run(arguments, context)

    return jsonable(asyncio.run(call()))


def context_with(config: dict[str, Any]) -> ToolContext:
    return ToolContext(
        run_id="r",
        tenant_id="t",
        user_id="u",
        call_id="r.1",
        attempt=1,
        idempotency_key="k",
        deadline=datetime.now(UTC) + timedelta(minutes=1),
        artifacts=MemoryArtifacts(),
        config=config,
    )


@dataclass
class Play:
    """A scripted agent with the built-in tools, in one place: no broker, no approval."""

    root: Path
    script: ModelScript
    refuse: str = ""
    messages: list[Message] = field(default_factory=list)
    called: list[str] = field(default_factory=list)

    def run(self, goal: str) -> tuple[str, dict[str, Any]]:
        """Return the exit tool that was called and its arguments."""
        self.messages.append(Message(role=Role.USER, content=text(goal)))
        scripted = Scripted(lambda _name, _tenant: self.script, lambda: None, asyncio.sleep)
        for _turn in range(12):
            answer = asyncio.run(scripted.answer(self._work(), self.script.name, 5)).answer
            self.messages.append(
                Message(role=Role.ASSISTANT, content=answer.text, tool_calls=answer.tool_calls)
            )
            for call in answer.tool_calls:
                arguments = json.loads(call.arguments.inline or b"")
                self.called.append(call.name)
                if call.name in EXITS:
                    return call.name, arguments
                said, is_error = self._call(call.name, arguments)
                self.messages.append(
                    Message(role=Role.TOOL, content=said, call_id=call.id, is_error=is_error)
                )
        raise AssertionError(f"no end after {self.called}")

    def _call(self, name: str, arguments: dict[str, Any]) -> tuple[Any, bool]:
        context = context_with({"root": str(self.root)})
        run = builtin_implementation(name)
        assert run is not None
        try:
            if name == self.refuse:
                raise ToolRefusedError("A person said no.", error_type="denied")
            result = ran(run, arguments, context)
        except ToolRefusedError as error:
            return json_content({"error": str(error)}), True
        return json_content(result), False

    def _work(self) -> ModelWork:
        who = Attribution(user_id="u", agent="a", agent_version="1", prompt_version="1")
        return ModelWork(
            run_id="r",
            tenant_id="t",
            call_id=f"r.{len(self.messages)}",
            attempt=1,
            model="scripted",
            fallbacks=(),
            instructions=text("x"),
            messages=tuple(self.messages),
            tools=(*SCHEMAS, ToolSchema(name="x", description="x", input_schema="{}")),
            timeout_ms=1000,
            attribution=who,
            data_classification=DataClassification.INTERNAL,
            traceparent="",
        )


def triage(root: Path, log: str, refuse: str = "") -> Play:
    (root / "app.log").write_text(log)
    found = manifests("log-triage", RUNFOLD_WORKSPACE=str(root)).definitions
    (script,) = [each for each in found if isinstance(each, ModelScript)]
    return Play(root, script, refuse)


@pytest.mark.parametrize("folder", ["hello", "log-triage", "support-refund"])
def test_an_example_is_valid_and_honoured_in_full(folder: str) -> None:
    found = manifests(folder)
    assert [each for each in found.remarks if "not honoured" in each.message] == []
    assert found.definitions


def test_all_examples_can_be_applied_at_once() -> None:
    assert len(manifests(".").definitions) > len(manifests("log-triage").definitions)


def test_hello_answers() -> None:
    (script,) = [each for each in manifests("hello").definitions if isinstance(each, ModelScript)]
    exit_tool, said = Play(EXAMPLES, script).run("Good morning")
    assert (exit_tool, said["summary"]) == ("complete_task", "Hello! You said: Good morning")


def test_triage_reports_what_went_wrong(tmp_path: Path) -> None:
    play = triage(tmp_path, BAD_LOG)
    exit_tool, said = play.run("Triage the log app.log: what went wrong, when, how often")
    assert exit_tool == "complete_task"
    assert play.called == [
        "logs.stats",
        "files.search",
        "files.search",
        "files.read",
        "report.write",
        "complete_task",
    ]
    assert said["artifacts"] == ["reports/app.log.md"]
    assert said["result"] == {"levels": {"ERROR": 2, "INFO": 2, "WARN": 1}, "problem_kinds": 2}
    report = (tmp_path / "reports/app.log.md").read_text()
    assert report.startswith("# Triage of app.log\n")
    assert "**Errors: 2, warnings: 1**, in 7 lines" in report
    assert "ERROR, first on line\n3, count\n2:" in report
    assert "java.io.IOException: No space left on device" in report
    assert "- Lines of level WARN or above: 3" in report
    assert "{{" not in report


def test_triage_calls_two_searches_at_once(tmp_path: Path) -> None:
    play = triage(tmp_path, BAD_LOG)
    play.run("Triage app.log")
    assert max(len(message.tool_calls) for message in play.messages) == 2


@pytest.mark.parametrize("log", [GOOD_LOG, "", "no times, no levels\n" * 3])
def test_triage_of_a_log_without_problems_says_so(log: str, tmp_path: Path) -> None:
    exit_tool, said = triage(tmp_path, log).run('Look at "app.log", please.')
    report = (tmp_path / "reports/app.log.md").read_text()
    assert (exit_tool, said["result"]["problem_kinds"]) == ("complete_task", 0)
    assert report.startswith("# Triage of app.log: no problems found\n")
    assert "{{" not in report


def test_the_sample_log_is_worth_a_report(tmp_path: Path) -> None:
    sample = (EXAMPLES / "log-triage/workspace/kafka.log").read_text()
    _, said = triage(tmp_path, sample).run("Triage app.log")
    assert said["result"]["levels"]["FATAL"] == 1
    report = (tmp_path / "reports/app.log.md").read_text()
    assert "all log dirs in /data have failed" in report
    assert "Burst of 8 errors" in report


@pytest.mark.parametrize(
    ("goal", "file"),
    [
        ("Triage the log kafka.log: what went wrong, when", "kafka.log"),
        ("What is in logs/app-1.log.2?", "logs/app-1.log.2"),
        ("Read `syslog`. Now.", "syslog"),
        ('Look for "timeout" in app.log', "app.log"),
        ('Triage the log "my own.log": what went wrong?', "my own.log"),
        ("Triage it", "kafka.log"),
    ],
)
def test_the_file_that_the_goal_names(goal: str, file: str) -> None:
    assert fill('{{ goal.file ?? "kafka.log" }}', Scope(goal=goal)) == file


def test_triage_of_a_missing_file_fails(tmp_path: Path) -> None:
    exit_tool, said = triage(tmp_path, BAD_LOG).run("Triage gone.log")
    assert exit_tool == "fail_task"
    assert "gone.log does not exist" in said["reason"]


def test_triage_completes_without_a_report_where_a_person_says_no(tmp_path: Path) -> None:
    exit_tool, said = triage(tmp_path, BAD_LOG, refuse="report.write").run("Triage app.log")
    assert (exit_tool, said["artifacts"]) == ("complete_task", [])
    assert said["summary"].endswith("The report was not written.")
    assert not (tmp_path / "reports").exists()


def refund_tool() -> ToolContract:
    found = {each.name: each for each in manifests("support-refund").definitions}
    tool = found["refunds.create"]
    assert isinstance(tool, ToolContract)
    return tool


def test_a_refund_always_asks_a_person() -> None:
    tool = refund_tool()
    assert (tool.risk_level, tool.approval, tool.idempotent) == (3, "always", True)


def test_a_policy_can_compare_the_amount_of_a_refund() -> None:
    rule = (
        '@approvers("2") permit(principal, action == Action::"tool.call", '
        'resource == Tool::"refunds.create") when { context.arguments has amount && '
        'context.arguments.amount.greaterThan(decimal("50.0")) };'
    )
    assert faults_of(policy(rule), [refund_tool()]) == []


def test_a_manifest_may_not_lower_the_level_of_its_function(tmp_path: Path) -> None:
    text = (EXAMPLES / "support-refund/manifests.yaml").read_text()
    (tmp_path / "m.yaml").write_text(text.replace("risk_level: 3", "risk_level: 0"))
    with pytest.raises(InvalidManifestsError, match="a contract may raise it, never lower"):
        load([tmp_path], env={}, base_of=bases((), {"support_refund"}))
    assert load([tmp_path], env={}, base_of=bases(())).definitions


def test_a_refund_is_paid_once_per_key(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    run = python_implementation("support_refund:create_refund", {"support_refund"})
    arguments = {"order_id": "A-100", "amount": 59.9, "reason": "late"}
    Draft202012Validator(refund_tool().input_schema).validate(arguments)
    context = context_with({"ledger": str(ledger)})
    first, again = (ran(run, arguments, context) for _time in range(2))
    assert first == again == {"refund_id": "k", "order_id": "A-100", "amount": 59.9}
    assert len(ledger.read_text().splitlines()) == 1
    with pytest.raises(ToolRefusedError, match=r"not between 0 and 59\.90"):
        ran(run, {**arguments, "amount": "60"}, context)
