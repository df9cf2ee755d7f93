"""Files over HTTP: uploaded once, checked, a tenant's own, given whole or in part."""

from __future__ import annotations

import base64
import hashlib
import socket
from contextlib import closing
from typing import Any

import httpx
import pytest

from runfold.events import topics
from runfold.events.records.commands import RunRequested
from runfold.infra.artifacts.errors import ArtifactDamagedError, ArtifactsUnavailableError
from runfold.infra.artifacts.memory import MemoryArtifacts
from runfold.infra.artifacts.sealed import SealedArtifacts
from runfold.surfaces.http.access.limits import Limits
from tests.deciders.given import RUN, TENANT
from tests.http.serving import Served, serving
from tests.http.test_bounds import connected, head
from tests.sealing.sealed import Registry
from tests.support.stack import wait_until

DATA = bytes(range(256)) * 40
DIGEST = f"sha-256=:{base64.b64encode(hashlib.sha256(DATA).digest()).decode()}:"


def upload(client: httpx.Client, data: bytes = DATA, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post("/artifacts", content=data, headers={"content-type": "text/csv", **named})


def test_what_is_uploaded_is_given_as_it_was(client: httpx.Client) -> None:
    kept = upload(client, content_digest=DIGEST)
    assert kept.status_code == 201
    found = kept.json()
    assert (found["size"], found["sha256"], found["media_type"]) == (
        len(DATA),
        hashlib.sha256(DATA).hexdigest(),
        "text/csv",
    )
    assert kept.headers["repr-digest"] == DIGEST
    answer = client.get(kept.headers["location"])
    assert (answer.status_code, answer.content) == (200, DATA)
    assert answer.headers["repr-digest"] == DIGEST
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")
    whole = client.head(kept.headers["location"])
    assert (whole.status_code, whole.content) == (200, b"")
    assert whole.headers["content-length"] == str(len(DATA))
    known = {"if-none-match": answer.headers["etag"]}
    assert client.get(kept.headers["location"], headers=known).status_code == 304


@pytest.mark.parametrize(
    ("said", "begin", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=10230-", 10230, len(DATA)),
        ("bytes=-5", len(DATA) - 5, len(DATA)),
        ("bytes=-99999", 0, len(DATA)),
        ("BYTES = 5-99999999", 5, len(DATA)),
    ],
)
def test_a_part_is_given(client: httpx.Client, said: str, begin: int, end: int) -> None:
    place = upload(client).headers["location"]
    answer = client.get(place, headers={"range": said})
    assert (answer.status_code, answer.content) == (206, DATA[begin:end])
    assert answer.headers["content-range"] == f"bytes {begin}-{end - 1}/{len(DATA)}"
    assert answer.headers["repr-digest"] == DIGEST
    again = client.get(place, headers={"range": said, "if-range": answer.headers["etag"]})
    assert again.status_code == 206
    other = client.get(place, headers={"range": said, "if-range": '"another"'})
    assert (other.status_code, other.content) == (200, DATA)


NO_PARTS = ["bytes=9-2", "bytes=-", "bytes=0-1,5-6", "lines=1-2", "bytes=a-b"]


@pytest.mark.parametrize("said", NO_PARTS)
def test_what_is_no_part_counts_as_not_said(client: httpx.Client, said: str) -> None:
    place = upload(client).headers["location"]
    answer = client.get(place, headers={"range": said})
    assert (answer.status_code, answer.content) == (200, DATA)


@pytest.mark.parametrize("said", [f"bytes={len(DATA)}-", "bytes=-0"])
def test_a_part_that_is_not_there_is_refused(client: httpx.Client, said: str) -> None:
    answer = client.get(upload(client).headers["location"], headers={"range": said})
    assert (answer.status_code, answer.json()["code"]) == (416, "range_not_satisfiable")
    assert answer.headers["content-range"] == f"bytes */{len(DATA)}"


def test_an_artifact_is_its_tenants(served: Served, client: httpx.Client) -> None:
    kept = upload(client).json()
    stranger = served.client(tenant="umbrella")
    other = "0" * 64
    for name in (kept["artifact_id"], other, "..", "a%2Fb", f"artifact:{TENANT}%2F{other}"):
        answer = stranger.get(f"/artifacts/{name}")
        assert (answer.status_code, answer.json()["code"]) in {
            (404, "not_found"),
            (404, "no_such_route"),
        }
    body = {
        "goal": "read it",
        "agent": "worker",
        "attachments": [{"artifact": kept["ref"], "name": "a.csv"}],
    }
    refused = stranger.post("/runs", json=body)
    missing = stranger.post(
        "/runs", json={**body, "attachments": [{"artifact": other, "name": "a.csv"}]}
    )
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid")
    assert refused.json()["detail"] == missing.json()["detail"]
    assert list(served.log.read(topics.REQUESTS)) == []


def test_a_body_that_is_not_what_was_sent_is_refused(client: httpx.Client) -> None:
    answer = upload(client, DATA + b"x", repr_digest=DIGEST)
    assert (answer.status_code, answer.json()["code"]) == (422, "digest_mismatch")
    answer = upload(client, content_digest="sha-256=nonsense")
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert upload(client, content_digest="md5=:AAAA:").status_code == 201
    answer = upload(client, content_type="nonsense")
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_a_run_begins_with_what_was_uploaded(served: Served, client: httpx.Client) -> None:
    kept = upload(client).json()
    body = {
        "goal": "read it",
        "agent": "worker",
        "attachments": [
            {"artifact": kept["artifact_id"], "name": "a.csv", "media_type": "text/csv"},
            {"artifact": kept["ref"], "name": "b.csv", "untrusted": True},
        ],
    }
    answer = client.post("/runs", json=body)
    assert answer.status_code == 202, answer.text
    (sent,) = [each.record for each in served.log.read(topics.REQUESTS)]
    assert isinstance(sent, RunRequested)
    assert [
        (each.name, each.untrusted, each.content.size, each.content.digest.hex(), each.content.ref)
        for each in sent.attachments
    ] == [
        ("a.csv", False, len(DATA), kept["sha256"], kept["ref"]),
        ("b.csv", True, len(DATA), kept["sha256"], kept["ref"]),
    ]
    run_id = answer.json()["run_id"]
    (named,) = client.get(f"/runs/{run_id}/artifacts").json()["artifacts"]
    assert (named["artifact_id"], named["name"], named["size"], named["seq"]) == (
        kept["artifact_id"],
        "a.csv",
        len(DATA),
        1,
    )
    for wrong in ({"name": "../x"}, {"name": "a\nb"}, {"media_type": "x"}, {"more": 1}):
        attached = [{"artifact": kept["ref"], "name": "a", **wrong}]
        refused = client.post("/runs", json={**body, "attachments": attached})
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid"), wrong


def test_the_files_of_a_sealed_tenant_are_sealed() -> None:
    registry, files = Registry(), MemoryArtifacts()
    registry.seal(TENANT)
    store = SealedArtifacts(files, registry.codec().sealing)
    with serving(artifacts=store) as served:
        client = served.client()
        kept = upload(client, b"the cellar is full of gold").json()
        assert kept["sha256"] == hashlib.sha256(b"the cellar is full of gold").hexdigest()
        assert b"gold" not in files.get(kept["ref"], TENANT)
        answer = client.get(f"/artifacts/{kept['artifact_id']}", headers={"range": "bytes=-4"})
        assert (answer.status_code, answer.content) == (206, b"gold")
        body = {
            "goal": "read",
            "agent": "worker",
            "attachments": [{"artifact": kept["artifact_id"], "name": "a"}],
        }
        assert client.post("/runs", json=body).status_code == 202
        (sent,) = [each.record for each in served.log.read(topics.REQUESTS)]
        assert isinstance(sent, RunRequested)
        assert sent.attachments[0].content.digest.hex() == kept["sha256"]


class Broken:
    """A store that fails as it is told."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def put(self, *_: Any) -> Any:
        raise self._error

    get = put


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ArtifactsUnavailableError("no space left"), 503, "unavailable"),
        (ArtifactDamagedError("It is damaged: restore it from a backup."), 500, "storage"),
    ],
)
def test_a_store_that_fails_is_said(error: Exception, status: int, code: str) -> None:
    with serving(artifacts=Broken(error)) as served:
        answer = served.client().get(f"/artifacts/{'0' * 64}")
        assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_bytes_are_bounded_and_a_reader_that_takes_none_is_cut() -> None:
    limits = Limits(idle_s=0.5, artifact_bytes=10_000_000, held_bytes=12_000_000)
    with serving(limits=limits) as served:
        client = served.client()
        answer = upload(client, b"x" * 10_000_001)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        place = upload(client, b"x" * 8_000_000).headers["location"]
        with closing(connected(served)) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            sock.sendall(head(served, method="GET", path=place))
            wait_until(lambda: served.gateway.use.held == 8_000_000)
            busy = client.get(place)
            assert (busy.status_code, busy.json()["code"]) == (503, "too_busy")
            wait_until(lambda: served.gateway.use.held == 0, 60)
        assert len(client.get(place).content) == 8_000_000


def test_a_runs_artifacts_are_listed_also_where_it_has_none(client: httpx.Client) -> None:
    answer = client.get(f"/runs/{RUN}/artifacts")
    assert (answer.status_code, answer.json()["artifacts"]) == (200, [])
