"""Tokens of identity providers: verified by the keys that issuers of all kinds publish."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from runfold.infra.credentials.bearer import key_cache
from runfold.infra.credentials.bearer.errors import KeysAwayError
from runfold.infra.credentials.bearer.fetching import fetch
from runfold.infra.credentials.bearer.issuers import Issuer
from runfold.infra.credentials.bearer.key_cache import APART_S, KeyCache
from runfold.infra.credentials.bearer.key_set import key_set_of
from runfold.infra.credentials.bearer.verifying import Verifier
from tests.http.issuing import JWKS, Issuing, ec, ed, issuing, public, rsa, with_header
from tests.http.serving import Served, serving

KEY = ec()
OTHER = ec()
RSA_KEY = rsa()


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def issuer() -> Iterator[Issuing]:
    with issuing() as found:
        found.publish(KEY)
        yield found


@pytest.fixture
def clock() -> Clock:
    return Clock()


@contextmanager
def trusting(*issuers: Issuer, clock: Clock | None = None) -> Iterator[Served]:
    elapsed = clock or time.monotonic
    caches = {each.name: KeyCache(each, fetch, elapsed=elapsed) for each in issuers}
    with serving(tokens=Verifier(issuers, caches)) as served:
        # What is tried here again and again is tried on purpose.
        served.gateway.use.back_off.most = 0
        yield served


def ask(served: Served, token: str) -> httpx.Response:
    client = served.clients[0] if served.clients else served.stranger()
    return client.get("/identity", headers={"authorization": f"Bearer {token}"})


def refusal(served: Served, token: str) -> str:
    answer = ask(served, token)
    challenge = answer.headers["www-authenticate"]
    assert answer.status_code == 401, answer.text
    assert challenge.startswith('Bearer realm="runfold", error="invalid_token"')
    assert token not in answer.text
    return str(answer.json()["code"])


def test_a_token_says_who_asks_and_what_they_may(issuer: Issuing) -> None:
    with trusting(issuer.described()) as served:
        answer = ask(served, issuer.token(KEY, scope="openid email runs:read read:mail * operator"))
        found = answer.json()
        assert answer.status_code == 200, answer.text
        assert (found["tenant_id"], found["user_id"]) == ("acme", "ada")
        assert (found["roles"], found["scopes"]) == (["clerk"], ["runs:read", "read:mail"])
        assert found["data_classification"] == "internal"
        client = served.client(key=issuer.token(KEY))
        said = {"goal": "find out", "agent": "worker", "tenant_id": "umbrella"}
        assert client.post("/runs", json=said).json()["code"] == "other_tenant"
        made = client.post("/runs", json={"goal": "find out", "agent": "worker"})
        assert made.status_code == 202
        (asked,) = [each.record for each in served.log.read("runs.requests")]
        who: Any = asked
        assert (who.tenant_id, who.user_id, who.roles) == ("acme", "ada", ("clerk",))
        assert who.scopes == ("read:mail",)
        refused = client.get("/definitions")
        assert refused.status_code == 403
        assert refused.headers["www-authenticate"].endswith(
            'error="insufficient_scope", scope="definitions:read"'
        )
    assert issuer.asked == [JWKS]


def test_claims_are_where_the_file_says_and_roles_may_grant(issuer: Issuing) -> None:
    described = issuer.described(
        claims={"tenant": "https://x.example/org", "roles": "/realm/roles", "scopes": "scp"},
        role_scopes={"chief": ["runs:read", "operator"]},
        may_grant=["email"],
        user_prefix="staff:",
    )
    with trusting(described) as served:
        token = issuer.token(
            KEY,
            **{"https://x.example/org": "acme", "realm": {"roles": ["chief"]}},
            scp=["email", "runs:write"], data_classification="restricted",
        )  # fmt: skip
        found = ask(served, token).json()
        assert found["user_id"] == "staff:ada"
        assert found["scopes"] == ["email", "runs:read", "operator"]
        assert found["data_classification"] == "restricted"
    fixed = issuer.described(tenant="umbrella", tenants=[])
    with trusting(fixed) as served:
        assert ask(served, issuer.token(KEY)).json()["tenant_id"] == "umbrella"


NOW = int(time.time())


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"exp": NOW - 31}, "token_expired"),
        ({"exp": None}, "token_claims"),
        ({"exp": "tomorrow"}, "token_claims"),
        ({"exp": 1e300}, "token_claims"),
        ({"exp": True}, "token_claims"),
        ({"nbf": NOW + 3600}, "token_not_yet"),
        ({"iat": NOW + 3600}, "token_not_yet"),
        ({"aud": "https://other.example"}, "token_audience"),
        ({"aud": None}, "token_audience"),
        ({"aud": [["x"], 7, None]}, "token_audience"),
        ({"iss": "https://stranger.example"}, "token_untrusted"),
        ({"iss": None}, "token_malformed"),
        ({"tenant_id": "umbrella"}, "token_claims"),
        ({"tenant_id": "runfold-probe"}, "token_claims"),
        ({"tenant_id": None}, "token_claims"),
        ({"tenant_id": ["acme"]}, "token_claims"),
        ({"sub": " "}, "token_claims"),
        ({"sub": "a\nb"}, "token_claims"),
        ({"sub": "a" * 201}, "token_claims"),
        ({"roles": 7}, "token_claims"),
        ({"roles": [["x"]]}, "token_claims"),
        ({"scope": ["x"] * 1001}, "token_claims"),
        ({"data_classification": "secret"}, "token_claims"),
        ({"data_classification": []}, "token_claims"),
        ({"cnf": {"jkt": "x"}}, "token_claims"),
    ],
)
def test_a_token_that_does_not_hold_says_why(
    trusted: tuple[Issuing, Served], claims: dict[str, Any], code: str
) -> None:
    issuer, served = trusted
    assert refusal(served, issuer.token(KEY, **claims)) == code


@pytest.fixture(scope="module")
def trusted() -> Iterator[tuple[Issuing, Served]]:
    with ExitStack() as held:
        found = held.enter_context(issuing())
        found.publish(KEY, RSA_KEY)
        yield found, held.enter_context(trusting(found.described()))


def unsigned(issuer: Issuing, alg: str) -> str:
    return with_header(issuer.token(KEY), {"alg": alg, "typ": "JWT", "kid": "one"})


def test_a_key_is_used_for_its_own_algorithm_and_no_secret_is_made_of_it(
    trusted: tuple[Issuing, Served],
) -> None:
    issuer, served = trusted
    pem = RSA_KEY.as_pem(private=False)
    for secret in (pem, pem.strip(), json.dumps(public(RSA_KEY)).encode()):
        said = with_header(issuer.token(KEY), {"alg": "HS256", "kid": "one"}).rpartition(".")[0]
        made = hmac.digest(secret, said.encode(), "sha256")
        forged = f"{said}.{base64.urlsafe_b64encode(made).decode().rstrip('=')}"
        assert refusal(served, forged) == "token_untrusted"
    for alg in ("none", "None", "HS256", "ES256K", "RSA1_5", "dir", "PS256"):
        assert refusal(served, unsigned(issuer, alg)) == "token_untrusted"
    # A stranger's key, under the id of the issuer's, within the token too.
    assert refusal(served, issuer.token(OTHER)) == "token_untrusted"
    for more in ({"jwk": public(OTHER)}, {"jku": issuer.url + "/theirs"}, {"x5u": "http://x/"}):
        assert refusal(served, issuer.token(OTHER, header=more)) == "token_untrusted"
    assert "/theirs" not in issuer.asked
    assert ask(served, issuer.token(RSA_KEY, "RS256")).status_code == 200


@pytest.mark.parametrize(
    "kid", ["", "../../etc/passwd", "' OR 1=1 --", "\0", "x" * 300, 7, ["one"], {"a": 1}, True]
)
def test_an_id_of_a_key_is_looked_up_and_nothing_else(
    trusted: tuple[Issuing, Served], kid: Any
) -> None:
    issuer, served = trusted
    token = with_header(issuer.token(KEY), {"alg": "ES256", "kid": kid})
    assert refusal(served, token) in {"token_malformed", "token_untrusted"}


@pytest.mark.parametrize(
    "text",
    [
        "ey..", "eyJ.eyJ.x", "eyJhbGciOiJFUzI1NiJ9.W10.AAAA", "ey" + "A" * 20_000 + ".e30.x",
        "ey" + "\u00e9.e30.x", "eyJhbGciOiJFUzI1NiJ9." + "W1tb" * 3000 + ".AAAA",
        "eyJhbGciOjd9.e30.AAAA",
    ],
)  # fmt: skip
def test_what_is_no_token_is_refused(trusted: tuple[Issuing, Served], text: str) -> None:
    _, served = trusted
    answer = served.stranger().get(
        "/identity", headers={"authorization": b"Bearer " + text.encode()}
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "token_malformed")


@pytest.mark.parametrize(
    "header",
    [{"crit": ["exp"]}, {"b64": False}, {"typ": "logout+jwt"}, {"typ": "dpop+jwt"}, {"typ": 7}],
)
def test_a_token_of_another_kind_is_refused(
    trusted: tuple[Issuing, Served], header: dict[str, Any]
) -> None:
    issuer, served = trusted
    spoilt = with_header(issuer.token(KEY), {"alg": "ES256", "kid": "one", **header})
    assert refusal(served, spoilt) == "token_malformed"


def test_a_new_key_is_found_once_a_minute_and_an_old_one_ends(
    issuer: Issuing, clock: Clock
) -> None:
    with trusting(issuer.described(), clock=clock) as served:
        assert ask(served, issuer.token(KEY)).status_code == 200
        new = ec("two")
        issuer.publish(KEY, new)
        for _ in range(5):
            assert refusal(served, issuer.token(new)) == "token_untrusted"
        assert ask(served, issuer.token(new)).headers["retry-after"] == "60"
        assert len(issuer.asked) == 1
        clock.now += APART_S
        assert ask(served, issuer.token(new)).status_code == 200
        issuer.publish(new)
        clock.now += 301
        # The old key still serves while what is published now is looked at.
        while ask(served, issuer.token(KEY)).status_code == 200:
            time.sleep(0.01)
        assert ask(served, issuer.token(new)).status_code == 200
        assert len(issuer.asked) == 3


LIES = {
    "no JSON": (200, b"<html>", {}),
    "no list": (200, b'{"keys": {}}', {}),
    "deep": (200, b"[" * 100_000, {}),
    "too large": (200, b" " * 300_000, {}),
    "an error": (500, b'{"keys": []}', {}),
    "elsewhere": (302, b"", {"location": "/elsewhere"}),
    "squeezed": (200, b"x", {"content-encoding": "gzip"}),
    "too many": (200, json.dumps({"keys": [public(KEY)] * 101}).encode(), {}),
}


@pytest.mark.parametrize("lie", LIES)
def test_old_keys_serve_while_the_server_lies_but_not_for_good(
    issuer: Issuing, clock: Clock, lie: str
) -> None:
    with trusting(issuer.described(stale_s=900), clock=clock) as served:
        assert ask(served, issuer.token(KEY)).status_code == 200
        issuer.answers[JWKS] = LIES[lie]
        issuer.publish(OTHER, path="/elsewhere")
        clock.now += 600
        for _ in range(2):
            assert ask(served, issuer.token(KEY)).status_code == 200
        clock.now += 301
        answer = ask(served, issuer.token(KEY))
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        assert "/elsewhere" not in issuer.asked
        issuer.publish(KEY)
        clock.now += APART_S
        assert ask(served, issuer.token(KEY)).status_code == 200


def test_a_server_that_stalls_holds_up_nobody_else(
    issuer: Issuing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_cache, "WAIT_S", 0.5)
    with trusting(issuer.described()) as served:
        issuer.going_on.clear()
        token, statuses = issuer.token(KEY), list[int]()

        def wait() -> None:
            statuses.append(ask(served, token).status_code)

        threads = [threading.Thread(target=wait) for _ in range(50)]
        for thread in threads:
            thread.start()
        # More wait than there are threads to wait with: those with an API key are served.
        assert served.client().get("/identity").status_code == 200
        for thread in threads:
            thread.join(60)
        assert statuses == [503] * 50
        assert len(issuer.asked) == 1


def test_issuers_are_told_apart_also_where_their_keys_have_one_id(issuer: Issuing) -> None:
    with issuing() as second:
        second.publish(OTHER)
        mine = issuer.described()
        theirs = second.described(name="second", tenants=["umbrella"])
        with trusting(mine, theirs) as served:
            assert ask(served, issuer.token(KEY)).json()["tenant_id"] == "acme"
            token = second.token(OTHER, tenant_id="umbrella")
            assert ask(served, token).json()["tenant_id"] == "umbrella"
            assert refusal(served, second.token(KEY, tenant_id="umbrella")) == "token_untrusted"
            assert refusal(served, issuer.token(OTHER)) == "token_untrusted"
            assert refusal(served, second.token(OTHER)) == "token_claims"


def test_keys_that_prove_nothing_are_left_out() -> None:
    weak = {**public(RSA_KEY), "n": public(RSA_KEY)["n"][:171], "kid": "weak"}
    leaked = {**KEY.as_dict(private=True), "kid": "leaked"}
    odd: list[Any] = [
        weak, leaked, {"kty": "oct", "k": "c2VjcmV0", "kid": "oct"}, 7, {}, {"kty": "RSA"},
        {**public(KEY), "use": "enc", "kid": "enc"}, {**public(KEY), "kid": 7},
        {**public(KEY), "alg": "HS256", "kid": "hs"}, {**public(KEY), "x": "AA", "kid": "short"},
        {**public(RSA_KEY), "n": "A" * 100_000, "kid": "vast"},
        {**public(RSA_KEY), "e": "AQ", "kid": "first"},
    ]  # fmt: skip
    found = key_set_of({"keys": [*odd, public(ed("good"))]})
    assert list(found.keys) == ["good"]
    assert found.left_out == len(odd)
    assert found.find("good", "Ed25519") is not None
    assert found.find("good", "ES256") is None
    assert found.find(None, "Ed25519") is not None
    two = key_set_of({"keys": [public(ec("a")), public(ec("b"))]})
    assert two.find(None, "ES256") is None


def test_an_issuer_is_discovered_and_must_be_who_it_says(issuer: Issuing, clock: Clock) -> None:
    path = "/.well-known/openid-configuration"
    with trusting(issuer.described(jwks=None), clock=clock) as served:
        issuer.answer(
            json.dumps({"issuer": "x", "jwks_uri": issuer.url + JWKS}).encode(), path=path
        )
        assert ask(served, issuer.token(KEY)).status_code == 503
        said = {"issuer": issuer.url, "jwks_uri": "file:///etc/passwd"}
        issuer.answer(json.dumps(said).encode(), path=path)
        clock.now += 2
        assert ask(served, issuer.token(KEY)).status_code == 503
        said["jwks_uri"] = issuer.url + JWKS
        issuer.answer(json.dumps(said).encode(), path=path)
        clock.now += 4
        assert ask(served, issuer.token(KEY)).status_code == 200


def test_private_addresses_are_asked_only_where_that_is_said(
    issuer: Issuing, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = urlsplit(issuer.url).port
    address = f"https://login.example.com:{port}/keys"
    described = issuer.described(jwks=address, private_addresses=False)
    for place in (
        "127.0.0.1", "10.0.0.9", "169.254.169.254", "::1", "::ffff:10.0.0.9", "168.63.129.16",
        "64:ff9b::a00:1", "64:ff9b:1::808:808", "2002:a00:1::", "::127.0.0.1", "fec0::1",
        "fe80::1", "224.0.0.1",
    ):  # fmt: skip
        found = [(2, 1, 6, "", (place, port)), (2, 1, 6, "", ("93.184.215.14", port))]
        monkeypatch.setattr("socket.getaddrinfo", lambda *_a, _f=found, **_k: _f)
        cache = KeyCache(described, fetch)
        with pytest.raises(KeysAwayError):
            asyncio.run(cache.find("one", "ES256"))
    assert issuer.asked == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_token_of_a_provider_of_others() -> None:
    import oidc_provider_mock  # noqa: PLC0415 - it warns when it is imported

    with oidc_provider_mock.run_server_in_thread() as server:
        url = f"http://localhost:{server.server_port}"
        claims = {"tenant_id": "acme", "groups": ["clerk"]}
        httpx.put(f"{url}/users/ada", json=claims).raise_for_status()
        described = Issuer.model_validate(
            {
                "name": "mock", "issuer": url, "audience": ["console"], "tenants": ["acme"],
                "private_addresses": True, "claims": {"roles": "groups"},
                "role_scopes": {"clerk": ["runs:read"]},
            }
        )  # fmt: skip
        token = _signed_in(url)
        with trusting(described) as served:
            found = ask(served, token).json()
            assert (found["user_id"], found["tenant_id"]) == ("ada", "acme"), found
            assert (found["roles"], found["scopes"]) == (["clerk"], ["runs:read"])


def _signed_in(url: str) -> str:
    """Sign in as a browser would, and return the ID token."""
    back = "http://console.example/back"
    query = {
        "client_id": "console", "redirect_uri": back, "response_type": "code",
        "scope": "openid profile", "state": "s",
    }  # fmt: skip
    sent = httpx.post(f"{url}/oauth2/authorize", params=query, data={"sub": "ada"})
    code = parse_qs(urlsplit(sent.headers["location"]).query)["code"][0]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back}
    answer = httpx.post(f"{url}/oauth2/token", data=form, auth=("console", "secret"))
    token = str(answer.json()["id_token"])
    assert re.fullmatch(r"ey[^.]+\.[^.]+\.[^.]+", token)
    return token
