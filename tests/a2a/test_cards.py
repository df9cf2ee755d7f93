"""Cards: who sees which, what they say, and that nobody else can sign one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from a2a.client.card_resolver import parse_agent_card
from a2a.utils.signing import SignatureVerificationError, create_signature_verifier
from jwt import PyJWK

from runfold.events import topics
from runfold.infra.settings.errors import ConfigError
from runfold.processors.definitions.record import announce
from runfold.surfaces.a2a.app import Shown
from runfold.surfaces.a2a.cards.signing import card_key_in
from tests.a2a.calling import agents
from tests.deciders.given import agent
from tests.http.serving import Served

CARD = "/.well-known/agent-card.json"
WORKER = f"/a2a/agents/worker{CARD}"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with agents(tmp_path, shown=Shown(("worker",))) as found:
        described = agent(name="secretive", description="Knows much.")
        of_acme = announce(described, "me", datetime.now(UTC), "acme")
        found.log.publish(topics.REGISTRY, of_acme, "k")
        yield found


def test_strangers_see_what_is_public_and_no_more(served: Served) -> None:
    stranger = served.stranger()
    card = stranger.get(WORKER)
    assert card.status_code == 200, card.text
    assert "look" not in card.text
    assert [each["name"] for each in card.json()["skills"]] == ["worker"]
    # One that is there and one that is not look the same.
    answers = [stranger.get(f"/a2a/agents/{name}{CARD}") for name in ("secretive", "nobody")]
    assert [each.status_code for each in answers] == [401, 401]
    assert [each.json()["detail"] for each in answers] == [answers[0].json()["detail"]] * 2
    assert stranger.get(CARD).json()["name"] == "worker"


def test_a_tenants_own_agent_is_its_own(served: Served) -> None:
    own = f"/a2a/agents/secretive{CARD}"
    assert served.client().get(own).json()["name"] == "secretive"
    assert served.client(tenant="umbrella").get(own).status_code == 404
    assert served.client(tenant="umbrella").get(WORKER).status_code == 200
    # Two are seen by one tenant, so none is the default; the other sees one.
    assert served.client().get(CARD).status_code == 404
    assert served.client(tenant="umbrella").get(CARD).json()["name"] == "worker"
    wrong = served.stranger()
    wrong.headers["authorization"] = "Bearer rf_none_none"
    assert wrong.get(WORKER).status_code == 401


def test_a_card_says_how_it_is_called_and_by_whom(served: Served) -> None:
    said = served.client().get(WORKER).json()
    address = f"{served.url}/a2a/agents/worker"
    spoken = {(e["protocolBinding"], e["protocolVersion"]) for e in said["supportedInterfaces"]}
    assert spoken == {(b, v) for b in ("JSONRPC", "HTTP+JSON") for v in ("1.0", "0.3")}
    assert {each["url"] for each in said["supportedInterfaces"]} == {address}
    assert said["securitySchemes"]["api_key"]["httpAuthSecurityScheme"]["scheme"] == "bearer"
    assert said["capabilities"]["extendedAgentCard"] is True
    assert said["capabilities"]["pushNotifications"] is False
    # Whoever names another host in a request is not given a card that points there.
    elsewhere = httpx.get(
        f"{served.url}{WORKER}", headers={"host": "evil.example"}, timeout=30
    ).json()
    assert elsewhere["supportedInterfaces"] == said["supportedInterfaces"]
    extended = served.client().get(
        "/a2a/agents/worker/extendedAgentCard", headers={"a2a-version": "1.0"}
    )
    assert {"tool:look", "tool:write"} <= {each["id"] for each in extended.json()["skills"]}


def test_a_card_that_was_changed_is_not_signed(served: Served) -> None:
    (key,) = served.stranger().get("/a2a/jwks.json").json()["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    verify = create_signature_verifier(lambda _kid, _jku: PyJWK(key), ["ES256"])
    said = served.client().get(WORKER).json()
    verify(parse_agent_card(json.loads(json.dumps(said))))
    for name, value in (("name", "another"), ("version", "9"), ("supportedInterfaces", [])):
        with pytest.raises(SignatureVerificationError):
            verify(parse_agent_card({**json.loads(json.dumps(said)), name: value}))


def test_a_key_file_is_made_once_and_others_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    assert card_key_in(file).kid == card_key_in(file).kid
    assert file.stat().st_mode & 0o077 == 0
    for wrong in (b"", b"no key", file.read_bytes()[:50]):
        other = tmp_path / "wrong.pem"
        other.write_bytes(wrong)
        with pytest.raises(ConfigError, match="openssl"):
            card_key_in(other)


def test_only_what_is_read_is_read(served: Served) -> None:
    client = served.client()
    for path in (CARD, WORKER, "/a2a/jwks.json"):
        refused = client.post(path, json={})
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD"), path
    for path in ("/a2a", "/a2a/", "/a2a/agents", "/a2a/agents//x", "/a2a/nothing"):
        assert client.get(path).status_code == 404, path
    refused = client.delete("/a2a/agents/worker/message:send")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
