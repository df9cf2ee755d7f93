"""Any record, sealed and opened again, is the same; none of its words stands in its bytes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.avro.shapes import fields_of
from runfold.events.base import Record
from runfold.events.catalogue import CATALOGUE
from runfold.events.contents.content import Content, text
from runfold.events.errors import KeysUnavailableError, ShutError
from runfold.events.records.commands import CancelRun, RunRequested
from runfold.events.records.operations import DeadLetter
from runfold.events.run.event import Event, Meta
from runfold.events.sealing.form import MARK, blob_of_bytes, blob_of_text, key_id_of, text_form
from runfold.events.sealing.records import has_contents, through
from runfold.events.sealing.sealing import Sealing
from runfold.infra.keys.ring import KeyRing, NoKeys
from tests.properties.strategies import records
from tests.sealing.sealed import AT, Registry

SEALED = Registry()
KEY = SEALED.seal("acme")
RECORDS = sorted(
    {each for held in CATALOGUE.values() for each in held if has_contents(each)},
    key=lambda each: each.__name__,
)


class Shouts:
    """Marks everything that a way through a record leads to."""

    def text(self, value: str, field: bytes) -> str:
        return f"<{field.decode()}>"

    def data(self, value: bytes, field: bytes) -> bytes:
        return f"<{field.decode()}>".encode()

    def key_of(self, content: Any) -> str:
        return "k"


@pytest.mark.parametrize("record", RECORDS, ids=lambda each: each.__name__)
@settings(max_examples=3, suppress_health_check=list(HealthCheck), deadline=None)
@given(data=st.data())
def test_what_is_sealed_opens_as_it_was(record: type[Record], data: st.DataObject) -> None:
    found = data.draw(records(record))
    named = {name: "acme" for name in ("tenant_id",) if name in record.model_fields}
    found = unsealed(found.model_copy(update=named))
    sealing = Sealing(SEALED.ring)
    meta = Meta.model_construct(run_id="r1", tenant_id="acme")

    sealed = through(found, _seals(record))
    event = Event(meta, sealed)  # type: ignore[arg-type]

    assert sealing.opened(event).fact == found
    assert type(sealed) is record
    assert [f.name for f in fields_of(record)] == list(record.model_fields)


def unsealed(value: Any) -> Any:
    """The same whose contents name no key, as those that nobody has sealed."""
    match value:
        case tuple():
            return tuple(map(unsealed, value))
        case Content():
            return value.model_copy(update={"key_id": None})
        case Record():
            inner = {name: unsealed(getattr(value, name)) for name in type(value).model_fields}
            return value.model_copy(update=inner)
    return value


def _seals(record: type[Record]) -> Any:
    from runfold.events.sealing.sealing import _Seals  # noqa: PLC0415

    key = SEALED.ring.current("acme")
    assert key is not None
    return _Seals(key, "r1", record)


@given(st.text(), st.binary())
def test_no_text_is_taken_for_a_sealed_one_that_is_none(words: str, data: bytes) -> None:
    for value in (words, MARK + words):
        blob = blob_of_text(value)
        assert blob is None or text_form(blob) == value
    assert blob_of_bytes(data) is None or data.startswith(MARK.encode())
    assert key_id_of(words) is None or len(words) == 16


def request(goal: str, run_id: str = "r1", tenant: str = "acme") -> RunRequested:
    return RunRequested(
        run_id=run_id,
        tenant_id=tenant,
        user_id="me",
        agent="clerk",
        goal=text(goal),
        requested_at=AT,
    )


@pytest.mark.parametrize(
    ("run_id", "tenant"), [("r2", "acme"), ("r1", "umbrella"), ("r1", "default")]
)
def test_what_is_copied_elsewhere_does_not_open_there(run_id: str, tenant: str) -> None:
    codec = SEALED.codec()
    key = codec.sealing.keys.current("acme")  # type: ignore[union-attr]
    assert key is not None
    raw = Codec(LockRegistry())
    stolen = raw.decode(topics.REQUESTS, codec.encode(topics.REQUESTS, request("the secret")))
    assert isinstance(stolen, RunRequested)
    asked = request("x", run_id, tenant).model_copy(update={"goal": stolen.goal})

    found = codec.decode(topics.REQUESTS, raw.encode(topics.REQUESTS, asked))

    assert isinstance(found, RunRequested)
    assert found.goal == stolen.goal
    assert b"the secret" not in (found.goal.inline or b"")


def test_words_that_only_look_sealed_stay_as_they_were_written() -> None:
    cancel = CancelRun(
        request_id="q",
        run_id="r1",
        tenant_id="acme",
        actor_id="me",
        requested_at=AT,
        reason=text_form(b"x" * 60),
    )
    plain, codec = Codec(LockRegistry()), SEALED.codec()

    for write in (plain, codec):
        assert codec.decode(topics.CONTROLS, write.encode(topics.CONTROLS, cancel)) == cancel


@pytest.mark.parametrize("what", ["erased", "lost", "away"])
def test_words_that_name_a_key_of_another_tenant_ask_nobody_for_it(what: str) -> None:
    registry = Registry()
    name = registry.seal("umbrella")
    registry.seal("other")
    reason = text_form((key_id_of(name) or b"") + b"x" * 60)
    cancel = CancelRun(
        request_id="q", run_id="r1", tenant_id="acme", actor_id="me", requested_at=AT, reason=reason
    )
    if what == "erased":
        registry.erase(name, tenant="umbrella")
    elif what == "lost":
        registry.store.destroy("1-umbrella")
    else:
        registry.store.away = True
    raw, codec = Codec(LockRegistry()), registry.codec()

    assert codec.decode(topics.CONTROLS, raw.encode(topics.CONTROLS, cancel)) == cancel


def letter(value: bytes, key: bytes | None = None) -> DeadLetter:
    return DeadLetter(
        topic=topics.REQUESTS,
        partition=0,
        offset=1,
        time=AT,
        code="invalid",
        reason="it says secret",
        size=len(value),
        key=key,
        value=value,
    )


def test_a_dead_letter_is_sealed_for_the_tenant_that_it_names() -> None:
    codec = SEALED.codec()
    plain = Codec(LockRegistry()).encode(topics.REQUESTS, request("secret"))

    value = codec.encode(topics.DEAD_LETTERS, letter(plain))

    assert b"secret" not in value
    assert codec.decode(topics.DEAD_LETTERS, value) == letter(plain)


def test_a_dead_letter_of_nobody_is_left_out_where_any_tenant_is_sealed() -> None:
    codec = SEALED.codec()

    found = codec.decode(topics.DEAD_LETTERS, codec.encode(topics.DEAD_LETTERS, letter(b"secret")))

    assert isinstance(found, DeadLetter)
    assert (found.value, found.size, found.code) == (None, 6, "invalid")
    unsealed = Registry().codec()
    kept = unsealed.decode(
        topics.DEAD_LETTERS, unsealed.encode(topics.DEAD_LETTERS, letter(b"secret"))
    )
    assert kept == letter(b"secret")


def test_while_the_key_service_is_away_nothing_is_written_or_read() -> None:
    registry = Registry()
    registry.seal("acme")
    value = registry.codec().encode(topics.REQUESTS, request("secret"))
    registry.ring, registry.store.away = registry.another(), True

    with pytest.raises(KeysUnavailableError):
        registry.codec().encode(topics.REQUESTS, request("secret"))
    with pytest.raises(KeysUnavailableError):
        registry.codec().decode(topics.REQUESTS, value)
    other = request("of another", tenant="umbrella")
    assert registry.codec().decode(topics.REQUESTS, registry.codec().encode(topics.REQUESTS, other))


def test_a_tenant_whose_key_is_lost_is_refused_and_others_go_on() -> None:
    registry = Registry()
    registry.seal("acme")
    registry.store.destroy("1-acme")
    codec = registry.codec()

    with pytest.raises(ShutError, match="no key 1-acme"):
        codec.encode(topics.REQUESTS, request("secret"))
    assert codec.encode(topics.REQUESTS, request("plain", tenant="umbrella"))


def test_a_reader_without_keys_is_shown_that_it_is_sealed() -> None:
    value = SEALED.codec().encode(topics.DEAD_LETTERS, letter(b"secret", b"r1"))
    del value
    sealed = SEALED.codec().encode(topics.REQUESTS, request("secret"))
    codec = Codec(LockRegistry(), sealing=Sealing(NoKeys(), shows=True))

    found = codec.decode(topics.REQUESTS, sealed)

    assert isinstance(found, RunRequested)
    assert (found.goal.key_id, found.goal.inline, found.user_id) == (KEY, b"(sealed)", "me")


def test_a_ring_begins_to_follow_when_something_sealed_is_met() -> None:
    begun: list[KeyRing] = []

    def begin(ring: KeyRing) -> None:
        begun.append(ring)
        ring.follow(lambda: SEALED.definitions.tenants, lambda: None)

    ring = KeyRing(None)
    ring.follow_when_needed(begin)
    codec = Codec(LockRegistry(), sealing=Sealing(ring, shows=True))
    plain = Codec(LockRegistry()).encode(topics.REQUESTS, request("x"))
    assert codec.decode(topics.REQUESTS, plain) == request("x")
    assert begun == []

    with pytest.raises(KeysUnavailableError, match="RUNFOLD_KEYS"):
        codec.decode(topics.REQUESTS, SEALED.codec().encode(topics.REQUESTS, request("x")))
    assert len(begun) == 1
