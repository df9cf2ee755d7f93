"""The commands as programs, on a real Kafka and a real Postgres that ``runfold up`` started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from runfold.projections.views import VIEWS
from runfold.surfaces.cli import exits
from tests.support import stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

EXAMPLES = Path(__file__).parents[3] / "examples"
_SECONDS = 240


@dataclass(frozen=True)
class Runfold:
    """The command line with a home of its own."""

    home: Path

    @property
    def env(self) -> dict[str, str]:
        """What a command finds around it: no address, no key."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("KAFKA_", "DATABASE_", "RUNFOLD_", "OPENAI_", "ANTHROPIC_"))
            or name == "RUNFOLD_CACHE"
        }
        return {**inherited, "RUNFOLD_HOME": str(self.home)}

    def __call__(self, *arguments: str, code: int = exits.OK) -> str:
        """Run a command to its end and return its output; the exit code must be as said."""
        done = subprocess.run(
            [sys.executable, "-m", "runfold.surfaces.cli", *arguments],
            env=self.env, capture_output=True, text=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback (most" not in done.stderr
        return done.stdout + done.stderr

    def json(self, *arguments: str, code: int = exits.OK) -> Any:
        """Run a reading command and return what it says to programs."""
        return json.loads(self(*arguments, "--json", code=code))


@pytest.fixture(scope="module")
def runfold() -> Iterator[Runfold]:
    """A stack with every process, and the examples published on it."""
    with stack.temporary_home() as home:
        runfold = Runfold(home)
        assert "hello is published" in runfold("up")
        try:
            runfold("apply", "-f", str(EXAMPLES / "hello"), "-f", str(EXAMPLES / "log-triage"))
            yield runfold
        finally:
            runfold("down")


@pytest.fixture(scope="module")
def hello(runfold: Runfold) -> str:
    """A run that has completed."""
    said = runfold("run", "say hello", "--agent", "hello", "--follow", "--json")
    events = [json.loads(line) for line in said.splitlines()]
    assert events[-1]["type"] == "RunCompleted"
    return str(events[0]["run_id"])


def test_a_second_up_finds_the_first(runfold: Runfold) -> None:
    assert "was up already" in runfold("up")


def test_status_shows_every_process_running(runfold: Runfold) -> None:
    known = runfold.json("status")
    assert known["phase"] == "ready"
    running = {member["name"] for member in known["members"] if member["state"] == "running"}
    assert running == {
        *("kafka", "postgres", "runs", "tools", "projector", "gateway", "delivery", "monitor")
    }
    assert "***" in known["database_url"]
    assert known["read_only_url"].startswith("postgresql://runfold_reader:***@")
    assert known["set_aside"] == {}
    assert known["passed_by"] is None
    assert known["monitor_url"].startswith("http://127.0.0.1:")


def test_sql_is_answered_by_the_login_that_only_reads(runfold: Runfold, hello: str) -> None:
    (row,) = runfold.json(
        "sql", "-c", f"SELECT cost_usd, user_id FROM runs WHERE run_id = '{hello}'"
    )
    assert row == {"cost_usd": None, "user_id": "me"}
    who = runfold("sql", "--csv", "-c", "SELECT current_user AS u")
    assert who.split() == ["u", "runfold_reader"]
    runfold("sql", "-c", "DELETE FROM runs", code=exits.BAD_INPUT)
    (queue,) = runfold.json(
        "sql", "-c", f"SELECT queue_ms FROM run_metrics WHERE run_id = '{hello}'"
    )
    assert queue["queue_ms"] >= 0
    assert runfold.json("alerts") == []


def test_a_second_apply_changes_nothing(runfold: Runfold) -> None:
    said = runfold.json("apply", "-f", str(EXAMPLES / "hello"))
    assert said["published"] == []
    assert set(said["unchanged"]) == {"agent/hello@1.0.0", "model_script/hello@1.0.0"}


def test_an_invalid_manifest_names_file_line_and_field(runfold: Runfold, tmp_path: Path) -> None:
    file = tmp_path / "agent.yaml"
    file.write_text((EXAMPLES / "hello" / "agent.yaml").read_text().replace("role:", "rule:"))
    said = runfold("apply", "-f", str(file), code=exits.BAD_INPUT)
    assert f"{file}:" in said
    assert "role" in said


def test_what_protects_is_published_with_consent_and_an_agent_is_exported(
    runfold: Runfold, tmp_path: Path
) -> None:
    file = tmp_path / "agent.yaml"
    exported = runfold("export", "hello")
    foreign = exported.replace("name: hello", "name: guarded").replace(
        "spec:\n", f"spec:\n{_RAILS}"
    )
    file.write_text(foreign)
    assert "spec.guardrails" in runfold("apply", "-f", str(file), code=exits.BAD_INPUT)
    consent = ("apply", "-f", str(file), "--accept-remarks")
    assert runfold.json(*consent, "--dry-run")["published"] == ["agent/guarded@1.0.0"]
    said = runfold.json(*consent)
    assert (said["published"], len(said["accepted"])) == (["agent/guarded@1.0.0"], 1)
    assert runfold.json("apply", "-f", str(file))["unchanged"] == ["agent/guarded@1.0.0"]


_RAILS = "  guardrails: [no-harm]\n"


def test_the_views_the_log_and_the_audit_agree_on_a_run(runfold: Runfold, hello: str) -> None:
    short = hello[:18]
    status = runfold.json("status", short)
    assert (status["run_id"], status["status"]) == (hello, "completed")
    listed = {row["run_id"]: row for row in runfold.json("runs")}
    assert (listed[hello]["seq"], listed[hello]["exit_code"]) == (status["seq"], 0)
    assert "scripted, no model" in runfold("logs", short)
    audit = runfold.json("audit", "verify", short)
    assert audit == {
        "shape": 2, "sound": True, "runs": 1, "probes": 0, "erased": 0, "unreadable": 0,
        "ended": 1, "events": status["seq"], "decisions": 2, "faults": [], "tenants": 0,
    }  # fmt: skip


def test_the_beginning_of_several_runs_is_not_enough(runfold: Runfold, hello: str) -> None:
    another = runfold.json("run", "hello again", "--agent", "hello")["run_id"]
    runfold("logs", "-f", another)
    same = takewhile(lambda pair: pair[0] == pair[1], zip(hello, another, strict=True))
    common = "".join(character for character, _ in same)
    assert len(common) >= 4
    assert "Several runs begin with" in runfold("status", common, code=exits.NOT_FOUND)
    assert "No run in the views" in runfold("status", "ffff", code=exits.NOT_FOUND)


def test_a_person_lets_the_agent_write_and_the_run_completes(runfold: Runfold) -> None:
    log = runfold.home / "logs" / "kafka.log"
    asked = runfold.json("run", "Triage kafka.log", "--agent", "log-triage", "--file", str(log))
    run_id = asked["run_id"]
    waits = _wait_for_approval(runfold, run_id)
    assert (waits["tool"], waits["risk"], waits["agent_version"]) == (
        "report.write", "local_write", "1.0.0",
    )  # fmt: skip
    assert waits["effect"].startswith("Write a Markdown report.")
    assert runfold.json("status", run_id, code=exits.TRY_AGAIN)["requires_approval"] is True
    assert "paused by a person" in runfold("pause", run_id, "--reason", "lunch")
    assert "changed nothing" in runfold("pause", run_id, code=exits.NO)
    assert "resumed" in runfold("resume", run_id)
    assert "approved by a person" in runfold("approve", waits["approval_id"], "--reason", "fine")
    assert "✓ completed" in runfold("logs", "-f", run_id)
    assert "has ended already" in runfold("approve", waits["approval_id"], code=exits.NO)
    assert (runfold.home / "workspace" / "reports" / "kafka.log.md").is_file()
    assert runfold.json("audit", "verify")["sound"] is True


def test_a_run_that_gives_up_leaves_with_its_own_code(runfold: Runfold) -> None:
    asked = runfold.json("run", "Triage x.log", "--agent", "log-triage", "--max-tool-calls", "40")
    said = runfold("logs", "-f", asked["run_id"], code=exits.NO)
    assert "✗ failed" in said
    assert runfold.json("status", asked["run_id"], code=exits.NO)["exit"]["exit_code"] == 1


def test_costs_are_summed_by_what_was_asked_for(runfold: Runfold, hello: str) -> None:
    (row,) = [r for r in runfold.json("costs", "--by", "run,model") if r["run_id"] == hello]
    assert row["model"] == "scripted:hello"
    assert row["unpriced"] == row["calls"] == 1


def test_a_rebuilt_view_equals_the_live_one(runfold: Runfold, hello: str) -> None:
    before = runfold.json("runs")
    assert runfold.json("rebuild", "runs")["rows"]["runs"] >= 1
    assert [row["run_id"] for row in runfold.json("runs")] == [row["run_id"] for row in before]
    assert runfold.json("rebuild", "runs", "--compare")["rows"] == 0
    assert "There is no view" in runfold("rebuild", "moon", code=exits.NOT_FOUND)


def test_every_view_is_folded_again_where_none_is_named(runfold: Runfold, hello: str) -> None:
    assert [done["view"] for done in runfold.json("rebuild")] == list(VIEWS)
    assert {found["rows"] for found in runfold.json("rebuild", "--compare")} == {0}


def test_garbage_on_an_input_topic_is_shown_and_stops_nothing(runfold: Runfold) -> None:
    known = json.loads((runfold.home / "run" / "state.json").read_text())
    producer = Producer({"bootstrap.servers": known["bootstrap_servers"]})
    producer.produce("runs.requests", value=b"rubbish", key=b"k")
    producer.flush(10)
    stack.wait_until(lambda: bool(runfold.json("deadletters")), 20)
    (letter,) = runfold.json("deadletters")
    assert letter["code"] == "not_framed"
    assert "72 75 62 62 69 73 68" in runfold("deadletters", "--show", "1")
    runfold("run", "still there?", "--agent", "hello", "--follow")


def test_topics_and_schemas_are_listed(runfold: Runfold) -> None:
    counts = {row["topic"]: row["partitions"] for row in runfold.json("topics")}
    assert counts["runs.events"] == 4
    assert counts["registry"] == 1
    assert "runs.events-runfold.RunCreated" in runfold("schemas", "list")
    assert "ConnectError" in runfold(
        "schemas", "publish", "--registry", "http://127.0.0.1:1", code=exits.UNAVAILABLE
    )


def test_without_the_projector_a_run_can_still_be_watched(runfold: Runfold) -> None:
    settings = stack.embedded_settings(runfold.home)
    pid = stack.pid_of(settings, "projector")
    os.kill(pid, signal.SIGSTOP)
    try:
        said = runfold("run", "hello", "--agent", "hello", "--follow")
        run_id = said.split()[1]
        assert runfold.json("status", run_id)["status"] == "completed"
        assert "✓ completed" in runfold("logs", run_id)
    finally:
        os.kill(pid, signal.SIGCONT)


def test_without_a_stack_every_command_says_what_to_do(tmp_path: Path) -> None:
    elsewhere = Runfold(tmp_path)
    for command in (["runs"], ["logs", "0" * 36], ["deadletters"], ["audit", "verify"]):
        assert "start it with `runfold up`" in elsewhere(*command, code=exits.UNAVAILABLE)
    assert elsewhere.json("status", code=exits.UNAVAILABLE) == {"phase": "down"}
    assert "Nothing was running" in elsewhere("down")


def _wait_for_approval(runfold: Runfold, run_id: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = []

    def waits() -> bool:
        found[:] = runfold.json("approvals", "--run", run_id)
        return bool(found)

    stack.wait_until(waits, 30)
    return found[0]
