"""A real schema registry for tests: Apicurio, fetched once, checked each time, in memory."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from runfold.stack.kafka import jars, java
from runfold.stack.settings import Settings
from tests.support.stack import wait_until

LOCK = Path(__file__).with_name("apicurio-2.5.11.lock")


def locked() -> jars.Locked:
    """The one artifact, as the lock names it."""
    coordinates, _, digest = LOCK.read_text().strip().partition(" sha256:")
    group, artifact, version, classifier, packaging = coordinates.split(":")
    return jars.Locked(group, artifact, version, digest, classifier, packaging)


def installed() -> Path:
    """The folder with the server; raises StackError where it cannot be fetched."""
    item = locked()
    folder = Settings.from_env().cache / f"{item.artifact}-{item.version}-{item.sha256[:12]}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            archive = jars.fetch(item, Path(scratch))
            whole = Path(scratch) / "whole"
            with tarfile.open(archive) as packed:
                packed.extractall(whole, filter="data")
            if not folder.exists():
                shutil.move(whole, folder)
    return folder


@contextmanager
def registry() -> Iterator[str]:
    """An empty registry; the address of its Confluent API."""
    folder = installed()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as scratch, (Path(scratch) / "log").open("wb") as log:
        server = subprocess.Popen(
            [
                java.find().program, "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                "-Dquarkus.http.host=127.0.0.1", f"-Dquarkus.http.port={port}",
                "-jar", next(folder.glob("*-runner.jar")),
            ],
            stdout=log, stderr=log, cwd=scratch,
        )  # fmt: skip
        url = f"http://127.0.0.1:{port}/apis/ccompat/v7"
        try:
            wait_until(lambda: _answers(server, url), 60)
            yield url
        finally:
            server.kill()
            server.wait()


def _answers(server: subprocess.Popen[bytes], url: str) -> bool:
    assert server.poll() is None, "the registry ended at once"
    try:
        return httpx.get(f"{url}/subjects", timeout=2).is_success
    except httpx.TransportError:
        return False
