"""Artifacts as resources: what is too large is known before it is read, and said where it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runfold.events.contents.content import Content
from runfold.infra.artifacts.files import FileArtifacts
from runfold.infra.artifacts.sealed import SealedArtifacts
from runfold.surfaces.mcp.resources import Artifacts
from tests.deciders.given import RUN, TENANT, came_back
from tests.deciders.given import request as asked
from tests.http.serving import serving
from tests.mcp.conftest import mounting
from tests.mcp.test_calling import modern
from tests.sealing.sealed import Registry
from tests.support.builders.stories import LOOKS
from tests.surfaces.answering import answering


class Watched(FileArtifacts):
    """A store that says how often it was read."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.reads = 0

    def get(self, ref: str, tenant_id: str) -> bytes:
        self.reads += 1
        return super().get(ref, tenant_id)


def read(store: Any, data: bytes, most: int) -> tuple[dict[str, Any], str, int]:
    kept = store.put(data, "text/plain", TENANT)
    left = Content(media_type="text/plain", size=len(data), digest=kept.digest, ref=kept.ref)
    log = answering(asked(), LOOKS, came_back(2, result=left))
    name = kept.ref.rpartition("/")[2]

    def mounted(gateway: Any, url: str) -> Any:
        return mounting(gateway, url, artifacts=Artifacts(store, most))

    with serving(log, mounted=mounted, artifacts=store) as served:
        uri = f"runfold://runs/{RUN}/artifacts/{name}"
        said = modern(served, "resources/read", {"uri": uri})
        whole = served.client().get(f"/artifacts/{name}")
        part = served.client().get(f"/artifacts/{name}", headers={"range": "bytes=0-3"})
    assert (whole.content, part.content) == (data, data[:4])
    return said, name, len(whole.content)


def test_what_is_too_large_is_not_read_and_it_is_said_where_it_is(tmp_path: Path) -> None:
    store = Watched(tmp_path)
    said, name, size = read(store, b"x" * 5_000, 2_000)
    error = said["error"]
    assert f"GET /artifacts/{name}" in error["message"]
    assert "Range" in error["message"]
    assert error["data"] == {
        "code": "too_large", "size": size, "most": 2_000, "place": f"/artifacts/{name}",
    }  # fmt: skip
    # The two that followed it over HTTP.
    assert store.reads == 2


def test_what_fits_is_read(tmp_path: Path) -> None:
    (found,) = read(Watched(tmp_path), b"x" * 2_000, 2_000)[0]["result"]["contents"]
    assert found["text"] == "x" * 2_000


def test_a_seal_does_not_make_a_content_too_large(tmp_path: Path) -> None:
    registry = Registry()
    registry.seal(TENANT)
    store = SealedArtifacts(FileArtifacts(tmp_path), registry.codec().sealing)
    (found,) = read(store, b"x" * 2_000, 2_000)[0]["result"]["contents"]
    assert found["text"] == "x" * 2_000
    assert "2,001 bytes" in read(store, b"y" * 2_001, 2_000)[0]["error"]["message"]
