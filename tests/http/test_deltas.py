"""What models say meanwhile, over HTTP: asked for, without ids, never another tenant's."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from runfold.events import topics
from runfold.events.avro.samples import sample
from runfold.events.records.deltas import ModelDelta
from runfold.events.run import ModelResponded, RunCompleted
from runfold.producers.identity import uuid7
from runfold.surfaces.http.access.limits import Limits
from tests.deciders.given import TENANT
from tests.http.serving import Served, serving
from tests.http.test_events import heard
from tests.http.test_streams import STREAM, created, put
from tests.surfaces.answering import answering


@pytest.fixture
def bare() -> Iterator[Served]:
    """A gateway over an empty journal."""
    with serving(answering(), limits=Limits(heartbeat_s=0.05)) as found:
        yield found


def say(served: Served, run: str, text: str, call: str = "c1", tenant: str = TENANT) -> None:
    """Have a model say something."""
    said = ModelDelta(
        run_id=run, tenant_id=tenant, call_id=call, attempt=1, model="a:b", index=0, text=text
    )
    served.log.publish(topics.MODEL_DELTAS, said, run)


def test_what_a_model_says_comes_without_an_id_and_not_after_its_answer(bare: Served) -> None:
    client, run = bare.client(), uuid7()
    put(bare.log, run, 1, created("clerk"))
    answered = sample(ModelResponded)
    assert isinstance(answered, ModelResponded)
    plain: list[dict[str, str]] = []

    def listen_without() -> None:
        with bare.client().stream("GET", f"/runs/{run}/events", headers=STREAM) as answer:
            plain.extend(each for each in heard(answer) if "event" in each)

    other = threading.Thread(target=listen_without)
    other.start()
    got: list[Any] = []
    with client.stream("GET", f"/runs/{run}/events?deltas=true", headers=STREAM) as answer:
        stream = (each for each in heard(answer) if "event" in each)
        assert next(stream)["event"] == "RunCreated"
        say(bare, run, "not yours", tenant="umbrella")
        say(bare, uuid7(), "of another run")
        say(bare, run, "Hel")
        got.append(next(stream))
        say(bare, run, "lo\nthere")
        got.append(next(stream))
        put(bare.log, run, 2, answered.model_copy(update={"call_id": "c1"}))
        assert next(stream)["id"] == "2"
        say(bare, run, "too late")
        say(bare, run, "the next call", call="c2")
        got.append(next(stream))
        put(bare.log, run, 3, sample(RunCompleted))
        assert [each["event"] for each in stream] == ["RunCompleted"]
    other.join(30)
    assert [json.loads(each["data"])["text"] for each in got] == [
        "Hel",
        "lo\nthere",
        "the next call",
    ]
    assert all(each["event"] == "delta" and "id" not in each for each in got)
    assert [each["event"] for each in plain] == ["RunCreated", "ModelResponded", "RunCompleted"]


def test_without_their_topic_events_come_all_the_same(bare: Served) -> None:
    del bare.log._held[topics.MODEL_DELTAS]
    client, run = bare.client(), uuid7()
    put(bare.log, run, 1, created("clerk"))
    put(bare.log, run, 2, sample(RunCompleted))
    with client.stream("GET", f"/runs/{run}/events?deltas=true", headers=STREAM) as answer:
        assert [each["id"] for each in heard(answer) if "id" in each] == ["1", "2"]
    wrong = client.get(f"/runs/{run}/events?deltas=1", headers=STREAM)
    assert (wrong.status_code, wrong.json()["code"]) == (400, "malformed")
