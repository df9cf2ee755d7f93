"""What goes onto the log comes off it, in the bytes that any Avro library would write."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import fastavro
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.compiled import readers
from runfold.events.avro.compiled.parsers import Parser
from runfold.events.avro.compiled.writers import varint
from runfold.events.avro.registry import LockRegistry
from runfold.events.avro.samples import sample
from runfold.events.avro.schema import schema_for
from runfold.events.avro.shapes import event_of, meta_of
from runfold.events.avro.vocabulary import TENANTS
from runfold.events.base import Fact, Record
from runfold.events.catalogue import CATALOGUE, TERMINAL_FACTS
from runfold.events.contents.content import JSON, content
from runfold.events.errors import WireError
from runfold.events.records.commands import CancelRun, SendMessage
from runfold.events.run import Event, Meta, ToolCallStarted
from runfold.events.tenant import TenantEvent
from tests.properties.strategies import records

CODEC = Codec(LockRegistry())
TENANT_CODEC = Codec(LockRegistry(), TENANTS)
SUBJECTS = [(topic, record) for topic, held in CATALOGUE.items() for record in held]
NAMES = [f"{topic}-{record.__name__}" for topic, record in SUBJECTS]

quick = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)


def encoded(topic: str, meta: Record, record: Record) -> bytes:
    if not isinstance(record, Fact):
        return CODEC.encode(topic, record)
    if topic == topics.TENANT_EVENTS:
        return TENANT_CODEC.encode_event(meta, record)
    assert isinstance(meta, Meta)
    write = CODEC.encode_event if topic == topics.EVENTS else CODEC.encode_completion
    return write(meta, record)


def head_of(record: type[Record]) -> type[Record]:
    """The class of the meta before a fact; of what has none, that of a run's event."""
    return meta_of(record) if issubclass(record, Fact) else Meta


@pytest.mark.parametrize(("topic", "record"), SUBJECTS, ids=NAMES)
def test_bytes_are_those_of_the_library_and_read_back_equal(
    topic: str, record: type[Record]
) -> None:
    schema = fastavro.parse_schema(schema_for(record))

    @quick
    @given(meta=records(head_of(record)), said=records(record))
    def check(meta: Record, said: Record) -> None:
        value = encoded(topic, meta, said)
        plain: dict[str, Any] = said.model_dump()
        wanted: object = said
        if isinstance(said, Fact):
            plain = {"meta": meta.model_dump(), **plain}
            wanted = event_of(type(said))(meta, said)
        library = io.BytesIO()
        fastavro.schemaless_writer(library, schema, plain)
        assert value[5:] == library.getvalue()
        found = CODEC.decode(topic, value)
        assert found == wanted
        if isinstance(found, Event | TenantEvent):
            # What was read is as good as what was made: it validates, and writes the same again.
            assert encoded(topic, found.meta, found.fact) == value
            assert type(found.fact).model_validate(found.fact.model_dump()) == said
        else:
            assert encoded(topic, meta, found) == value

    check()


@pytest.mark.parametrize("size", [0, 63, 64, 4095, 4096, 4097, 300_000])
def test_texts_and_contents_of_every_size_come_back(size: int) -> None:
    said = CancelRun(
        request_id="r", run_id="r" * size, tenant_id="t", actor_id="a",
        requested_at=datetime(2026, 1, 1, tzinfo=UTC), reason="ü" * size,
    )  # fmt: skip
    assert CODEC.decode(topics.CONTROLS, CODEC.encode(topics.CONTROLS, said)) == said
    told = SendMessage(**said.model_dump(exclude={"reason"}), content=content(b"x" * size, JSON))
    assert CODEC.decode(topics.CONTROLS, CODEC.encode(topics.CONTROLS, told)) == told


def test_a_terminal_event_has_one_id_on_both_topics() -> None:
    for record in TERMINAL_FACTS:
        meta, fact = sample(Meta), sample(record)
        assert encoded(topics.EVENTS, meta, fact) == encoded(topics.COMPLETIONS, meta, fact)


def decode_or_refuse(topic: str, value: bytes) -> str:
    """Return the code of the refusal, or nothing: any other exception is the test's failure."""
    try:
        CODEC.decode(topic, value)
    except WireError as error:
        return error.code if error.reason else "no reason given"
    return ""


IDS = st.integers(0, 80).map(lambda number: b"\0" + number.to_bytes(4, "big"))


@settings(max_examples=600, deadline=None, database=None)
@given(st.sampled_from(list(CATALOGUE)), st.binary(max_size=300), st.none() | IDS)
def test_random_bytes_are_refused_with_a_code(
    topic: str, rubbish: bytes, head: bytes | None
) -> None:
    code = decode_or_refuse(topic, (head or b"") + rubbish)
    # By chance a short record may be made of rubbish, but never without a head.
    assert code or head or rubbish[:1] == b"\0"


