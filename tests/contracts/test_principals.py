"""One principal: by an API key, by a token of an issuer, and by a credential on Kafka."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from runfold.events import topics
from runfold.events.people.proved import Proved
from runfold.infra.credentials.bearer.verifying import Verifier
from runfold.infra.credentials.checking import Checker, Said, Sent
from runfold.infra.credentials.signing import Signer, granted_roles
from runfold.infra.credentials.token import ANYBODY, Claims, Token, issue
from runfold.producers.client import RunClient
from tests.http.issuing import Issuing, ec, issuing
from tests.http.serving import Served, serving
from tests.support.builders.stories import CODEC
from tests.surfaces.answering import answering

KEY = b"k" * 32
SIGNING = ec()
ROLES, SCOPES = ("clerk", "chief"), ("read:mail", "write:mail")
HTTP = ("runs:read", "runs:write")


def token(tenant: str, user: str, roles: tuple[str, ...], scopes: tuple[str, ...]) -> Token:
    expires = int((datetime.now(UTC) + timedelta(hours=1)).timestamp())
    return issue("k1", KEY, Claims(tenant, user, expires, f"of {user}", roles, scopes))


OWN = token("acme", "ada", ROLES, SCOPES)
GATEWAYS = token(ANYBODY, ANYBODY, (ANYBODY,), (ANYBODY,))


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuing]:
    with issuing() as found:
        found.publish(SIGNING)
        yield found


@pytest.fixture
def served(issuer: Issuing) -> Iterator[Served]:
    with serving(answering(), tokens=Verifier([issuer.described()])) as found:
        yield found


def asked_over_http(served: Served, credential: str, request_id: str) -> tuple[Any, Any]:
    client = served.client(key=credential)
    headers = {"x-request-id": request_id}
    who = client.get("/identity", headers=headers).json()
    body = {"goal": "find out", "agent": "worker"}
    answer = client.post("/runs", json=body, headers=headers)
    assert answer.status_code == 202
    return who, asked_on(served, answer.json()["run_id"])


def asked_on(served: Served, run_id: str) -> Any:
    """The request for a run, as it is on the log."""
    found = [each.record for each in served.log.read(topics.REQUESTS)]
    return next(each for each in found if getattr(each, "run_id", "") == run_id)


def proved(record: Any, by: Token) -> Proved | None:
    """What the run processor finds of a record that somebody signed."""
    value = CODEC.encode(topics.REQUESTS, record)
    sent = Sent(
        topics.REQUESTS, value, Signer(by).headers(topics.REQUESTS, value), datetime.now(UTC)
    )
    said = Said(record.tenant_id, record.user_id, record.roles, record.scopes)
    return Checker({"k1": KEY}, required=True).judge(sent, said)


def principal(record: Any) -> tuple[Any, ...]:
    return (
        record.tenant_id, record.user_id, record.roles, record.scopes, record.data_classification,
    )  # fmt: skip


def test_a_key_a_token_and_a_credential_are_one_principal_on_record(
    served: Served, issuer: Issuing
) -> None:
    key = served.key(user="ada", roles=ROLES, scopes=(*HTTP, *SCOPES))
    jwt = issuer.token(SIGNING, roles=list(ROLES), scope=" ".join((*HTTP, *SCOPES)))
    by_key, first = asked_over_http(served, key, "r-1")
    by_token, second = asked_over_http(served, jwt, "r-2")
    marks = {"request_id", "trace_id"}
    assert {n: v for n, v in by_key.items() if n not in marks} == {
        n: v for n, v in by_token.items() if n not in marks
    }
    # Over HTTP what is left out is all that the credential grants; a client says what it asks for.
    grants = {"roles": granted_roles(Signer(OWN)), "scopes": OWN.claims.scopes}
    client = RunClient(served.log, served.log, "acme", "ada")
    third = asked_on(served, client.request("find out", "worker", **grants))  # type: ignore[arg-type]
    assert principal(first) == principal(second) == principal(third)
    # The gateway vouches for whom it let in, and says by what; a client vouches for itself.
    assert proved(first, GATEWAYS) == proved(second, GATEWAYS)
    assert proved(third, OWN) == Proved(key_id="k1", token_id="of ada")
    # Either credential proves the other's record as well: it is the same principal.
    assert proved(first, OWN) == proved(third, OWN)
    assert (first.origin.request_id, first.origin.credential) == ("r-1", key[3:15])
    assert (second.origin.request_id, second.origin.credential) == ("r-2", "test/ada")
    assert third.origin is None


@pytest.mark.parametrize(
    ("by", "problem"),
    [
        (token("umbrella", "ada", ROLES, SCOPES), "other_tenant"),
        (token("acme", "bob", ROLES, SCOPES), "other_user"),
        (token("acme", "ada", ROLES[:1], SCOPES), "roles"),
        (token("acme", "ada", ROLES, SCOPES[:1]), "scopes"),
    ],
)
def test_what_one_may_not_the_others_may_not(served: Served, by: Token, problem: str) -> None:
    key = served.key(user="ada", roles=ROLES, scopes=(*HTTP, *SCOPES))
    _, record = asked_over_http(served, key, "r-3")
    found = proved(record, by)
    assert found is not None
    assert found.problem == problem
    client = served.client(key=key)
    for more in (
        {"tenant_id": "umbrella"},
        {"user_id": "bob"},
        {"roles": ["x"]},
        {"scopes": ["x"]},
    ):
        answer = client.post("/runs", json={"goal": "x", "agent": "worker", **more})
        assert answer.status_code == 403
