"""A policy server over HTTP: what it says is heard, and nothing that is wrong with it permits."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from runfold.events.calls import Outcome, PolicyQuestion, PolicyResult, PolicyWork
from runfold.events.contents.content import json_content
from runfold.events.values import Attribution
from runfold.infra.settings.errors import ConfigError
from runfold.processors.policy_server.processor import Place, PolicyServerProcessor, place_of
from tests.support.opa import OpaDouble, opa_double

PATH = "runfold/tools"
JSON = {"content-type": "application/json"}


@pytest.fixture
def opa() -> Iterator[OpaDouble]:
    with opa_double() as double:
        yield double


def work(*paths: str, denies: bool = False, timeout_ms: int = 20_000) -> PolicyWork:
    return PolicyWork(
        run_id="r",
        tenant_id="acme",
        call_id="r.3",
        attempt=2,
        questions=tuple(
            PolicyQuestion(policy=f"{path}@1", path=path, timeout_ms=timeout_ms)
            for path in paths or (PATH,)
        ),
        input=json_content({"tool": {"name": "send"}}),
        timeout_ms=timeout_ms,
        denies=denies,
        attribution=Attribution(user_id="ann", agent="a", agent_version="1", prompt_version="1"),
        traceparent="",
    )


def asked(place: Place | None, question: PolicyWork) -> PolicyResult:
    async def ask() -> PolicyResult:
        async with PolicyServerProcessor(place) as processor:
            return await processor.call(question)

    return asyncio.run(ask())


def of(opa: OpaDouble, *paths: str, **more: Any) -> PolicyResult:
    return asked(Place(opa.address), work(*paths, **more))


def test_an_answer_is_reported_with_the_servers_names_for_it(opa: OpaDouble) -> None:
    opa.rules[PATH] = lambda given: given["tool"]["name"] == "send"
    place = Place(opa.address, token="t-1")
    result = asked(place, work())
    assert result.outcome is Outcome.SUCCEEDED
    (answer,) = result.answers
    assert (answer.policy, answer.permitted, answer.asks_person) == (f"{PATH}@1", True, False)
    assert (answer.decision_id, answer.revision) == ("d-1", "main@r7")
    assert result.input_digest == work().input.digest
    assert opa.asked == [(PATH, {"tool": {"name": "send"}}, "Bearer t-1")]


@pytest.mark.parametrize(
    ("said", "permitted", "asks", "reason"),
    [
        (False, False, False, ""),
        ({"allow": True}, True, False, ""),
        ({"allow": True, "approval": True, "helper": [1]}, True, True, ""),
        ({"allow": False, "reason": "Not\nhere."}, False, False, "Not here."),
        ({"allow": True, "deny": ["one.", "two."]}, False, False, "one. two."),
        ({"allow": True, "deny": []}, True, False, ""),
        ({"allow": True, "deny": True}, False, False, ""),
        ({"allow": False, "reason": "x" * 900}, False, False, "x" * 500),
    ],
)
def test_a_result_is_a_boolean_or_an_object(
    opa: OpaDouble, said: Any, permitted: bool, asks: bool, reason: str
) -> None:
    opa.rules[PATH] = lambda _given: said
    (answer,) = of(opa).answers
    assert (answer.permitted, answer.asks_person, answer.reason) == (permitted, asks, reason)


def result(value: Any, **more: Any) -> tuple[int, dict[str, str], bytes]:
    return 200, JSON, json.dumps({"result": value, **more}).encode()


BAD = {
    "undefined": (200, JSON, b"{}"),
    "a text": result("true"),
    "a number": result(1),
    "null": result(None),
    "a list": result([True]),
    "no allow": result({"permit": True}),
    "allow is a text": result({"allow": "true"}),
    "approval is a text": result({"allow": True, "approval": "no"}),
    "deny is an object": result({"allow": True, "deny": {}}),
    "reason is a number": result({"allow": True, "reason": 1}),
    "half a character": (200, JSON, b'{"result": {"allow": true, "reason": "\\ud800"}}'),
    "decision is a number": result(True, decision_id=7),
    "provenance is a text": result(True, provenance="x"),
    "bundles is a list": result(True, provenance={"bundles": []}),
    "twice": (200, JSON, b'{"result": false, "result": true}'),
    "twice inside": (200, JSON, b'{"result": {"allow": false, "allow": true}}'),
    "not a number": (200, JSON, b'{"result": NaN}'),
    "no json": (200, JSON, b"true, I think"),
    "deep": (200, JSON, b'{"result":' + b"[" * 30_000),
    "empty": (200, JSON, b""),
    "not utf-8": (200, JSON, b'{"result": "\xff"}'),
    "an array": (200, JSON, b"[true]"),
    "huge": (200, JSON, b" " * 70_000 + b'{"result": true}'),
    "gzip": (200, {"content-encoding": "gzip"}, gzip.compress(b'{"result": true}')),
    "created": (201, JSON, b'{"result": true}'),
    "no content": (204, JSON, b""),
    "an error": (500, JSON, b'{"code": "internal_error", "result": true}'),
    "unauthorised": (401, JSON, b'{"result": true}'),
    "cut off": (200, {"content-length": "900"}, b'{"result": true}'),
}


@pytest.mark.parametrize("how", BAD)
@pytest.mark.parametrize(("denies", "outcome"), [(False, Outcome.HELD), (True, Outcome.FAILED)])
def test_what_is_no_clear_answer_permits_nothing(
    opa: OpaDouble, how: str, denies: bool, outcome: Outcome
) -> None:
    opa.raw = BAD[how]
    found = of(opa, denies=denies)
    assert found.outcome is outcome
    assert found.answers == ()
    assert found.error is not None
    assert found.error.error_type == "policy_server"
    assert len(found.error.message) < 500


def test_no_redirection_is_followed(opa: OpaDouble) -> None:
    with opa_double() as other:
        other.rules[PATH] = lambda _given: True
        opa.raw = (307, {"location": f"{other.address}/v1/data/{PATH}"}, b"")
        found = of(opa)
        assert found.outcome is Outcome.HELD
        assert other.asked == []


def test_a_server_that_says_a_byte_at_a_time_is_given_up(opa: OpaDouble) -> None:
    opa.rules[PATH] = lambda _given: True
    opa.slow_s = 0.2
    found = of(opa, timeout_ms=500)
    assert found.outcome is Outcome.HELD
    assert found.error is not None
    assert "within 500 ms" in found.error.message


def test_a_server_that_is_away_holds(opa: OpaDouble) -> None:
    found = asked(Place("http://127.0.0.1:1"), work())
    assert found.outcome is Outcome.HELD
    assert found.error is not None
    assert "cannot be reached" in found.error.message


def test_where_no_server_is_set_up_nothing_is_permitted() -> None:
    found = asked(None, work())
    assert found.outcome is Outcome.HELD
    assert found.error is not None
    assert found.error.error_type == "no_policy_server"
    assert "RUNFOLD_OPA_ADDR" in found.error.message


def test_one_answer_that_is_missing_is_missing_for_all(opa: OpaDouble) -> None:
    opa.rules[PATH] = lambda _given: True
    found = of(opa, PATH, "other")
    assert found.outcome is Outcome.HELD
    assert [path for path, _, _ in opa.asked] == [PATH, "other"]
    opa.rules["other"] = lambda _given: False
    assert [each.permitted for each in of(opa, PATH, "other").answers] == [True, False]


def test_the_settings_name_the_server(tmp_path: Any) -> None:
    assert place_of({}, {}) is None
    env = {"RUNFOLD_OPA_ADDR": "https://opa.example/"}
    place = place_of(env, {"RUNFOLD_OPA_TOKEN": "t"})
    assert place == Place("https://opa.example", "t")
    with pytest.raises(ConfigError, match="RUNFOLD_OPA_CACERT"):
        place_of({**env, "RUNFOLD_OPA_CACERT": str(tmp_path / "none.pem")}, {})
