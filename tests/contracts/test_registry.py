"""What every schema registry guarantees, as a committed file and as a real server."""

from __future__ import annotations

import gzip
import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import avro.io
import avro.schema
import httpx
import pytest

from runfold.events import topics
from runfold.events.avro import releases
from runfold.events.avro.codec import Codec
from runfold.events.avro.files import SCHEMAS, SchemaFolder
from runfold.events.avro.registry import LockRegistry, SchemaRegistry
from runfold.events.avro.samples import sample
from runfold.events.avro.schema import meaning, pretty, schema_for, subject
from runfold.events.errors import RegistryError, SchemaError, WireError
from runfold.events.records.commands import CancelRun
from runfold.events.records.operations import DeadLetter
from runfold.events.run import Event, Meta, ModelResponded, RunCompleted, ToolCallStarted
from runfold.producers.schema_registry.confluent import ConfluentRegistry, publish
from runfold.stack.errors import StackError
from tests.support import apicurio

STARTED = subject(topics.EVENTS, ToolCallStarted)
LETTER = subject(topics.DEAD_LETTERS, DeadLetter)  # registered before the other
TEXT = pretty(schema_for(ToolCallStarted))


def said(body: bytes, status: int = 200, encoding: str = "") -> httpx.Response:
    headers = {"content-encoding": encoding} if encoding else {}
    return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body))


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    try:
        apicurio.installed()
    except StackError as error:
        pytest.skip(f"no Apicurio Registry here: {error}")
    with apicurio.registry() as url:
        publish(url)
        yield url


@pytest.fixture(params=["lock", pytest.param("apicurio", marks=pytest.mark.integration)])
def registry(request: pytest.FixtureRequest) -> Iterator[SchemaRegistry]:
    if request.param == "lock":
        yield LockRegistry()
        return
    remote = ConfluentRegistry(request.getfixturevalue("server"))
    yield remote
    remote.close()


def test_an_id_leads_back_to_the_schema(registry: SchemaRegistry) -> None:
    for name, record in releases.subjects():
        text = pretty(schema_for(record))
        found = registry.schema_of(registry.id_of(name, text))
        # Words may change without a new version: readers resolve what a schema means.
        assert meaning(json.loads(found)) == meaning(json.loads(text))


def test_a_content_has_one_id_under_all_its_subjects(registry: SchemaRegistry) -> None:
    text = pretty(schema_for(RunCompleted))
    ids = {
        registry.id_of(subject(topic, RunCompleted), text)
        for topic in (topics.EVENTS, topics.COMPLETIONS)
    }
    assert len(ids) == 1


def test_what_it_does_not_hold_is_refused(registry: SchemaRegistry) -> None:
    with pytest.raises(WireError) as refusal:
        registry.schema_of(4711)
    assert refusal.value.code == "unknown_schema"
    other = json.loads(TEXT) | {"name": "Other"}
    with pytest.raises(SchemaError, match=r"runfold schemas publish|events\.avro"):
        registry.id_of(STARTED, json.dumps(other))
    with pytest.raises(SchemaError):
        registry.id_of("no.such-subject", TEXT)


@pytest.mark.parametrize("schema_id", [0, 2**31 - 1, 2**31, 2**32 - 1])
def test_an_id_that_cannot_be_one_is_an_unknown_one(
    registry: SchemaRegistry, schema_id: int
) -> None:
    value = b"\0" + schema_id.to_bytes(4, "big") + b"rest"
    with pytest.raises(WireError) as refusal:
        Codec(registry).decode(topics.REQUESTS, value)
    assert refusal.value.code == "unknown_schema"


@pytest.mark.parametrize("status", [400, 404, 410, 422])
def test_a_registry_that_refuses_an_id_is_not_away(status: int) -> None:
    transport = httpx.MockTransport(lambda _: said(b'{"error_code": 40403}', status))
    remote = ConfluentRegistry("http://registry.test", transport=transport)
    with pytest.raises(WireError, match="No schema has the id 7"):
        remote.schema_of(7)


def test_a_codec_works_on_it(registry: SchemaRegistry) -> None:
    codec, meta, fact = Codec(registry), sample(Meta), sample(ModelResponded)
    assert isinstance(meta, Meta)
    assert isinstance(fact, ModelResponded)
    assert codec.decode(topics.EVENTS, codec.encode_event(meta, fact)) == Event(meta, fact)
    control = sample(CancelRun)
    assert codec.decode(topics.CONTROLS, codec.encode(topics.CONTROLS, control)) == control


@pytest.mark.parametrize("record", [ToolCallStarted, ModelResponded, RunCompleted])
def test_apache_s_own_library_reads_what_we_wrote(
    registry: SchemaRegistry, record: type[ModelResponded]
) -> None:
    meta, fact = sample(Meta), sample(record)
    assert isinstance(meta, Meta)
    assert isinstance(fact, record)
    value = Codec(registry).encode_event(meta, fact)
    schema = avro.schema.parse(registry.schema_of(int.from_bytes(value[1:5], "big")))
    reader = avro.io.DatumReader(schema)
    found = reader.read(avro.io.BinaryDecoder(io.BytesIO(value[5:])))
    assert found == {"meta": plain(meta.model_dump()), **plain(fact.model_dump())}


