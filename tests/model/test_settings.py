from __future__ import annotations

import pytest

from runfold.events.calls import Outcome
from runfold.processors.model.providers.settings import SettingsError
from tests.model.given import KEY, call, script, settings, work
from tests.model.server import Answer, Provider, chat


@pytest.mark.parametrize(
    ("env", "configured"),
    [
        ({}, ()),
        ({"OPENAI_API_KEY": " "}, ()),
        ({"ANTHROPIC_API_KEY": KEY}, ("anthropic:claude-sonnet-4-5",)),
        ({"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_MODEL": "claude-x"}, ("anthropic:claude-x",)),
        (
            {"ANTHROPIC_API_KEY": KEY, "OPENAI_API_KEY": KEY, "OPENAI_MODEL": "gpt-x"},
            ("openai:gpt-x", "anthropic:claude-sonnet-4-5"),
        ),
        ({"OPENAI_BASE_URL": "http://localhost:8000/v1", "OPENAI_MODEL": "q"}, ("openai:q",)),
        (
            {"RUNFOLD_MODEL": "scripted", "OPENAI_API_KEY": KEY, "OPENAI_MODEL": "q"},
            ("scripted", "openai:q"),
        ),
    ],
)
def test_default_stands_for_what_is_configured(
    env: dict[str, str], configured: tuple[str, ...]
) -> None:
    assert settings(**env).configured == configured


def test_default_runs_the_script_where_nothing_is_configured() -> None:
    found = call(work(model="default:demo"), settings(), script({"text": "hi"}))
    assert (found.outcome, found.model) == (Outcome.SUCCEEDED, "scripted:demo")


def test_default_speaks_to_the_provider_that_is_configured(openai: Provider) -> None:
    openai.will(Answer(body=chat("ok")))
    configured = settings(OPENAI_BASE_URL=openai.address + "/v1/", OPENAI_MODEL="local-8b")
    found = call(work(model="default:demo"), configured, script({"text": "hi"}))
    assert (found.model, found.provider) == ("openai:local-8b", "openai")
    assert openai.asked[0].path == "/v1/chat/completions"
    assert "authorization" not in openai.asked[0].headers


def test_nothing_configured_and_no_script_says_what_to_set() -> None:
    found = call(work(model="default"), settings())
    assert found.error is not None
    assert "set OPENAI_API_KEY" in found.error.message


def test_further_providers_are_added_by_name(openai: Provider) -> None:
    openai.will(Answer(body=chat("ok")))
    spec = f"{{house: {{kind: openai, base_url: '{openai.address}', key_env: HOUSE_KEY}}}}"
    found = call(
        work(model="house:llama3:8b"), settings(RUNFOLD_PROVIDERS=spec, HOUSE_KEY="house-canary")
    )
    assert (found.model, found.provider) == ("house:llama3:8b", "house")
    assert openai.asked[0].body["model"] == "llama3:8b"
    assert openai.asked[0].headers["authorization"] == "Bearer house-canary"
    assert "house-canary" not in repr(settings(RUNFOLD_PROVIDERS=spec, HOUSE_KEY="house-canary"))


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"RUNFOLD_MODEL": "gpt-4o"}, "write provider:model"),
        ({"OPENAI_BASE_URL": "localhost:8000"}, "OPENAI_BASE_URL: the address must look like"),
        ({"OPENAI_BASE_URL": "http://u:p@h/v1"}, "put credentials in the key's variable"),
        ({"OPENAI_BASE_URL": "http://token@h/v1"}, "put credentials in the key's variable"),
        ({"OPENAI_BASE_URL": "http://h:99999/"}, "the address must look like"),
        ({"RUNFOLD_PROVIDERS": "{openai: {base_url: 'http://h'}}"}, "choose a name"),
        ({"RUNFOLD_PROVIDERS": "{x: {base_url: 'http://h', kind: y}}"}, "openai or anthropic"),
        ({"RUNFOLD_PROVIDERS": "{x: {base_url: 'http://h', keyenv: y}}"}, "give kind, base_url"),
        ({"RUNFOLD_PROVIDERS": "{x: {kind: openai}}"}, "the address must look like"),
        ({"RUNFOLD_PROVIDERS": "{x: "}, "RUNFOLD_PROVIDERS cannot be read"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(env: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        settings(**env)
