"""Tokens and proofs: what they prove, and that nothing else can be made to look like one."""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runfold.events import topics
from runfold.events.people.proved import Proved
from runfold.infra.credentials import token as wire
from runfold.infra.credentials.checking import Checker, Headers, Said, Sent
from runfold.infra.credentials.keys import NAME, KeyRing, keys_in, new_key
from runfold.infra.credentials.signing import SIGNED, Signer, signer_of
from runfold.infra.credentials.token import (
    HEADER,
    MOST_BYTES,
    Claims,
    Token,
    TokenError,
    issue,
    read_token,
)
from runfold.infra.secrets.memory import MemorySecrets
from runfold.infra.secrets.port import SecretsUnavailableError
from runfold.infra.secrets.without import Without
from runfold.infra.settings.errors import ConfigError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY, OTHER = b"k" * 32, b"o" * 32
KEYS = {"k1": KEY, "k2": OTHER}
ANNA = Said("acme", "anna", ("clerk",), ("mail",))
VALUE = b"a request"


def claims(**changes: object) -> Claims:
    given: dict[str, object] = {
        "tenant": "acme",
        "user": "anna",
        "expires": int(NOW.timestamp()) + 60,
        "id": "t1",
        "roles": ("clerk", "boss"),
        "scopes": ("mail", "files"),
    }
    return Claims(**{**given, **changes})  # type: ignore[arg-type]


def token(**changes: object) -> Token:
    return issue("k1", KEY, claims(**changes))


def sent(*proofs: str | bytes | None, **changes: object) -> Sent:
    headers: Headers = [
        (HEADER, proof.encode() if isinstance(proof, str) else proof) for proof in proofs
    ]
    made = Sent(topics.REQUESTS, VALUE, headers, NOW)
    return made._replace(**changes)  # type: ignore[arg-type]


def judged(found: Sent, said: Said = ANNA, **options: object) -> Proved | None:
    checker = Checker(KEYS, **{"required": True, **options})  # type: ignore[arg-type]
    return checker.judge(found, said)


def problem(found: Sent, said: Said = ANNA, **options: object) -> str:
    proved = judged(found, said, **options)
    assert proved is not None
    return proved.problem


def proof(**changes: object) -> str:
    return token(**changes).proof(topics.REQUESTS, VALUE)


def test_a_signed_record_is_proved_by_the_key_and_the_token() -> None:
    assert judged(sent(proof())) == Proved(key_id="k1", token_id="t1")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (Said("globex", "anna"), "other_tenant"),
        (Said("acme", "boris"), "other_user"),
        (Said("acme", "anna", ("clerk", "root")), "roles"),
        (Said("acme", "anna", (), ("mail", "money")), "scopes"),
        (Said("acme", "anna"), ""),
        (Said("*", "*"), "other_tenant"),
    ],
)
def test_a_payload_may_say_less_than_the_token_and_never_more(said: Said, why: str) -> None:
    assert problem(sent(proof()), said) == why


def test_a_gateway_speaks_for_everybody() -> None:
    for_all = proof(tenant="*", user="*", roles=("*",), scopes=("*",))
    assert problem(sent(for_all), Said("globex", "zoe", ("root",), ("money",))) == ""


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"value": b"another request"}, "does_not_fit"),
        ({"topic": topics.CONTROLS}, "does_not_fit"),
        ({"appended_at": NOW + timedelta(seconds=60)}, "expired"),
        ({"appended_at": NOW + timedelta(seconds=59)}, ""),
    ],
)
def test_a_proof_is_of_one_record_on_one_topic_until_it_expires(
    changed: dict[str, object], why: str
) -> None:
    assert problem(sent(proof(), **changed)) == why


def test_the_deployment_must_be_the_one_that_the_token_is_for() -> None:
    assert problem(sent(proof()), deployment="team-a") == "other_deployment"
    assert problem(sent(proof(deployment="team-a"))) == "other_deployment"
    assert problem(sent(proof(deployment="team-a")), deployment="team-a") == ""


def test_without_a_proof_it_depends_on_what_is_asked_for() -> None:
    assert problem(sent()) == "absent"
    assert judged(sent(), required=False) is None
    # What is there must be good, also where none is asked for.
    assert problem(sent(proof(), value=b"x"), required=False) == "does_not_fit"


def test_who_knows_a_token_cannot_make_it_say_something_else() -> None:
    mine, more = token(), token(tenant="globex")
    parts = mine.proof(topics.REQUESTS, VALUE).split(".")
    forged = ".".join((*parts[:2], more.said, parts[3]))
    assert problem(sent(forged), Said("globex", "anna")) == "does_not_fit"
    # Nor with the secret of the token that was handed out, over the claims that are wanted.
    forged = Token("k1", more.claims, more.said, mine.secret).proof(topics.REQUESTS, VALUE)
    assert problem(sent(forged), Said("globex", "anna")) == "does_not_fit"


def test_a_key_that_was_taken_out_proves_nothing() -> None:
    gone = issue("k0", KEY, claims()).proof(topics.REQUESTS, VALUE)
    assert problem(sent(gone)) == "unknown_key"
    other = issue("k2", KEY, claims()).proof(topics.REQUESTS, VALUE)
    assert problem(sent(other)) == "does_not_fit"


def test_two_proofs_are_none() -> None:
    assert problem(sent(proof(), proof())) == "malformed"


@pytest.mark.parametrize(
    "text",
    [None, b"", b"\xff\xfe", b"v1.k1.e30", b"v2.k1.e30.e30", b"v1..e30.e30", b"v1.k1.e30.!!",
     b"v1.k/1.e30.e30", b"v1.k1.e30." + b"A" * MOST_BYTES, b"...", "v1.k1.\u0661.e30".encode()],
)  # fmt: skip
def test_what_is_no_proof_is_malformed(text: bytes | None) -> None:
    assert problem(sent(text)) == "malformed"