def versions_of(subject: str) -> list[int]:
    """The versions that the lock has of a subject."""
    return sorted(each.version for each in SchemaFolder().entries() if each.subject == subject)


def plain(said: object) -> object:
    if isinstance(said, dict):
        return {name: plain(value) for name, value in said.items()}
    return [plain(each) for each in said] if isinstance(said, tuple) else said


@pytest.mark.integration
def test_publishing_again_changes_nothing_and_every_subject_is_guarded(server: str) -> None:
    names = httpx.get(f"{server}/subjects").json()
    assert set(names) == {name for name, _ in releases.subjects()}
    published = publish(server)
    assert f"{STARTED} 1" in published
    assert httpx.get(f"{server}/subjects/{STARTED}/versions").json() == versions_of(STARTED)
    level = httpx.get(f"{server}/config/{STARTED}").json()
    assert level["compatibilityLevel"] == "FULL_TRANSITIVE"


@pytest.mark.integration
def test_an_incompatible_schema_is_refused_and_nothing_is_published(
    server: str, tmp_path: Path
) -> None:
    shutil.copytree(SCHEMAS, tmp_path, dirs_exist_ok=True)
    folder = SchemaFolder(tmp_path)
    newest = {name: versions_of(name)[-1] for name in (LETTER, STARTED)}
    sound, file = (folder.schema_file(name, number) for name, number in newest.items())
    before = json.loads(sound.read_text())
    before["fields"].append({"name": "added", "type": "string", "default": ""})
    sound.write_text(json.dumps(before))
    changed = json.loads(file.read_text())
    changed["fields"].append({"name": "added", "type": "string"})
    file.write_text(json.dumps(changed))
    remote = ConfluentRegistry(server, folder)
    with pytest.raises(SchemaError, match=f"The schema of {STARTED} does not fit") as refusal:
        remote.publish()
    assert "\n" not in str(refusal.value)
    for name in (LETTER, STARTED):
        assert httpx.get(f"{server}/subjects/{name}/versions").json() == versions_of(name)
    changed["fields"][-1]["default"] = ""
    file.write_text(json.dumps(changed))
    remote.publish()
    for name in (LETTER, STARTED):
        assert httpx.get(f"{server}/subjects/{name}/versions").json() == [
            *versions_of(name),
            newest[name] + 1,
        ]
    remote.close()


@pytest.mark.integration
def test_a_registry_that_holds_nothing_registers_nothing_by_itself(server: str) -> None:
    remote = ConfluentRegistry(server)
    with pytest.raises(SchemaError, match="publish it with"):
        remote.id_of("runs.new-runfold.ToolCallStarted", TEXT)
    assert "runs.new-runfold.ToolCallStarted" not in httpx.get(f"{server}/subjects").json()
    remote.close()


@pytest.mark.parametrize("status", [401, 500, 200])
def test_a_registry_that_answers_badly_is_said_without_its_password(status: int) -> None:
    transport = httpx.MockTransport(lambda _: said(b"<html>", status))
    remote = ConfluentRegistry("http://ada:secret@registry.test", transport=transport)
    with pytest.raises(RegistryError, match="check SCHEMA_REGISTRY_URL") as refusal:
        Codec(remote).decode(topics.CONTROLS, b"\0\0\0\0\1x")
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    "answer",
    [
        lambda: said(b"[]"),
        lambda: said(b'{"id": "x", "schema": {}}'),
        lambda: said(b'["no"]', 409),
        lambda: said(b"[" * 100_000),
        lambda: said(b" " * 5_000_000 + b"{}"),
        lambda: said(gzip.compress(b'{"id": 1, "schema": "int"}'), encoding="gzip"),
    ],
    ids=["a list", "other types", "a list of 409", "deep", "long", "gzip"],
)
def test_whatever_a_registry_answers_is_bounded_and_said(
    answer: Callable[[], httpx.Response],
) -> None:
    transport = httpx.MockTransport(lambda _: answer())
    remote = ConfluentRegistry("http://registry.test", transport=transport)
    for ask in (lambda: remote.schema_of(1), lambda: remote.id_of(STARTED, TEXT)):
        with pytest.raises(RegistryError, match="did not answer as it should"):
            ask()


def test_a_registry_is_asked_for_answers_as_they_are() -> None:
    asked: list[str] = []

    def answers(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["accept-encoding"])
        return said(json.dumps({"schema": TEXT}).encode())

    remote = ConfluentRegistry("http://registry.test", transport=httpx.MockTransport(answers))
    assert remote.schema_of(1) == TEXT
    assert asked == ["identity"]


def test_a_registry_that_is_away_is_said_in_one_sentence() -> None:
    remote = ConfluentRegistry("http://127.0.0.1:1")
    with pytest.raises(RegistryError, match=r"127\.0\.0\.1:1/? did not answer"):
        remote.id_of(STARTED, TEXT)
    remote.close()
