"""The commands of the definition store, typed as an operator types them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runfold.events import run as j
from runfold.events import topics
from runfold.events.definitions import Definition
from runfold.processors.definitions.record import announce, key
from runfold.producers.log.memory import MemoryLog
from runfold.surfaces.application.governing.definitions import read_definitions
from runfold.surfaces.cli import exits
from runfold.surfaces.cli.__main__ import run
from tests.deciders.given import LOOK, agent, request, tool
from tests.definitions.governing import NOW, script
from tests.spec import Story
from tests.support.builders.stories import CODEC
from tests.surfaces.answering import context_of

NEWER = agent(version="1.1", max_malformed=5)


@pytest.fixture
def log() -> MemoryLog:
    made = MemoryLog(CODEC, [topic.name for topic in topics.TOPICS])
    given: list[tuple[Definition, str | None]] = [
        (LOOK, None),
        (agent(tools=("look",)), None),
        (NEWER.model_copy(update={"tools": ("look",)}), None),
        (script(name="look"), None),
        (tool("look", version="0.9"), "acme"),
    ]
    for definition, tenant in given:
        made.publish(
            topics.REGISTRY, announce(definition, "ann", NOW, tenant), key(definition, tenant)
        )
    return made


class Typed:
    """Types commands and reads what they print."""

    def __init__(self, log: MemoryLog, capsys: pytest.CaptureFixture[str]) -> None:
        self._log = log
        self._capsys = capsys

    def text(self, *words: str, code: int = exits.OK) -> str:
        assert run(list(words), context_of(self._log)) == code
        said = self._capsys.readouterr()
        return said.out + said.err

    def json(self, *words: str) -> Any:
        return json.loads(self.text(*words, "--json"))


@pytest.fixture
def types(log: MemoryLog, capsys: pytest.CaptureFixture[str]) -> Typed:
    return Typed(log, capsys)


def begun(log: MemoryLog, **changes: Any) -> str:
    """The version that a run of the agent would begin with now, or why it is refused."""
    story = Story(read_definitions(log)).when(request(**changes))
    (first, *_) = story.said
    if isinstance(first, j.RunRefused):
        return first.code
    assert isinstance(first, j.RunCreated)
    return first.agent.version


def test_list_shows_every_version_and_which_is_live(types: Typed) -> None:
    rows = types.json("definitions", "list")
    assert [(r["kind"], r["name"], r["version"], r["tenant"], r["live"]) for r in rows] == [
        ("agent", "worker", "1.0", None, False),
        ("agent", "worker", "1.1", None, True),
        ("model_script", "look", "1.0.0", None, True),
        ("tool", "look", "1.0", None, True),
        ("tool", "look", "0.9", "acme", True),
    ]
    assert "worker" in types.text("agents")
    assert [row["tenant"] for row in types.json("tools")] == [None, "acme"]
    assert [row["tenant"] for row in types.json("tools", "--tenant", "other")] == [None]
    assert len(types.json("definitions", "list", "model_script")) == 1
    assert "no kind 'spell'" in types.text("definitions", "list", "spell", code=exits.BAD_INPUT)


def test_show_says_what_a_name_stands_for(types: Typed) -> None:
    found = types.json("definitions", "show", "worker")
    assert (found["version"], found["state"], found["published_by"]) == ("1.1", "active", "ann")
    assert found["body"]["max_malformed"] == 5
    assert types.json("definitions", "show", "worker@1.0")["version"] == "1.0"
    own = types.json("definitions", "show", "tool/look", "--tenant", "acme")
    assert (own["version"], own["tenant"]) == ("0.9", "acme")
    assert "instructions" in types.text("definitions", "show", "worker")
    assert "Several kinds" in types.text("definitions", "show", "look", code=exits.NOT_FOUND)
    assert "Nothing named" in types.text("definitions", "show", "nobody", code=exits.NOT_FOUND)


def test_diff_goes_field_by_field(types: Typed) -> None:
    changes = types.json("definitions", "diff", "worker@1.0", "worker@1.1")
    assert changes == [
        {"field": "max_malformed", "before": 2, "after": 5},
        {"field": "version", "before": "1.0", "after": "1.1"},
    ]
    assert "max_malformed" in types.text("definitions", "diff", "worker@1.0", "worker@1.1")
    assert "say the same" in types.text("definitions", "diff", "worker@1.0", "worker@1.0")


def test_release_retire_and_withdraw_change_what_runs_begin_with(
    types: Typed, log: MemoryLog
) -> None:
    assert begun(log) == "1.1"
    assert "live for all" in types.text("definitions", "release", "worker@1.0", "--reason", "ok")
    assert begun(log) == "1.0"
    types.text("definitions", "release", "worker@1.1", "--tenant", "acme")
    assert (begun(log), begun(log, tenant_id="other")) == ("1.1", "1.0")
    types.text("definitions", "retire", "worker@1.0", "--reason", "old")
    assert begun(log, tenant_id="other") == "retired_agent"
    types.text("definitions", "retire", "worker@1.0", "--undo")
    assert begun(log, tenant_id="other") == "1.0"
    types.text("definitions", "withdraw", "worker@1.0", "--live", "refuse", "--reason", "unsafe")
    assert begun(log, tenant_id="other") == "withdrawn_agent"
    (row, *_) = types.json("definitions", "list", "agent")
    assert (row["state"], row["reason"]) == ("withdrawn", "unsafe")
    types.text("definitions", "release", "worker")
    assert begun(log, tenant_id="other") == "1.1"


def test_an_alias_is_a_name_for_a_run(types: Typed, log: MemoryLog) -> None:
    types.text("definitions", "alias", "helper", "worker@1.0")
    assert begun(log, agent="helper") == "1.0"
    types.text("definitions", "alias", "helper")
    assert begun(log, agent="helper") == "unknown_agent"


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("release", "worker@9.0"), exits.BAD_INPUT, "Worker@9.0 is not published for all"),
        (("retire", "worker"), exits.BAD_INPUT, "Say which version of worker"),
        (("withdraw", "worker@1.0", "--live", "kill"), exits.BAD_INPUT, "finish or be refused"),
        (("alias", "worker", "other"), exits.NOT_FOUND, "Nothing named other"),
        (("alias", "agent/worker", "worker@1.0"), exits.BAD_INPUT, "is the name of a published"),
    ],
)
def test_what_cannot_be_decided_is_said_and_changes_nothing(
    types: Typed, log: MemoryLog, words: tuple[str, ...], code: int, says: str
) -> None:
    before = len(list(log.read(topics.REGISTRY)))
    assert says in types.text("definitions", *words, code=code)
    assert len(list(log.read(topics.REGISTRY))) == before
