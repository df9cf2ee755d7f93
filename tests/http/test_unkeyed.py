"""A gateway that was given no keys: nothing of a sealed tenant is written in plain through it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.errors import KeysUnavailableError
from runfold.infra.artifacts.files import FileArtifacts
from runfold.infra.artifacts.sealed import SealedArtifacts
from runfold.infra.keys.ring import ShutRing
from runfold.processors.definitions.sealing import serving_codec
from tests.deciders.given import request
from tests.http.serving import serving
from tests.sealing.sealed import CANARY, Registry


def unkeyed(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Codec:
    """Return the codec of a gateway without RUNFOLD_KEYS, which reads the same topic."""
    monkeypatch.delenv("RUNFOLD_KEYS", raising=False)
    codec = serving_codec(LockRegistry(), dict)
    assert codec.sealing is not None
    ring = codec.sealing.keys
    assert isinstance(ring, ShutRing)
    ring.follow(lambda: registry.definitions.tenants, lambda: None)
    return codec


def test_a_file_of_a_sealed_tenant_is_refused_and_not_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry()
    registry.seal("acme")
    store: Any = SealedArtifacts(FileArtifacts(tmp_path), unkeyed(registry, monkeypatch).sealing)
    with serving(artifacts=store) as served:
        refused = served.client(tenant="acme").post("/artifacts", content=CANARY.encode())
        taken = served.client(tenant="umbrella").post("/artifacts", content=b"plain")
    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    assert "RUNFOLD_KEYS" in refused.json()["detail"]
    assert taken.status_code == 201
    files = [each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()]
    assert files == [b"plain"]


def test_a_request_of_a_sealed_tenant_is_not_written_and_of_others_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registry = Registry()
    codec = unkeyed(registry, monkeypatch)
    sent = request()
    plain = codec.encode(topics.REQUESTS, sent)
    registry.seal(sent.tenant_id)
    with pytest.raises(KeysUnavailableError, match="RUNFOLD_KEYS"):
        codec.encode(topics.REQUESTS, sent)
    assert codec.decode(topics.REQUESTS, plain) == sent
    # What is sealed is shown as such, as before.
    sealed = registry.codec().encode(topics.REQUESTS, sent)
    assert "(sealed)" in str(codec.decode(topics.REQUESTS, sealed))
