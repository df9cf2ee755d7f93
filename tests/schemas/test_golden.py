"""Bytes that were written once are read today [9 of the guarantees]."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runfold.events import topics
from runfold.events.avro import releases
from runfold.events.avro.codec import Codec
from runfold.events.avro.files import Entry, SchemaFolder
from runfold.events.avro.registry import LockRegistry
from runfold.events.run import Event
from runfold.events.tenant import TenantEvent

FOLDER = SchemaFolder()
CODEC = Codec(LockRegistry())
KNOWN = dict(releases.subjects())


def said(found: Any) -> Any:
    if isinstance(found, Event | TenantEvent):
        return {"meta": found.meta.model_dump(mode="json"), **found.fact.model_dump(mode="json")}
    return found.model_dump(mode="json")


def holds(found: Any, wanted: Any) -> bool:
    """Whether everything that was said is still read; fields added since are let pass."""
    if isinstance(wanted, dict):
        return all(name in found and holds(found[name], wanted[name]) for name in wanted)
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(holds, found, wanted))
    return bool(found == wanted)


@pytest.mark.parametrize("entry", FOLDER.entries(), ids=lambda e: f"{e.subject}-{e.version}")
def test_a_committed_sample_still_says_what_it_said(entry: Entry) -> None:
    body = FOLDER.golden_file(entry.subject, entry.version, "bin").read_bytes()
    wanted = json.loads(FOLDER.golden_file(entry.subject, entry.version, "json").read_text())
    topic = entry.subject.partition("-")[0]
    value = b"\0" + entry.id.to_bytes(4, "big") + body
    found = said(CODEC.decode(topic, value))
    assert holds(found, wanted)
    record = KNOWN.get(entry.subject)
    assert record is not None
    if (entry.version, topic) == (1, topics.REQUESTS):
        assert found["run_id"] == "run_id ü"
