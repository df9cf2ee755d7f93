"""What a start shows is a read: put on record first, and left out where that cannot be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from runfold.events import topics
from runfold.surfaces.application.reads import ReadRecord
from tests.a2a.calling import agents
from tests.surfaces.answering import answering

BASE = "/a2a/agents/worker"


def nowhere() -> str:
    raise RuntimeError("There is none.")


def send(method: str, **configuration: Any) -> dict[str, Any]:
    said = {"messageId": method, "role": "ROLE_USER", "parts": [{"text": "a secret goal"}]}
    params = {"message": said, "configuration": configuration}
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def test_a_task_whose_reading_cannot_be_put_on_record_is_begun_and_not_shown(
    tmp_path: Path,
) -> None:
    with agents(tmp_path, answering(), reads="require", reads_to=nowhere) as served:
        client = served.client()
        client.headers["a2a-version"] = "1.0"
        for wanted in ({}, {"returnImmediately": True}):
            rpc = send("SendMessage", **wanted)
            rpc["params"]["message"]["messageId"] = f"m-{len(wanted)}"
            task = client.post(BASE, json=rpc).json()["result"]["task"]
            assert set(task) == {"id", "contextId", "status"}, task
            assert task["status"] == {"state": "TASK_STATE_SUBMITTED"}
        with client.stream("POST", BASE, json=send("SendStreamingMessage")) as answer:
            lines = [each for each in answer.iter_lines() if each.startswith("data:")]
        (only,) = [json.loads(each[5:]) for each in lines]
        assert set(only["result"]["task"]) == {"id", "contextId", "status"}, only
        found = list(served.log.read(topics.REQUESTS, "earliest"))
        assert len(found) == 3


def test_a_task_that_is_begun_is_a_read_of_it(tmp_path: Path, monkeypatch: Any) -> None:
    noted: list[tuple[str, str]] = []

    def note(self: Any, what: str, tenant: str, run_id: str = "", tell: Any = None) -> None:
        noted.append((what, run_id))

    monkeypatch.setattr(ReadRecord, "note", note)
    with agents(tmp_path, answering(), reads="record") as served:
        client = served.client()
        client.headers["a2a-version"] = "1.0"
        rpc = send("SendMessage", returnImmediately=True)
        task = client.post(BASE, json=rpc).json()["result"]["task"]
    assert noted == [("a2a message/send", task["id"])]
