"""What docs/model-scripts.md and docs/models.md show works, and what they list is complete."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from runfold.events.calls import Outcome
from runfold.events.definitions import ScriptTurn
from runfold.events.values import Usage
from runfold.processors.model.providers.faults import ProviderFaultError
from runfold.processors.model.scripted.conditions import KNOWN
from tests.model.given import assistant, call, proposed, result, script, settings, user, work

DOCS = Path(__file__).parents[2] / "docs"
SCRIPTS = (DOCS / "model-scripts.md").read_text(encoding="utf-8")
MODELS = (DOCS / "models.md").read_text(encoding="utf-8")


def block(page: str, kind: str) -> Any:
    found = re.search(rf"^```{kind}\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert found, kind
    return yaml.safe_load(found[1])


@pytest.mark.parametrize(("errors", "tools"), [(2, ["files.search", "files.read"]), (0, None)])
def test_the_script_shown_plays(errors: int, tools: list[str] | None) -> None:
    model_script = script(*block(SCRIPTS, "yaml")["spec"]["turns"])
    stats = {"lines": 9, "levels": {"ERROR": errors}, "top": [{"first_line": 4}]}
    seen = (user("go"), assistant(None, proposed("c", "logs.stats", {})), result("c", stats))
    found = call(work(*seen, model="scripted:demo"), None, model_script)
    assert found.answer is not None
    calls = found.answer.tool_calls
    if tools is not None:
        assert [made.name for made in calls] == tools
        assert calls[1].arguments.inline == b'{"offset":4,"path":"kafka.log"}'
    else:
        assert calls[0].name == "complete_task"
        assert b'"summary":"9 lines, 0 errors"' in (calls[0].arguments.inline or b"")


def test_every_field_and_condition_of_a_turn_is_described() -> None:
    for name in (*ScriptTurn.model_fields, *KNOWN, *Usage.model_fields):
        assert f"`{name}`" in SCRIPTS, name


def test_the_settings_shown_are_understood() -> None:
    providers, prices = (
        yaml.safe_dump(block(MODELS, f"yaml {kind}"), default_flow_style=True)
        for kind in ("providers", "prices")
    )
    found = settings(RUNFOLD_PROVIDERS=providers, RUNFOLD_PRICES=prices, HOUSE_KEY="k")
    assert found.configured == ("house:llama-3.3-70b",)
    assert found.table.find("house:anything") is not None
    assert found.table.find("scripted:demo") is not None


def test_every_error_does_what_its_line_says() -> None:
    lines = re.findall(r"^\| (`[a-z_`, ]+) \| (yes|no) \| (yes|no) \|$", MODELS, re.MULTILINE)
    assert len(lines) == 4
    for errors, again, elsewhere in lines:
        for error_type in re.findall(r"`(\w+)`", errors):
            fault = ProviderFaultError(error_type, "")
            assert (fault.retryable, fault.falls_back) == (again == "yes", elsewhere == "yes")


def test_a_script_is_labelled_as_scripted() -> None:
    found = call(work(model="default:demo"), None, script({"text": "hi"}))
    assert (found.outcome, found.provider) == (Outcome.SUCCEEDED, "scripted")
