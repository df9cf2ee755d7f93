"""A child holds no secret but those of the call it makes, and none of them leaves."""

from __future__ import annotations

import logging
import os
import pwd

import pytest

from runfold.infra.secrets.taking import environment_for_others
from runfold.infra.settings.errors import ConfigError
from runfold.processors.tool.children.settings import ChildSettings
from runfold.processors.tool.settings import ToolSettings
from tests.hard.tools.conftest import CRM, OTHER
from tests.hard.tools.nest import Nest, fault, value

SECRETS = {
    "RUNFOLD_SECRET_CRM": CRM,
    "OPENAI_API_KEY": "sk-s3cret",
    "AWS_SECRET_ACCESS_KEY": "s3cret-of-aws",
    "DATABASE_URL": "postgresql://runfold:s3cret@db/runfold",
    "RUNFOLD_SECRETS_FOLDER": "/run/s3cret",
    "RUNFOLD_FAILPOINT": "s3cret",
}


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, held in SECRETS.items():
        monkeypatch.setenv(name, held)
    monkeypatch.setenv("KEPT", "yes")


@pytest.mark.usefixtures("kept")
def test_what_others_may_have_is_no_secret() -> None:
    given = environment_for_others()
    assert given["KEPT"] == "yes"
    assert not SECRETS.keys() & given.keys()


@pytest.mark.usefixtures("kept")
def test_a_child_finds_no_secret() -> None:
    with Nest(secrets={"crm": CRM}) as nest:
        found = value(nest.one("finds"))
    assert found["environ"]["KEPT"] == "yes"
    assert found["given"] == {}
    assert "s3cret" not in str(found)


def test_what_a_tool_keeps_is_masked(nest: Nest) -> None:
    told = value(nest.one("keeps", other=OTHER))
    assert told["read"] == '["[redacted]", "[redacted]"]'
    assert nest.artifacts.get(told["ref"], "acme") == told["read"].encode()
    assert told["size"] == len(told["read"])


def test_a_tool_reaches_the_artifacts_of_its_tenant_only(nest: Nest) -> None:
    own = nest.artifacts.put(b"ours", "text/plain", "acme")
    other = nest.artifacts.put(b"theirs", "text/plain", "globex")
    assert value(nest.one("fetches", ref=own.ref)) == "ours"
    outcome, kind, message = fault(nest.one("fetches", ref=other.ref))
    assert (outcome, kind) == ("failed", "tool_error")
    assert message == "ArtifactMissingError: There is no such artifact for this tenant."


def test_what_a_tool_writes_is_a_log_line_of_its_call(
    nest: Nest, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "runfold.tools.output")
    nest.one("says", text=f"hear {OTHER}")
    lines = [(r.getMessage(), vars(r)["tool_call"]) for r in caplog.records if "hear" in r.message]
    said, call = lines[0]
    assert said == "tests.hard.tools.hostile: hear [redacted]"
    assert len(lines) == 4
    assert {about for _, about in lines} == {call}
    assert any(text.endswith("[redacted] \\xff") for text, _ in lines)
    assert OTHER not in caplog.text


def test_what_a_tool_writes_is_bounded(nest: Nest, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "runfold.tools.output")
    nest.one("says", text="m" * 5000, times=3000)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) < 250
    assert max(map(len, lines)) < 2200
    assert any("more lines" in line for line in lines)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a child as somebody else")
def test_a_child_drops_to_the_user_that_is_set() -> None:
    nobody = pwd.getpwnam("nobody")
    with Nest(settings=ChildSettings(user="nobody")) as nest:
        found = value(nest.one("finds"))
    assert (found["uid"], found["groups"]) == (nobody.pw_uid, [])


def test_a_user_who_is_not_there_is_one_sentence() -> None:
    with pytest.raises(ConfigError, match="RUNFOLD_TOOL_USER must be a user of this machine"):
        ToolSettings.from_env({"RUNFOLD_TOOL_USER": "nobody-here"})
    own = pwd.getpwuid(os.geteuid()).pw_name
    assert ToolSettings.from_env({"RUNFOLD_TOOL_USER": own}).user == ""