@pytest.mark.parametrize(("topic", "record"), SUBJECTS, ids=NAMES)
def test_every_truncation_is_refused(topic: str, record: type[Record]) -> None:
    value = encoded(topic, sample(head_of(record)), sample(record))
    for size in range(len(value)):
        assert decode_or_refuse(topic, value[:size]) in {"not_framed", "truncated", "invalid"}
    assert decode_or_refuse(topic, value + b"\0") == "invalid"
    assert decode_or_refuse(topic, value) == ""


@settings(max_examples=1500, deadline=None, database=None)
@given(st.sampled_from(SUBJECTS), st.data())
def test_a_flipped_bit_never_raises_anything_else(
    subject: tuple[str, type[Record]], data: st.DataObject
) -> None:
    topic, record = subject
    value = bytearray(encoded(topic, sample(head_of(record)), sample(record)))
    place = data.draw(st.integers(0, len(value) * 8 - 1))
    value[place // 8] ^= 1 << place % 8
    assert decode_or_refuse(topic, bytes(value)) in {
        "", "not_framed", "unknown_schema", "truncated", "wrong_topic", "invalid",
    }  # fmt: skip


def decoded_or_refused(codec: Codec, topic: str, value: bytes) -> str:
    try:
        # As text, because no NaN equals another.
        return repr(codec.decode(topic, value))
    except WireError as error:
        return f"{error.code}: {error.reason}"


@pytest.fixture(scope="module")
def library_only() -> Codec:
    """A codec that parses nothing by itself."""

    def none_for(record: type[Record]) -> Parser:
        def parse(value: bytes) -> Any:
            raise ValueError(record.__name__)

        return parse

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readers, "parser_for", none_for)
        codec = Codec(LockRegistry())
        for topic, record in SUBJECTS:
            codec.decode(topic, encoded(topic, sample(head_of(record)), sample(record)))
    return codec


@settings(max_examples=3000, deadline=None, database=None)
@given(subject=st.sampled_from(SUBJECTS), data=st.data())
def test_parsers_take_nothing_that_the_library_refuses_and_make_the_same_of_the_rest(
    library_only: Codec, subject: tuple[str, type[Record]], data: st.DataObject
) -> None:
    topic, record = subject
    value = bytearray(encoded(topic, sample(head_of(record)), sample(record)))
    for _ in range(data.draw(st.integers(0, 3))):
        # One bit more or less says another sign, size or branch.
        change = data.draw(st.sampled_from([1, 2, 128]) | st.integers(0, 255))
        value[data.draw(st.integers(5, len(value) - 1))] ^= change
    said = bytes(value)
    assert decoded_or_refused(CODEC, topic, said) == decoded_or_refused(library_only, topic, said)


def test_each_refusal_has_its_code() -> None:
    event = CODEC.encode_event(sample(Meta), sample(ToolCallStarted))  # type: ignore[arg-type]
    assert decode_or_refuse(topics.EVENTS, b"") == "not_framed"
    assert decode_or_refuse(topics.EVENTS, b'{"run_id": "r"}') == "not_framed"
    assert decode_or_refuse(topics.EVENTS, b"\0\xff\xff\xff\xff" + event[5:]) == "unknown_schema"
    assert decode_or_refuse(topics.EVENTS, event[:-3]) == "truncated"
    assert decode_or_refuse(topics.REQUESTS, event) == "wrong_topic"
    assert decode_or_refuse("no.such.topic", event) == "wrong_topic"
    assert decode_or_refuse(topics.EVENTS, event + b"\0") == "invalid"
    large = b"\0" * (topics.MAX_INPUT_BYTES + 1)
    assert decode_or_refuse(topics.CONTROLS, large) == "oversized"
    with pytest.raises(WireError) as refusal:
        CODEC.decode(topics.EVENTS, None)
    assert refusal.value.code == "not_framed"


def test_what_does_not_belong_on_a_topic_is_not_written_there() -> None:
    with pytest.raises(WireError, match=r"runs\.requests carries no PositionNoted"):
        CODEC.encode(topics.REQUESTS, sample(CATALOGUE[topics.EVENTS][-1]))
    with pytest.raises(WireError, match="needs its meta"):
        CODEC.encode(topics.EVENTS, sample(ToolCallStarted))


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_long_is_written_as_the_library_does(number: int) -> None:
    library = io.BytesIO()
    fastavro.schemaless_writer(library, {"type": "long"}, number)
    assert varint(number) == library.getvalue()


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
def test_a_number_beyond_64_bits_is_refused(number: int) -> None:
    with pytest.raises(WireError, match="64-bit"):
        varint(number)