@pytest.mark.parametrize(
    "said",
    ["e30", "W10", "bnVsbA", "!!", "A", '{"exp":1e999}', "W1tbW1tbW1tbW1tbW1tb" * 100],
)
def test_claims_that_say_nothing_are_malformed_though_they_are_signed(said: str) -> None:
    secret = wire._secret(KEY, said)
    made = Token("k1", claims(), said, secret).proof(topics.REQUESTS, VALUE)
    assert problem(sent(made)) == "malformed"


@given(st.binary(max_size=300))
def test_no_bytes_stop_the_judge(data: bytes) -> None:
    assert problem(sent(data)) in {"malformed", "unknown_key", "does_not_fit"}


@given(st.text(max_size=40))
def test_a_token_is_read_as_it_was_written(name: str) -> None:
    if not name or any("\ud800" <= c <= "\udfff" for c in name):
        return
    made = token(tenant=name, roles=(name,))
    assert read_token(str(made)) == made


def test_a_token_that_is_too_long_is_not_made() -> None:
    with pytest.raises(TokenError, match="fewer scopes"):
        token(scopes=tuple(f"scope-{n}" for n in range(1000)))


def test_nothing_shows_a_secret() -> None:
    made = token()
    assert made.secret.hex() not in repr(made)
    assert "secret" not in repr(made)
    assert str(made).rpartition(".")[2] not in made.proof(topics.REQUESTS, VALUE)


def test_only_what_clients_publish_is_signed() -> None:
    signer = Signer(token())
    signed = {topic.name for topic in topics.TOPICS if signer.headers(topic.name, b"x")}
    assert signed == SIGNED == {topics.REQUESTS, topics.CONTROLS}


def test_a_client_takes_its_token_from_a_variable_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{token()}\n")
    for env in ({"RUNFOLD_TOKEN": str(token())}, {"RUNFOLD_TOKEN_FILE": str(file)}):
        found = signer_of(env)
        assert found is not None
        assert found.token == token()
    assert signer_of({}) is None
    with pytest.raises(ConfigError, match="token issue") as caught:
        signer_of({"RUNFOLD_TOKEN": "hunter2-hunter2"})
    assert "hunter2" not in str(caught.value)


def test_keys_are_lines_of_one_secret() -> None:
    one, two = new_key(), new_key()
    assert set(keys_in(f"a {one}\n\nb {two}\n")) == {"a", "b"}
    assert keys_in(f"a {one}, a {two}") == keys_in(f"a {one}")


@pytest.mark.parametrize("text", ["", "a", "a b c", "a short", "a !!!", "a/b " + "A" * 43])
def test_what_is_no_key_is_refused_and_not_quoted(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        keys_in(text)
    assert "short" not in str(caught.value)
    assert "credential-keys" in str(caught.value)


class Rotating(MemorySecrets):
    """Holds one text, or does not answer."""

    text: str | None = ""

    def get(self, name: str, tenant_id: str) -> str | None:
        if self.text is None:
            raise SecretsUnavailableError("away")
        return self.text


def test_keys_change_without_a_restart_and_a_fault_leaves_those_of_before(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    store = Rotating()
    store.text = f"a {new_key()}"
    ring = KeyRing(store)
    for text, there in ((None, "a"), ("", "a"), (f"b {new_key()}", "b")):
        store.text = text
        ring.refresh()
        assert ring.get(there) is not None
    assert ring.get("a") is None
    assert "stay as they are" in caplog.text
    assert "b " + str(store.text)[2:] not in caplog.text


def test_a_store_that_does_not_answer_at_the_start_is_a_sentence() -> None:
    store = Rotating()
    store.text = None
    with pytest.raises(ConfigError, match="cannot be read: away"):
        KeyRing(store)


@pytest.mark.parametrize("name", [NAME, "credential_keys", "Credential-Keys", "credential.keys"])
def test_no_tool_is_given_the_keys_however_it_spells_them(name: str) -> None:
    held: Callable[[str], MemorySecrets] = lambda n: MemorySecrets({n: "x", "mail": "y"})  # noqa: E731
    store = Without(held(name), NAME)
    assert (store.get(name, "acme"), store.get("mail", "acme")) == (None, "y")


PAGE = Path(__file__).parents[2] / "docs" / "clients.md"
NODE = Path(__file__).parents[2] / "examples" / "clients" / "node" / "wire.mjs"


def test_the_page_for_other_languages_gives_a_proof_that_is_right() -> None:
    secret = bytes(range(16))
    said = Token("k1", claims(), "e30", secret).proof(topics.REQUESTS, b"\0")
    assert f"the proof is `{said.rpartition('.')[2]}`" in PAGE.read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("node") is None, reason="no node here")
def test_the_program_for_node_makes_the_same_proof() -> None:
    # Its one function, without the library that the rest of the file imports.
    source = NODE.read_text(encoding="utf-8")
    found = re.search(r"^export function credential.*?^}", source, re.DOTALL | re.MULTILINE)
    assert found is not None
    script = (
        "import { createHash, createHmac } from 'node:crypto'\n"
        "const sha256 = (bytes) => createHash('sha256').update(bytes).digest()\n"
        f"{found[0].removeprefix('export ')}\n"
        "console.log(credential('runs.requests', Buffer.from('a request')).runfold_credential)\n"
    )
    made = token()
    told = subprocess.run(
        ["node", "--input-type=module", "-"], input=script, capture_output=True, text=True,
        env={**os.environ, "RUNFOLD_TOKEN": str(made)}, check=True, timeout=60,
    )  # fmt: skip
    assert told.stdout.strip() == made.proof(topics.REQUESTS, b"a request")
