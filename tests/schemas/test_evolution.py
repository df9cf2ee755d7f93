"""What a later or an earlier release wrote is read as far as this one can."""

from __future__ import annotations

import copy
import io
import json
from typing import Any

import fastavro
import pytest

from runfold.events import topics
from runfold.events.avro.beyond import beyond
from runfold.events.avro.codec import Codec
from runfold.events.avro.files import SchemaFolder
from runfold.events.avro.registry import LockRegistry
from runfold.events.avro.samples import sample
from runfold.events.avro.schema import schema_for, subject
from runfold.events.base import Record
from runfold.events.catalogue import CATALOGUE
from runfold.events.errors import WireError
from runfold.events.records.commands import CancelRun
from runfold.events.run import Event, Meta, ToolCallStarted


class OneSchema:
    """A registry that knows one foreign schema."""

    def __init__(self, schema: Any) -> None:
        self.schema = schema

    def id_of(self, subject: str, schema: str) -> int:
        return 7

    def schema_of(self, schema_id: int) -> str:
        return json.dumps(self.schema)


def written(schema: Any, plain: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(copy.deepcopy(schema)), plain)
    return b"\0\0\0\0\7" + out.getvalue()


def plain_event() -> dict[str, Any]:
    return {"meta": sample(Meta).model_dump(), **sample(ToolCallStarted).model_dump()}


def test_a_later_field_and_a_later_symbol_are_passed_over() -> None:
    schema = schema_for(ToolCallStarted)
    schema["fields"].append({"name": "later", "type": "long", "default": 0})
    meta = schema["fields"][0]["type"]
    status = next(f for f in meta["fields"] if f["name"] == "status")["type"]
    status["symbols"].append("hibernating")
    plain = plain_event()
    plain["later"] = 12
    plain["meta"]["status"] = "hibernating"
    found = Codec(OneSchema(schema)).decode(topics.EVENTS, written(schema, plain))
    assert isinstance(found, Event)
    assert found.meta.status == "unknown"
    assert found.fact == sample(ToolCallStarted)
    # Who folds facts asks for it, and leaves the run to the release that knows more.
    said = Codec(OneSchema(schema)).beyond(written(schema, plain))
    assert said == "RunStatus.hibernating, ToolCallStarted.later"


def test_what_this_release_wrote_says_nothing_that_it_does_not_know() -> None:
    codec = Codec(LockRegistry())
    value = codec.encode_event(sample(Meta), sample(ToolCallStarted))
    assert codec.beyond(value) == ""


@pytest.mark.parametrize("record", CATALOGUE[topics.EVENTS], ids=lambda record: record.__name__)
def test_no_fact_ever_loses_a_field_or_a_symbol(record: type[Record]) -> None:
    """Else what an older release wrote would pass for a newer one's."""
    folder, name = SchemaFolder(), subject(topics.EVENTS, record)
    versions = [folder.schema(entry) for entry in folder.entries() if entry.subject == name]
    assert versions
    for version in versions:
        assert beyond(version, schema_for(record)) == []


def test_an_earlier_record_gets_the_defaults() -> None:
    schema = schema_for(CancelRun)
    schema["fields"] = [f for f in schema["fields"] if f["name"] != "reason"]
    plain = sample(CancelRun).model_dump(exclude={"reason"})
    found = Codec(OneSchema(schema)).decode(topics.CONTROLS, written(schema, plain))
    assert found == sample(CancelRun).model_copy(update={"reason": ""})


def test_a_schema_that_lacks_a_required_field_is_refused() -> None:
    schema = schema_for(CancelRun)
    schema["fields"] = [f for f in schema["fields"] if f["name"] != "run_id"]
    plain = sample(CancelRun).model_dump(exclude={"run_id"})
    with pytest.raises(WireError) as refusal:
        Codec(OneSchema(schema)).decode(topics.CONTROLS, written(schema, plain))
    assert refusal.value.code == "invalid"


@pytest.mark.parametrize(
    ("schema", "code"),
    [
        ("string", "unknown_schema"),
        ([], "unknown_schema"),
        ({"type": "record", "name": "runfold.CancelRun"}, "unknown_schema"),
        ({"type": "record", "name": "runfold.CancelRun", "fields": [{"name": "a", "type": "b"}]},
         "unknown_schema"),
        ({"type": "record", "name": "other.Thing", "fields": []}, "wrong_topic"),
    ],
)  # fmt: skip
def test_a_foreign_schema_is_refused(schema: Any, code: str) -> None:
    with pytest.raises(WireError) as refusal:
        Codec(OneSchema(schema)).decode(topics.CONTROLS, b"\0\0\0\0\7rest")
    assert refusal.value.code == code
