"""Asking for runs, watching them, looking at them as they were."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runfold.events import topics
from runfold.events.records.commands import RunRequested
from runfold.events.run import Event
from runfold.infra.artifacts.files import FileArtifacts
from runfold.surfaces.cli import exits
from runfold.surfaces.cli.__main__ import run
from runfold.surfaces.cli.commands.running.runs import since_of
from runfold.surfaces.cli.context import Context
from runfold.surfaces.cli.faults import CliError
from tests.deciders.given import RUN, request
from tests.support.builders.stories import CODEC, STORIES, WRITES
from tests.surfaces.answering import AnsweringLog, answering, context_of, published


def requests(log: AnsweringLog) -> list[RunRequested]:
    read = [found.record for found in log.read(topics.REQUESTS)]
    return [record for record in read if isinstance(record, RunRequested)]


def test_run_asks_and_prints_the_id(capsys: pytest.CaptureFixture[str]) -> None:
    log = answering()
    assert run(["run", "find out", "--agent", "worker"], context_of(log)) == exits.OK
    (asked,) = requests(log)
    assert capsys.readouterr().out.strip() == asked.run_id
    assert (asked.goal.inline, asked.agent, asked.source) == (b"find out", "worker", "cli")


class Unpriced(AnsweringLog):
    """A run processor that knows no price."""

    def _append(self, run_id: str, written: Sequence[tuple[bytes, object]]) -> None:
        (_, created), *rest = written
        assert isinstance(created, Event)
        fact = created.fact.model_copy(update={"unpriced": True})
        super()._append(run_id, [(CODEC.encode_event(created.meta, fact), created), *rest])


@pytest.mark.parametrize("json_", [False, True], ids=["plain", "json"])
@pytest.mark.parametrize(("log", "unpriced"), [(AnsweringLog, False), (Unpriced, True)])
def test_run_warns_where_a_limit_of_money_cannot_be_kept(
    log: type[AnsweringLog], unpriced: bool, json_: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    found = published(log())
    more = ["--json"] if json_ else []
    assert run(["run", "x", "--agent", "worker", *more], context_of(found)) == exits.OK
    (asked,) = requests(found)
    said = capsys.readouterr()
    if json_:
        assert json.loads(said.out) == {"run_id": asked.run_id, "unpriced": unpriced}
    else:
        assert said.out.strip() == asked.run_id
    warns = "cannot be kept, since no price of " in said.err
    assert warns is (unpriced and not json_)


def test_run_does_not_wait_for_long_where_nobody_answers(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Context, "warns_within", 0.2)
    log = answering()
    log.deaf = True
    assert run(["run", "x", "--agent", "worker", "--json"], context_of(log)) == exits.OK
    assert json.loads(capsys.readouterr().out)["unpriced"] is None


def test_run_carries_limits_tenant_user_and_feature() -> None:
    log = answering()
    limits = ["--max-cost", "0.5", "--max-seconds", "3", "--max-tool-calls", "4"]
    whose = ["--tenant", "acme", "--user", "ann", "--feature", "f"]
    run(["run", "x", "--agent", "worker@1.0", *limits, *whose], context_of(log))
    (asked,) = requests(log)
    assert asked.limits is not None
    assert (str(asked.limits.max_cost), asked.limits.max_duration_ms) == ("0.500000000000", 3000)
    assert asked.limits.max_tool_calls == 4
    assert (asked.tenant_id, asked.user_id, asked.feature) == ("acme", "ann", "f")
    assert (asked.agent, asked.agent_version) == ("worker", "1.0")


def test_a_file_is_copied_into_the_workspace_and_attached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = tmp_path / "workspace"
    monkeypatch.setenv("RUNFOLD_WORKSPACE", str(workspace))
    monkeypatch.setenv("RUNFOLD_HOME", str(tmp_path / "home"))
    for folder, text in (("one", "a"), ("two", "b")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.log").write_text(text)
        log = answering()
        run(["run", "go", "--agent", "worker", "--file", str(tmp_path / folder / "x.log")],
            context_of(log))  # fmt: skip
        (asked,) = requests(log)
        (attached,) = asked.attachments
        # The second file has the name of the first and other content: it gets a name of its own.
        assert (workspace / attached.name).read_text() == text
        assert attached.name in (asked.goal.inline or b"").decode()
        # What its model is shown.
        kept = FileArtifacts(tmp_path / "home" / "artifacts").get(
            attached.content.ref or "", asked.tenant_id
        )
        assert (kept.decode(), attached.content.size) == (text, 1)
    assert len(list(workspace.iterdir())) == 2


def test_a_file_that_is_not_there_is_not_found(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNFOLD_WORKSPACE", str(tmp_path))
    log = answering()
    assert run(["run", "go", "--file", "/no/such"], context_of(log)) == exits.NOT_FOUND
    assert requests(log) == []


def test_a_goal_beyond_all_measure_is_refused_before_it_is_sent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = answering()
    assert run(["run", "x" * 1_000_001], context_of(log)) == exits.BAD_INPUT
    assert "1,000,000 are allowed" in capsys.readouterr().err
    assert requests(log) == []


def test_following_a_refused_run_ends_with_the_runs_own_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = run(["run", "x", "--agent", "nobody", "--follow"], context_of(answering()))
    assert code == exits.REFUSED_RUN
    assert "refused: no agent 'nobody' is published" in capsys.readouterr().out


def test_following_a_request_that_became_a_dead_letter_says_why(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Context, "begins_within", 0.5)
    log = answering()
    log.bury(RUN, "stale_request", "the id is too old")
    assert run(["logs", "-f", RUN], context_of(log)) == exits.BAD_INPUT
    assert "(stale_request): the id is too old" in capsys.readouterr().err


def test_following_what_never_begins_ends_after_a_bounded_wait(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Context, "begins_within", 0.5)
    assert run(["logs", "-f", RUN], context_of(answering())) == exits.NOT_FOUND


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("completes", 0), ("gives up", 1), ("is refused", 2), ("runs out of money", 3),
        ("has no model", 4), ("is cancelled", 5), ("is approved", 0),
    ],
)  # fmt: skip
def test_status_passes_a_runs_own_exit_code_through(name: str, code: int) -> None:
    assert run(["status", RUN], context_of(answering(*STORIES[name]))) == code


def test_status_of_a_live_run_says_what_it_waits_for(capsys: pytest.CaptureFixture[str]) -> None:
    context = context_of(answering(request(), WRITES))
    assert run(["status", RUN], context) == exits.TRY_AGAIN
    said = capsys.readouterr().out
    assert "waiting_for_human after event" in said
    assert f"runfold approve {RUN[:18]}.2" in said


def test_status_for_programs_has_what_a_person_asks_for(capsys: pytest.CaptureFixture[str]) -> None:
    run(["status", RUN, "--json"], context_of(answering(request(), WRITES)))
    said = json.loads(capsys.readouterr().out)
    assert said["run_id"] == RUN
    assert said["requires_approval"] is True
    assert said["cost_usd"] == 0.01
    assert said["waits_for"][0]["call_id"] == f"{RUN}.2"
    assert said["last_action"].startswith("#2 May worker call write?")


def test_logs_show_what_matters_and_with_all_everything(capsys: pytest.CaptureFixture[str]) -> None:
    context = context_of(answering(*STORIES["is approved"]))
    assert run(["logs", RUN], context) == exits.OK
    some = capsys.readouterr().out.splitlines()
    assert run(["logs", RUN, "--all"], context) == exits.OK
    everything = capsys.readouterr().out.splitlines()
    assert any("approved by person-1 (person)" in line for line in some)
    assert not any("checkpoint 1" in line for line in some)
    assert any("checkpoint 1" in line for line in everything)


def test_logs_for_programs_are_one_event_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    context = context_of(answering(*STORIES["completes"]))
    assert run(["logs", "-f", RUN, "--json"], context) == exits.OK
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    assert rows[0]["type"] == "RunCreated"
    assert rows[-1]["fact"]["exit"]["exit_code"] == 0


def test_show_folds_the_state_as_of_any_event(capsys: pytest.CaptureFixture[str]) -> None:
    context = context_of(answering(*STORIES["is approved"]))
    stood = []
    for at in ("3", "10", "13"):
        assert run(["show", RUN, "--at", at, "--json"], context) == exits.OK
        state = json.loads(capsys.readouterr().out)
        stood.append((state["status"], len(state["calls"])))
    assert stood == [
        ("planning", 0),
        ("waiting_for_human", 1),
        ("checkpointing", 0),
    ]


def test_show_beyond_the_end_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    context = context_of(answering(request(), WRITES))
    assert run(["show", RUN, "--at", "999"], context) == exits.NOT_FOUND
    assert "10 events, not 999" in capsys.readouterr().err


def test_a_span_of_time_is_counted_back_from_now() -> None:
    since = since_of("7d")
    assert since is not None
    assert abs(datetime.now(UTC) - timedelta(days=7) - since) < timedelta(minutes=1)
    assert since_of(None) is None


@pytest.mark.parametrize("text", ["", "7", "d", "-1d", "7w", "99999999999d"])
def test_what_is_no_span_of_time_is_a_usage_error(text: str) -> None:
    with pytest.raises(CliError) as caught:
        since_of(text)
    assert caught.value.code == exits.USAGE
